"""Memory: the longest context is the border of what fits."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dashdoc.models.cache import cache_bytes
from dashdoc.models.checkpoint import read_config
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.memory import (
    RESERVE,
    container_bytes,
    free_bytes,
    is_out_of_memory,
    kernel_workspace_bytes,
    largest_context,
    peak_bytes,
    workspace_bytes,
)
from tests.models import released

CPU = torch.device("cpu")
PIECE, BLOCK = 512, 64
FREE = [0, 1 << 20, 7_000_001, 1 << 24, 1 << 27, 123_456_789, 1 << 30, 1 << 34]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> DashLlamaConfig:
    return read_config(released.write(tmp_path_factory.mktemp("released")), {})


def workspace(config: DashLlamaConfig) -> Callable[[int], int]:
    return lambda tokens: workspace_bytes(config, tokens, PIECE, BLOCK)


def needed(config: DashLlamaConfig, dtype: torch.dtype, tokens: int) -> int:
    return cache_bytes(config, tokens, dtype) + workspace(config)(tokens)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("free", FREE)
def test_the_longest_context_fits_and_a_token_more_does_not(
    config: DashLlamaConfig, free: int, dtype: torch.dtype
) -> None:
    tokens = largest_context(config, dtype, free, workspace(config))
    assert tokens == 0 or needed(config, dtype, tokens) <= free * RESERVE
    assert needed(config, dtype, tokens + 1) > free * RESERVE


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_more_memory_never_holds_less(config: DashLlamaConfig, dtype: torch.dtype) -> None:
    contexts = [largest_context(config, dtype, free, workspace(config)) for free in sorted(FREE)]
    assert contexts == sorted(contexts)
    assert contexts[0] == 0 < contexts[-1]


def test_a_debt_holds_nothing(config: DashLlamaConfig) -> None:
    assert largest_context(config, torch.float32, -(1 << 30), workspace(config)) == 0


def test_half_the_precision_holds_more(config: DashLlamaConfig) -> None:
    held = [
        largest_context(config, t, 1 << 30, workspace(config)) for t in (torch.float32, torch.half)
    ]
    assert held[0] < held[1]


@pytest.mark.parametrize("tokens", [1, 1000, 131_072, 1 << 20])
def test_a_longer_context_never_needs_less(config: DashLlamaConfig, tokens: int) -> None:
    assert needed(config, torch.float32, tokens + 1) > needed(config, torch.float32, tokens)


def test_the_released_cache_costs_32_kib_a_token_and_its_summaries() -> None:
    config = DashLlamaConfig(
        num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=2, head_dim=128
    )
    tokens = 131_072
    keys_and_values = tokens * 32 * 1024
    assert cache_bytes(config, tokens, torch.bfloat16) == keys_and_values * (1 + 1 / 128)


def test_the_kernels_workspace_grows_with_the_piece_and_halves_with_the_digits(
    config: DashLlamaConfig,
) -> None:
    sizes = [kernel_workspace_bytes(config, torch.bfloat16, piece) for piece in (1024, 2048, 4096)]
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0]) > 0
    wide = kernel_workspace_bytes(config, torch.float32, 1024)
    assert wide == kernel_workspace_bytes(config, torch.bfloat16, 2048)


def test_what_this_process_takes_is_measured() -> None:
    before = peak_bytes(CPU)
    kept = torch.ones(8 << 20)
    assert kept.sum() == 8 << 20
    assert 0 < before <= peak_bytes(CPU)
    assert peak_bytes(CPU) >= kept.nbytes
    assert free_bytes(CPU) > 0


def test_a_container_holds_what_its_limit_leaves(tmp_path: Path) -> None:
    """Files that are cached count as used, and give way."""
    (tmp_path / "memory.max").write_text("8000\n")
    (tmp_path / "memory.current").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 3000\ninactive_file 1500\n")
    assert container_bytes(tmp_path) == 8000 - 5000 + 1500


def test_without_a_limit_the_machine_is_the_limit(tmp_path: Path) -> None:
    assert container_bytes(tmp_path) > 1 << 60
    (tmp_path / "memory.max").write_text("max\n")
    assert container_bytes(tmp_path) > 1 << 60


def test_torchs_own_errors_tell_that_memory_ran_out() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes differ"))
