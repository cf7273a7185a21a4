"""Decoding ahead by the kernels of one token equals the plain path, and leaves the same cache."""

from contextlib import closing

import pytest
import torch

from dashdoc.kernels.triton import decode, decode_project
from dashdoc.models.ahead import tokens_ahead
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.step import has_steps, step_over
from tests.kernels.triton.cases import DEVICE, relative_error
from tests.models.sequences import PROMPT, ROUTINGS, Sequence, assert_same, make, prompt


@pytest.fixture(autouse=True)
def few_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter runs them one after the other."""
    monkeypatch.setattr(decode, "PROGRAMS", 2)
    monkeypatch.setattr(decode_project, "ROWS", 16)


@pytest.fixture(autouse=True)
def few_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashdoc.models.step.KEPT_STEPS", 16)
    monkeypatch.setattr("dashdoc.models.ahead.KEPT_STEPS", 16)


@pytest.fixture(params=ROUTINGS)
def network(request: pytest.FixtureRequest) -> DashLlamaForCausalLM:
    return make(**ROUTINGS[request.param])


def run_ahead(sequence: Sequence, tokens: int) -> list[int]:
    return list(
        tokens_ahead(sequence.network, sequence.cache, sequence.logits, tokens, sequence.meter)
    )


def test_tokens_cache_and_counts_are_those_of_the_plain_path(
    network: DashLlamaForCausalLM,
) -> None:
    """Over the ends of chunks, and of what is kept for the meter."""
    plain, ahead = Sequence(network), Sequence(network)
    tokens = 30
    assert run_ahead(ahead, tokens) == plain.plainly(tokens)
    assert_same(ahead, plain)


@pytest.mark.parametrize("taken", [1, 2, 23])
def test_what_ran_ahead_is_forgotten(taken: int) -> None:
    """The device is one token further when the answer ends; then more is read and answered."""
    network = make(scaling_factor=4.0)
    plain, ahead = Sequence(network), Sequence(network)
    with closing(tokens_ahead(network, ahead.cache, ahead.logits, 60, ahead.meter)) as tokens:
        assert [next(tokens) for _ in range(taken)] == plain.plainly(taken)
    assert_same(ahead, plain)
    for sequence in (plain, ahead):
        sequence.read(prompt(9, stride=53))
    assert run_ahead(ahead, 12) == plain.plainly(12)
    assert_same(ahead, plain)


def test_a_rewound_cache_answers_again() -> None:
    network = make()
    sequence = Sequence(network)
    first = run_ahead(sequence, 12)
    step = sequence.cache.step
    sequence.cache.rewind(PROMPT)
    assert run_ahead(sequence, 12) == first
    assert sequence.cache.step is step


def test_the_cache_grows_on_the_way() -> None:
    network = make(scaling_factor=4.0)
    plain, ahead = Sequence(network), Sequence(network, room=0)
    capacity = ahead.cache.capacity
    assert run_ahead(ahead, 20) == plain.plainly(20)
    assert ahead.cache.capacity > capacity
    assert_same(ahead, plain)


def test_the_logits_are_those_of_the_network(network: DashLlamaForCausalLM) -> None:
    sequence = Sequence(network)
    token = torch.tensor([7], device=DEVICE)
    step = step_over(network, sequence.cache)
    step.begin(token, PROMPT)
    step()
    sequence.read(token[None])
    assert relative_error(step.logits, sequence.logits) <= 1e-5
    assert step.token.item() == sequence.logits.argmax()


@pytest.mark.parametrize(
    ("field", "value"), [("attention_bias", True), ("mlp_bias", True), ("hidden_act", "gelu")]
)
def test_other_networks_have_no_steps(field: str, value: object) -> None:
    network = make()
    assert has_steps(network)
    setattr(network.config, field, value)
    assert not has_steps(network)
