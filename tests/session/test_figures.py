"""What was measured while a session read and answered."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward
from dashdoc.session import Session
from tests.conftest import SENTENCE
from tests.session.conftest import DUES, document, notes, pages, request_of


class Record:
    """Every count of every layer as the operator gives it."""

    def __init__(self) -> None:
        self.active: dict[int, list[torch.Tensor]] = {}

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, summaries: Tensor) -> None:
        self.active.setdefault(layer, []).append(active[0])


def test_routing_figures_are_those_of_a_direct_count(babbling: Model, heard: list[int]) -> None:
    reading = Session(babbling, [document(*pages(70))]).read()
    N, C = reading.tokens, babbling.config.chunk_size
    assert N > 4096
    record, cache = Record(), DashCache(babbling.config, N)
    for piece in torch.tensor([heard[:N]]).split(babbling.prefill_piece, 1):
        forward(babbling.network, piece, cache, record)
    active = torch.stack([torch.cat(record.active[layer], 1) for layer in (0, 1)]).double()
    readable = torch.arange(N) // C + 1
    routing = reading.routing
    assert routing.tokens == N
    heads = 1 - active.sum(-1) / readable.sum()  # [L, Hkv]
    assert routing.sparsity == pytest.approx(heads.mean().item())
    assert 0 < routing.sparsity < 1
    assert routing.per_layer == pytest.approx(heads.mean(1).tolist())
    assert sum(routing.per_head, []) == pytest.approx(heads.flatten().tolist())
    assert routing.sparsity_token_mean == pytest.approx(1 - (active / readable).mean().item())
    assert routing.sparsity_authors == pytest.approx(1 - C * active[..., 4096:].mean().item() / N)


def test_dense_routing_skips_nothing(tiny_checkpoint: Path) -> None:
    choice = choose_model(str(tiny_checkpoint), scale=0.0, device="cpu")
    choice.config.estimate_diagonal = True
    session = Session(load_model(choice), [document(*pages(4))])
    answer = session.ask("Who signed?", max_tokens=3)
    assert session.reading is not None
    for routing in (session.reading.routing, answer.routing):
        assert routing.sparsity == routing.sparsity_token_mean == 0
        assert {0.0} == {value for layer in routing.along for value in layer}


def test_the_answers_routing_counts_its_own_tokens(babbling: Model) -> None:
    session = Session(babbling, [document(*pages(4))])
    answer = session.ask("Who signed?", max_tokens=5)
    asked = len(request_of(babbling, "Who signed?"))
    assert answer.prompt_tokens == session.tokens + asked
    assert answer.routing.tokens == asked + answer.tokens - 1
    assert answer.routing.edges[0] <= session.tokens < answer.routing.edges[-1]


def test_times_and_memory_add_up(babbling: Model) -> None:
    session = Session(babbling, [document(*pages(4)), notes(DUES)])
    reading = session.read()
    answer = session.ask("Who signed?", max_tokens=20)
    assert reading.pages == 4
    assert reading.documents == ["report.pdf", "notes.txt"]
    assert reading.tokens_per_second * reading.seconds == pytest.approx(reading.tokens)
    assert 0 < answer.first_token_seconds < answer.seconds
    after_first = answer.seconds - answer.first_token_seconds
    assert answer.tokens_per_second * after_first == pytest.approx(answer.tokens - 1)
    assert 0 < reading.peak_memory_bytes <= answer.peak_memory_bytes


def test_an_answer_of_one_token_has_times(speaking: Model) -> None:
    answer = Session(speaking, [document(DUES)]).ask("Who signed?", max_tokens=1)
    assert 0 < answer.first_token_seconds <= answer.seconds
    assert answer.tokens_per_second == 0


def test_a_summary_is_asked_for_without_a_question(speaking: Model) -> None:
    answer = Session(speaking, [document(DUES)]).summarize()
    assert (answer.question, answer.text) == ("", SENTENCE)
