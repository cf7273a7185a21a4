"""Weights in 8 or 4 bits on a GPU: as on a CPU, in a graph, and on small cards."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.ahead import tokens_ahead
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward
from dashdoc.models.quantized import LINEAR, Quantization

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")

TOKENS, ANSWER = 100_000, 16
PROMPT = 400


def ids(model: Model, tokens: int) -> Tensor:
    return torch.randint(3, model.config.vocab_size, (1, tokens), device=model.device)


@pytest.fixture(params=LINEAR)
def quantization(request: pytest.FixtureRequest) -> Quantization:
    return request.param


@torch.inference_mode()
def test_logits_are_those_of_the_cpu(quantization: Quantization) -> None:
    """In bf16, and with codes of weights in bf16: what 4 bits lose is far more."""
    on_cpu, on_gpu = (
        load_model(choose_model("bundled", quantize=quantization, device=device))
        for device in ("cpu", "cuda")
    )
    prompt = ids(on_cpu, PROMPT)
    expected = on_cpu.network(prompt).logits
    actual = on_gpu.network(prompt.cuda()).logits.cpu().float()
    assert ((actual - expected).norm() / expected.norm()).item() < 0.1


def test_a_graph_gives_the_tokens_of_the_plain_path(quantization: Quantization) -> None:
    model = load_model(choose_model("bundled", quantize=quantization, device="cuda"))
    prompt = ids(model, PROMPT)
    made = []
    for _ in range(2):
        cache = DashCache(model.config, PROMPT + ANSWER)
        made.append((cache, forward(model.network, prompt, cache)))
    (cache, logits), (plain, last) = made
    for token in tokens_ahead(model.network, cache, logits, ANSWER):
        # Fed with the same tokens: two that are nearly as likely may change places.
        assert last[0, token] >= last.max() - 0.05 * last.std()
        last = forward(model.network, torch.tensor([[token]], device="cuda"), plain)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the layout and size of the released 8B checkpoint."""
    from model_checkpoint import RELEASED, write_checkpoint

    return write_checkpoint(tmp_path_factory.mktemp("released"), RELEASED)


@pytest.fixture
def capped(request: pytest.FixtureRequest) -> Iterator[int]:
    """The bytes that torch may take: those of a card, less what its driver and a screen take."""
    gigabytes: int = request.param
    cap = gigabytes * 10**9
    total = torch.cuda.get_device_properties(0).total_memory
    if total <= cap:
        pytest.skip(f"a card of more than {gigabytes} GB is needed to play a smaller one")
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.set_per_process_memory_fraction(cap / total)
    yield cap
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("capped", "bits"), [(24, "8bit"), (12, "4bit")], indirect=["capped"], ids=["24 GB", "12 GB"]
)
def test_a_small_card_reads_100k_tokens_with_the_8b_weights(
    released: Path, capped: int, bits: Quantization
) -> None:
    choice = choose_model(str(released), quantize=bits, device="cuda")
    room = choice.largest_context(capped - choice.weight_bytes)
    assert room > TOKENS + ANSWER
    model = load_model(choice)
    # Loaded matrix by matrix: never all of them as they are stored.
    assert torch.cuda.max_memory_allocated() < choice.weight_bytes + 2**30
    prompt, cache = ids(model, TOKENS), DashCache(model.config, TOKENS + ANSWER)
    for piece in prompt.split(model.prefill_piece, 1):
        logits = forward(model.network, piece, cache)
    assert logits.isfinite().all()
    assert len(list(tokens_ahead(model.network, cache, logits, ANSWER))) == ANSWER
    told = choice.weight_bytes + choice.cache_bytes(TOKENS) + choice.workspace_bytes(TOKENS)
    peak = torch.cuda.max_memory_allocated()
    assert peak < min(capped, 1.05 * told)
