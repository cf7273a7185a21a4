"""Replayed graphs give the tokens of single launches, whatever ends or interrupts an answer."""

from contextlib import closing

import pytest
import torch
from torch import Tensor

from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.ahead import tokens_ahead
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import Decoding, forward
from dashdoc.models.step import DecodeStep

READ, ANSWER = 3000, 200


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(choose_model("bundled", device="cuda"))


class Reading:
    """Random tokens in a cache."""

    def __init__(self, model: Model, room: int = ANSWER) -> None:
        torch.manual_seed(0)
        self.model, self.cache = model, DashCache(model.config, READ + room)
        self.logits = self.read(torch.randint(3, model.config.vocab_size, (1, READ)))

    def read(self, ids: Tensor) -> Tensor:
        return forward(self.model.network, ids.to(self.model.device), self.cache)

    def ahead(self, tokens: int = ANSWER) -> list[int]:
        return list(tokens_ahead(self.model.network, self.cache, self.logits, tokens))

    def launched(self, tokens: int = ANSWER) -> list[int]:
        """The same steps, launched kernel by kernel."""
        step = DecodeStep(self.model.network, self.cache)
        step._capture = lambda: None
        token = self.logits.argmax(-1)
        step.begin(token, self.cache.length)
        made = [int(token)]
        while len(made) < tokens:
            step()
            made.append(int(step.token))
        return made


@pytest.fixture
def reading(model: Model) -> Reading:
    return Reading(model)


def test_a_graph_gives_the_tokens_of_single_launches(reading: Reading) -> None:
    expected = reading.launched()
    assert reading.ahead() == expected
    assert reading.cache.length == READ + ANSWER - 1


def test_the_next_question_is_answered_by_the_same_graph(reading: Reading) -> None:
    first = reading.ahead()
    step = reading.cache.step
    reading.cache.rewind(READ)
    reading.logits = reading.read(torch.arange(10, 40)[None])
    answered = reading.ahead(100)
    assert reading.cache.step is step
    reading.cache.rewind(READ)
    reading.logits = reading.read(torch.arange(10, 40)[None])
    assert reading.launched(100) == answered != first[:100]


def test_a_stop_token_ends_it_and_what_ran_ahead_is_forgotten(reading: Reading) -> None:
    free = reading.launched()
    place = max(i for i in range(40) if free[i] not in free[:i])
    assert place
    stop_ids = frozenset({free[place]})
    made = Decoding(reading.model.network, reading.cache, reading.logits, stop_ids, ANSWER)
    assert list(made) == free[:place]
    assert made.finish_reason == "stop"
    assert reading.cache.length == READ + place


@pytest.mark.parametrize("room", [0, 1, 50])
def test_the_cache_grows_on_the_way(model: Model, reading: Reading, room: int) -> None:
    grown = Reading(model, room)
    assert grown.ahead() == reading.ahead()
    assert grown.cache.capacity >= READ + ANSWER


def test_nothing_of_a_token_waits_for_the_host(reading: Reading) -> None:
    """Between two tokens no memory is allocated, and the host is synchronised by the mail alone."""
    reading.ahead(3)
    reading.cache.rewind(READ)
    with closing(tokens_ahead(reading.model.network, reading.cache, reading.logits, 60)) as tokens:
        next(tokens)
        before = torch.cuda.memory_stats()["allocation.all.allocated"]
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(50):
                next(tokens)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert torch.cuda.memory_stats()["allocation.all.allocated"] == before


def test_logits_are_as_near_to_float32_as_those_of_the_network(model: Model) -> None:
    """In bf16 a query may choose another chunk: of single tokens both are up to 7% off."""
    precise = load_model(choose_model("bundled", device="cuda"))
    precise.network.float()
    reading, exact = Reading(model), Reading(precise)
    step = DecodeStep(model.network, reading.cache)
    errors = []
    for number in torch.randint(3, model.config.vocab_size, (40,)).tolist():
        token = torch.tensor([number], device="cuda")
        step.begin(token, READ)
        step()
        of_step, of_network = step.logits.float(), reading.read(token[None]).float()
        expected = exact.read(token[None]).float()
        reading.cache.rewind(READ)
        exact.cache.rewind(READ)
        differences = of_step - expected, of_network - expected
        errors.append([found.norm() for found in (*differences, expected)])
    of_step, of_network, size = torch.tensor(errors).sum(0)
    assert of_step <= 1.25 * of_network
    assert of_step <= 4e-2 * size
