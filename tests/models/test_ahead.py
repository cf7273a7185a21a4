"""Decoding ahead by the kernels of one token equals the plain path, and leaves the same cache."""

from contextlib import closing

import numpy as np
import pytest
import torch
from torch import Tensor

from dashdoc.kernels.triton import decode, decode_project
from dashdoc.models.ahead import tokens_ahead
from dashdoc.models.cache import DashCache
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.generation import forward
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.step import has_steps, step_over
from dashdoc.models.weighing import AnswerMeter
from tests.kernels.triton.cases import DEVICE, relative_error

PROMPT = 90
ROUTINGS = {
    "log P": {"estimate_diagonal": False, "scaling_factor": 4.0},
    "flat": {"estimate_diagonal": True},
    "two local chunks, rotated": {"local_chunks": 2, "rotate_head_query": True},
    "centred, rotated": {"estimate_diagonal": True, "sigma": 2.0, "rotate_head_query": True},
    "dense": {"scaling_factor": 0.0, "estimate_diagonal": True},
}


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


def make(**fields: object) -> DashLlamaForCausalLM:
    """A network of two small layers that routes sparsely."""
    config = DashLlamaConfig(
        **{
            "vocab_size": 64,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
            "chunk_size": 16,
            **fields,
        }
    )
    network = DashLlamaForCausalLM(config).to(DEVICE).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return network


class Sequence:
    """A prompt in a cache, and what a meter counted since."""

    def __init__(self, network: DashLlamaForCausalLM, room: int = 500) -> None:
        self.network, self.cache = network, DashCache(network.config, PROMPT + room)
        self.meter = AnswerMeter(network.config, known=PROMPT // 2, answered=PROMPT - 1)
        self.logits = forward(network, prompt(PROMPT), self.cache, self.meter)

    def plainly(self, tokens: int) -> list[int]:
        """The next tokens by the network itself; all but the last are read in."""
        made = [int(self.logits.argmax(-1))]
        while len(made) < tokens:
            step = torch.tensor([made[-1:]], device=DEVICE)
            self.logits = forward(self.network, step, self.cache, self.meter)
            made.append(int(self.logits.argmax(-1)))
        return made

    def ahead(self, tokens: int) -> list[int]:
        return list(tokens_ahead(self.network, self.cache, self.logits, tokens, self.meter))

    def read(self, ids: Tensor) -> None:
        self.logits = forward(self.network, ids, self.cache, self.meter)


def prompt(tokens: int, stride: int = 37) -> Tensor:
    return (torch.arange(tokens, device=DEVICE)[None] * stride + 11) % 64


def assert_same(one: Sequence, other: Sequence) -> None:
    """The caches hold the same, and the meters counted it."""
    assert one.cache.length == other.cache.length
    length = one.cache.length
    for (name, mine), theirs in zip(
        one.cache.tensors(length).items(), other.cache.tensors(length).values(), strict=True
    ):
        assert relative_error(mine, theirs) <= 1e-4, name
    assert all(layer.summarized == length // layer.chunk_size for layer in one.cache.layers)
    routing, expected = one.meter.routing(), other.meter.routing()
    assert routing.tokens == expected.tokens
    # A score at its threshold may fall on either side of it.
    np.testing.assert_allclose(routing.per_layer, expected.per_layer, atol=2e-3)
    for means, others in zip(one.meter.means(), other.meter.means(), strict=True):
        np.testing.assert_allclose(means, others, atol=1e-4)


def test_tokens_cache_and_counts_are_those_of_the_plain_path(
    network: DashLlamaForCausalLM,
) -> None:
    """Over the ends of chunks, and of what is kept for the meter."""
    plain, ahead = Sequence(network), Sequence(network)
    tokens = 30
    assert ahead.ahead(tokens) == plain.plainly(tokens)
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
    assert ahead.ahead(12) == plain.plainly(12)
    assert_same(ahead, plain)


def test_a_rewound_cache_answers_again() -> None:
    network = make()
    sequence = Sequence(network)
    first = sequence.ahead(12)
    step = sequence.cache.step
    sequence.cache.rewind(PROMPT)
    assert sequence.ahead(12) == first
    assert sequence.cache.step is step


def test_the_cache_grows_on_the_way() -> None:
    network = make(scaling_factor=4.0)
    plain, ahead = Sequence(network), Sequence(network, room=0)
    capacity = ahead.cache.capacity
    assert ahead.ahead(20) == plain.plainly(20)
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
