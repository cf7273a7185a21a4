"""A model on the GPU answers as on the CPU."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dashdoc.documents import Document, Page
from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.cache import DashCache
from dashdoc.models.checkpoint import read_config
from dashdoc.models.configuration import ROUTING_PRESETS
from dashdoc.models.generation import forward
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.session import Session
from tests.conftest import SENTENCE
from tests.models import released

TOKENS = 650
DUES = "Dues are paid to the port authority, in coin, before notice is given."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released.write(tmp_path_factory.mktemp("released"))


@torch.inference_mode()
def logits(folder: Path, ids: Tensor, device: str, dtype: torch.dtype, **routing: object) -> Tensor:
    config = read_config(folder, dict(routing))
    network = DashLlamaForCausalLM.from_pretrained(folder, config=config, dtype=dtype)
    return network.to(device).eval()(ids.to(device)).logits.cpu().double()


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("preset", ROUTING_PRESETS)
def test_logits_equal_the_cpus(folder: Path, preset: str) -> None:
    """In bf16 the CPU's own rounding is the yardstick."""
    ids = torch.randint(3, released.VOCABULARY, (1, TOKENS))
    exact = logits(folder, ids, "cpu", torch.float32, **ROUTING_PRESETS[preset])
    rounded = logits(folder, ids, "cpu", torch.bfloat16, **ROUTING_PRESETS[preset])
    half = logits(folder, ids, "cuda", torch.bfloat16, **ROUTING_PRESETS[preset])
    assert relative_error(half, exact) <= 2 * relative_error(rounded, exact)


@pytest.mark.parametrize("pieces", [[TOKENS], [512, 138], [600] + [1] * 50])
@torch.inference_mode()
def test_cached_pieces_give_the_uncached_logits(folder: Path, pieces: list[int]) -> None:
    ids = torch.randint(3, released.VOCABULARY, (1, TOKENS))
    expected = logits(folder, ids, "cpu", torch.float32)[:, -1]
    config = read_config(folder, {})
    network = DashLlamaForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32)
    network = network.to("cuda").eval()
    cache = DashCache(config, capacity=TOKENS)
    for piece in ids.to("cuda").split(pieces, 1):
        last = forward(network, piece, cache)
    assert relative_error(last.cpu().double(), expected) < 1e-3


def load(folder: Path, device: str, dtype: torch.dtype = torch.float32) -> Model:
    return load_model(replace(choose_model(str(folder), device=device), dtype=dtype))


def report() -> Document:
    pages = tuple(
        Page(number, "\n".join([DUES, SENTENCE if number == 3 else DUES] * 20))
        for number in range(1, 6)
    )
    return Document("report.pdf", "pdf", pages, 5, True, "hash")


def test_a_session_answers_as_on_the_cpu(tiny_checkpoint: Path) -> None:
    """Random weights: every token of the reading moves the answer."""
    sessions = [Session(load(tiny_checkpoint, device), [report()]) for device in ("cpu", "cuda")]
    on_cpu, on_gpu = (session.ask("Who signed?", max_tokens=20) for session in sessions)
    assert on_gpu.text == on_cpu.text
    assert on_gpu.finish_reason == on_cpu.finish_reason
    readings = [session.reading for session in sessions]
    assert all(reading is not None for reading in readings)
    assert readings[1].routing.sparsity == pytest.approx(readings[0].routing.sparsity, abs=1e-3)
    assert readings[1].peak_memory_bytes > 0


def test_in_bf16_the_answer_has_its_page(speaking_checkpoint: Path) -> None:
    answer = Session(load(speaking_checkpoint, "cuda", torch.bfloat16), [report()]).ask("Who?")
    assert (answer.text, answer.pages, answer.finish_reason) == (SENTENCE, [3], "stop")


def test_the_device_with_a_gpu_is_the_gpu(tiny_checkpoint: Path) -> None:
    choice = choose_model(str(tiny_checkpoint))
    assert (choice.device.type, choice.dtype) == ("cuda", torch.bfloat16)
