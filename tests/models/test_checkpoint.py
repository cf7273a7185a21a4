"""A broken checkpoint is named before any weight is loaded: file, tensor, shapes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dashdoc.errors import ModelError
from dashdoc.models.checkpoint import check_checkpoint, read_config
from tests.models import released

FIRST, SECOND = (f"model-{n:05}-of-00002.safetensors" for n in (1, 2))
CLASS_QUERY = "model.layers.1.self_attn.indexer_q"
DOWN = "model.layers.0.mlp.down_proj.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return released.write(tmp_path / "checkpoint")


def check(folder: Path) -> int:
    return check_checkpoint(folder, read_config(folder, {}))


def shard_of(folder: Path, tensor: str) -> Path:
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    return folder / index["weight_map"][tensor]


def drop(folder: Path, tensor: str) -> None:
    shard = shard_of(folder, tensor)
    weights = load_file(shard)
    del weights[tensor]
    save_file(weights, shard)


def reshape(folder: Path, tensor: str) -> None:
    shard = shard_of(folder, tensor)
    weights = load_file(shard)
    weights[tensor] = torch.zeros(3, 5)
    save_file(weights, shard)


def truncate(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def test_a_whole_checkpoint_passes_and_tells_its_size(folder: Path) -> None:
    assert check(folder) == sum(f.stat().st_size for f in folder.glob("*.safetensors"))


BROKEN: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "missing shard": (lambda f: (f / SECOND).unlink(), [SECOND, "missing"]),
    "truncated data": (lambda f: truncate(f / FIRST, 9_000), [FIRST, "truncated", "9,000 bytes"]),
    "truncated header": (lambda f: truncate(f / FIRST, 40), [FIRST, "no readable header"]),
    "empty shard": (lambda f: truncate(f / FIRST, 0), [FIRST, "no readable header", "0 bytes"]),
    "missing tensor": (lambda f: drop(f, DOWN), [DOWN, "lacks", "[96, 160]"]),
    "missing class query": (
        lambda f: drop(f, CLASS_QUERY),
        [CLASS_QUERY, "[256]", "no DashAttention checkpoint"],
    ),
    "another shape": (lambda f: reshape(f, DOWN), [DOWN, "shape [3, 5]", "expected [96, 160]"]),
    "damaged index": (
        lambda f: (f / "model.safetensors.index.json").write_text("{"),
        ["model.safetensors.index.json", "damaged"],
    ),
    "no weights": (
        lambda f: [p.unlink() for p in f.glob("model*")],
        ["neither", "the weights are missing"],
    ),
    "no config": (lambda f: (f / "config.json").unlink(), ["holds no config.json"]),
    "damaged config": (lambda f: (f / "config.json").write_text("nul"), ["config.json", "damaged"]),
    "a config that is no object": (
        lambda f: (f / "config.json").write_text("[1]"),
        ["config.json", "damaged"],
    ),
    "another architecture": (
        lambda f: (f / "config.json").write_text(json.dumps(released.config(model_type="gpt2"))),
        ["'gpt2'", "Llama"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named(folder: Path, case: str) -> None:
    damage, words = BROKEN[case]
    damage(folder)
    with pytest.raises(ModelError) as caught:
        check(folder)
    for word in words:
        assert word in caught.value.message
    assert caught.value.exit_code == 7


def test_what_the_config_lacks_takes_the_packages_defaults(folder: Path) -> None:
    config = read_config(folder, {})
    assert (config.chunk_size, config.estimate_diagonal, config.sigma) == (64, False, 1e6)
    assert (config.scaling_factor, config.rotate_head_query, config.local_chunks) == (1.0, False, 1)


def test_overrides_win_over_the_config(tmp_path: Path) -> None:
    folder = released.write(tmp_path, chunk_size=32, scaling_factor=0.5)
    assert read_config(folder, {}).chunk_size == 32
    assert read_config(folder, {"chunk_size": 16}).chunk_size == 16
