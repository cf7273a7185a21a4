"""A deeper network from the weights of a shallower one, with as many parameters."""

import re

import torch
from torch import Tensor

from dashdoc.models.configuration import DashLlamaConfig

_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
_ENDS = ("self_attn.o_proj.weight", "mlp.down_proj.weight")  # what a layer adds goes through these
_NEURONS = ("mlp.gate_proj.weight", "mlp.up_proj.weight")


def grown(
    weights: dict[str, Tensor], fresh: dict[str, Tensor], config: DashLlamaConfig
) -> dict[str, Tensor]:
    """The weights of a network of `config`, which begins as the shallower one.

    New layers come before the last; they are those of `fresh`, but add nothing yet. Of an MLP that
    is to be narrower the neurons that weigh most are kept.

    Args:
        weights: of a network with as many layers or fewer, and MLPs as wide or wider.
        fresh: weights of a network of `config` that has learned nothing.
    """
    depth = 1 + max(int(found[1]) for name in weights if (found := _LAYER.match(name)))
    made = {}
    for name, value in fresh.items():
        source = name
        if found := _LAYER.match(name):
            layer, part = int(found[1]), found[2]
            if layer == config.num_hidden_layers - 1:
                layer = depth - 1
            elif layer >= depth - 1:
                made[name] = torch.zeros_like(value) if part in _ENDS else value
                continue
            source = f"model.layers.{layer}.{part}"
        made[name] = weights[source]
    for layer in range(config.num_hidden_layers):
        _narrow(made, f"model.layers.{layer}.", config.intermediate_size)
    return made


def _narrow(weights: dict[str, Tensor], layer: str, width: int) -> None:
    """Leave the `width` neurons of an MLP whose weights are the largest."""
    gate, up = (weights[layer + part] for part in _NEURONS)  # [neurons, hidden] each
    down = weights[layer + _ENDS[1]]  # [hidden, neurons]
    if len(gate) <= width:
        return
    size = gate.norm(dim=1) * up.norm(dim=1) * down.norm(dim=0)
    kept = size.topk(width).indices.sort().values
    for part in _NEURONS:
        weights[layer + part] = weights[layer + part][kept]
    weights[layer + _ENDS[1]] = down[:, kept]
