"""Small networks that route sparsely, and prompts in their caches."""

import numpy as np
import torch
from torch import Tensor

from dashdoc.models.cache import DashCache
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.generation import forward
from dashdoc.models.llama import DashLlamaForCausalLM
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


def prompt(tokens: int, stride: int = 37) -> Tensor:
    return (torch.arange(tokens, device=DEVICE)[None] * stride + 11) % 64


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

    def read(self, ids: Tensor) -> None:
        self.logits = forward(self.network, ids, self.cache, self.meter)


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
