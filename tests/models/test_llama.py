"""The network: the released layout loads, and its logits do not depend on how it is fed."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.cache_utils import DynamicCache

from dashdoc.models.cache import DashCache
from dashdoc.models.checkpoint import read_config
from dashdoc.models.configuration import ROUTING_PRESETS
from dashdoc.models.generation import forward
from dashdoc.models.llama import CACHE_ARGUMENT, DashLlamaForCausalLM, FixedRotaryEmbedding
from tests.models import released

DENSE = {"scaling_factor": 0.0, "estimate_diagonal": True}
TOKENS = 203


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released.write(tmp_path_factory.mktemp("released"))


@pytest.fixture
def ids() -> Tensor:
    return torch.randint(3, released.VOCABULARY, (1, TOKENS))


def load(folder: Path, **routing: object) -> DashLlamaForCausalLM:
    config = read_config(folder, dict(routing))
    return DashLlamaForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32).eval()


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual - expected).norm() / expected.norm()).item()


@torch.inference_mode()
def test_dense_routing_gives_the_logits_of_transformers_llama(folder: Path, ids: Tensor) -> None:
    expected = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()(ids).logits
    actual = load(folder, **DENSE)(ids).logits
    assert relative_error(actual, expected) < 1e-5


ROUTINGS = [ROUTING_PRESETS["package"], ROUTING_PRESETS["paper"], {"scaling_factor": 6.0}]


@pytest.mark.parametrize("routing", ROUTINGS, ids=["package", "paper", "sparse"])
@pytest.mark.parametrize("pieces", [[203], [64, 64, 75], [1, 130, 72], [190] + [1] * 13])
@torch.inference_mode()
def test_cached_pieces_give_the_uncached_logits(
    folder: Path, ids: Tensor, routing: dict, pieces: list[int]
) -> None:
    network = load(folder, **routing)
    expected = network(ids).logits
    cache = DashCache(network.config, capacity=100)
    logits = [network(part, **{CACHE_ARGUMENT: cache}).logits for part in ids.split(pieces, dim=1)]
    assert cache.length == TOKENS
    assert relative_error(torch.cat(logits, 1), expected) < 1e-5


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 150])
@torch.inference_mode()
def test_a_rewound_cache_answers_like_a_fresh_one(folder: Path, ids: Tensor, length: int) -> None:
    network = load(folder, scaling_factor=6.0)
    cache = DashCache(network.config, capacity=TOKENS)
    forward(network, ids, cache)
    cache.rewind(length)
    other = torch.randint(3, released.VOCABULARY, (1, 90))
    actual = forward(network, other, cache)
    expected = network(torch.cat((ids[:, :length], other), 1)).logits[:, -1]
    assert relative_error(actual, expected) < 1e-5


@torch.inference_mode()
def test_transformers_generate_runs_on_our_cache(folder: Path, ids: Tensor) -> None:
    network = load(folder)
    cache = DashCache(network.config, capacity=TOKENS)
    tokens = network.generate(
        ids, **{CACHE_ARGUMENT: cache}, max_new_tokens=3, do_sample=False, eos_token_id=-1
    )
    assert tokens[0, TOKENS] == network(ids).logits[0, -1].argmax()


def test_equal_longrope_lists_become_fixed_frequencies(folder: Path) -> None:
    rotary = load(folder).model.rotary_emb
    plain = 10_000 ** -(torch.arange(0, released.HEAD_DIM, 2) / released.HEAD_DIM)
    assert isinstance(rotary, FixedRotaryEmbedding)
    assert torch.allclose(rotary.inv_freq, plain / torch.tensor(released.FACTORS))
    rotary(torch.zeros(1), torch.tensor([[100_000]]))  # past the border between the lists
    assert torch.allclose(rotary.inv_freq, plain / torch.tensor(released.FACTORS))


def test_a_padding_mask_is_refused(folder: Path, ids: Tensor) -> None:
    mask = torch.ones_like(ids)
    mask[0, 0] = 0
    with pytest.raises(ValueError, match="padding is not supported"):
        load(folder)(ids, attention_mask=mask)


def test_a_cache_without_summaries_is_refused(folder: Path, ids: Tensor) -> None:
    with pytest.raises(TypeError, match="DynamicCache holds no chunk summaries"):
        load(folder)(ids, **{CACHE_ARGUMENT: DynamicCache()})


def test_gradients_reach_every_parameter(folder: Path, ids: Tensor) -> None:
    network = load(folder, scaling_factor=4.0).train()
    network(ids, labels=ids).loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
