"""The bundled model's network with each attention that is compared, begun with the same weights."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from dashdoc.models.configuration import DENSE, DashLlamaConfig
from dashdoc.models.llama import DashLlamaForCausalLM
from examples.compare_routings.layer import ChunkedAttention
from examples.compare_routings.nsa import NativeSparseAttention
from examples.compare_routings.topk import TopKAttention

Routing = Literal["ours", "mean", "full", "topk", "nsa"]
ROUTINGS: tuple[Routing, ...] = get_args(Routing)
LAYERS: dict[str, type[ChunkedAttention]] = {"topk": TopKAttention, "nsa": NativeSparseAttention}


@dataclass(frozen=True)
class Variant:
    """`setting` is the scaling factor of `ours`, the chunks that `topk` and `nsa` read.

    `mean` is `ours` without class queries: a chunk's summary is the mean of its keys.
    """

    routing: Routing
    setting: float | None = None

    def __post_init__(self) -> None:
        if (self.setting is None) != (self.routing == "full"):
            raise ValueError("full takes no setting, and every other routing needs one")


def build(variant: Variant, config: DashLlamaConfig, seed: int) -> DashLlamaForCausalLM:
    """The network; what all variants have begins alike."""
    config = deepcopy(config)  # the network marks it as its own
    if variant.routing == "full":
        config.update(DENSE)
    elif variant.routing not in LAYERS and variant.setting is not None:
        config.scaling_factor = variant.setting
    torch.manual_seed(seed)
    network = DashLlamaForCausalLM(config)
    if variant.routing == "mean":
        for layer in network.model.layers:
            layer.self_attn.indexer_q.requires_grad_(False)  # it begins at zero
    if layer_class := LAYERS.get(variant.routing):
        for index, layer in enumerate(network.model.layers):
            assert variant.setting is not None
            attention = layer_class(config, index, int(variant.setting))
            for module in attention.modules():
                if isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, std=config.initializer_range)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
            attention.load_state_dict(layer.self_attn.state_dict(), strict=False)
            layer.self_attn = attention
    return network


def begin_with(network: DashLlamaForCausalLM, weights: dict[str, Tensor]) -> None:
    """Give a network the weights of one with full attention.

    What that one lacks stays as it was begun; but every branch of NSA gets the keys and values of
    full attention, and the gates open the branch that reads chunks in full.
    """
    network.load_state_dict(weights, strict=False)
    for layer in network.model.layers:
        if isinstance(attention := layer.self_attn, NativeSparseAttention):
            attention.begin_as_full()
