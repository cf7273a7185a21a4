"""Greedy decoding: the most likely token each time, until something ends it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dashdoc.models.cache import DashCache
from dashdoc.models.checkpoint import read_config
from dashdoc.models.generation import Decoding, forward, repeats
from dashdoc.models.llama import DashLlamaForCausalLM

NEVER: frozenset[int] = frozenset()


@pytest.fixture(scope="module")
def network(tiny_checkpoint: Path) -> DashLlamaForCausalLM:
    config = read_config(tiny_checkpoint, {})
    return DashLlamaForCausalLM.from_pretrained(tiny_checkpoint, config=config).eval()


def prompt(tokens: int) -> Tensor:
    return (torch.arange(tokens)[None] * 37 + 11) % 8000


def decoding(
    network: DashLlamaForCausalLM,
    ids: Tensor,
    max_tokens: int,
    stop_ids: frozenset[int] = NEVER,
) -> Decoding:
    cache = DashCache(network.config, capacity=ids.shape[1])
    return Decoding(network, cache, forward(network, ids, cache), stop_ids, max_tokens)


@torch.inference_mode()
def greedy(network: DashLlamaForCausalLM, ids: Tensor, tokens: int) -> list[int]:
    """Without a cache: everything is computed again for each token."""
    for _ in range(tokens):
        ids = torch.cat((ids, network(ids).logits[:, -1:].argmax(-1)), 1)
    return ids[0, -tokens:].tolist()


@pytest.mark.parametrize("length", [1, 15, 16, 150])
def test_each_token_is_the_argmax_of_the_plain_network(
    network: DashLlamaForCausalLM, length: int
) -> None:
    made = decoding(network, prompt(length), 20)
    expected = greedy(network, prompt(length), 20)
    assert list(made) == expected
    assert made.finish_reason == "length"


@pytest.mark.parametrize("max_tokens", [1, 2, 5])
def test_max_tokens_is_the_most(network: DashLlamaForCausalLM, max_tokens: int) -> None:
    made = decoding(network, prompt(20), max_tokens)
    assert len(list(made)) == max_tokens
    # The last token is not read: nothing follows it.
    assert made.cache.length == 20 + max_tokens - 1


@pytest.mark.parametrize("place", [0, 3])
def test_a_stop_token_is_no_part_of_the_answer(network: DashLlamaForCausalLM, place: int) -> None:
    free = greedy(network, prompt(20), 6)
    assert free.index(free[place]) == place
    made = decoding(network, prompt(20), 6, frozenset({free[place], 5}))
    assert list(made) == free[:place]
    assert made.finish_reason == "stop"


def test_stop_ends_after_the_token_under_way(network: DashLlamaForCausalLM) -> None:
    made = decoding(network, prompt(20), 6)
    tokens = []
    for token in made:
        tokens.append(token)
        if len(tokens) == 2:
            made.stop()
    assert tokens == greedy(network, prompt(20), 2)
    assert made.finish_reason == "interrupted"


@pytest.mark.parametrize(
    ("cycle", "border"), [(1, 48), (2, 48), (5, 48), (16, 48), (17, 51), (48, 144), (100, 300)]
)
@pytest.mark.parametrize("before", [0, 7])
def test_a_loop_is_three_copies_over_48_tokens(cycle: int, border: int, before: int) -> None:
    lead = [-1 - n for n in range(before)]
    looped = [n % cycle for n in range(border)]
    assert repeats(lead + looped)
    assert not repeats(lead + looped[1:])


def test_one_other_token_is_no_loop() -> None:
    for place in range(48):
        ids = [0] * 48
        ids[place] = 1
        assert not repeats(ids)


def test_a_loop_that_has_ended_is_none() -> None:
    assert not repeats([1, 2, 3] * 30 + [4])


def test_no_tokens_are_no_loop() -> None:
    assert not repeats([])
