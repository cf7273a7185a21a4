"""A deeper network from the weights of a shallower one, with as many parameters."""

import re

import torch
from torch import Tensor

from dashdoc.models.llama import DashLlamaForCausalLM

_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
_ENDS = ("self_attn.o_proj.weight", "mlp.down_proj.weight")  # what a layer adds goes through these
_NEURONS = ("mlp.gate_proj.weight", "mlp.up_proj.weight")


def grown(
    small: DashLlamaForCausalLM, fresh: DashLlamaForCausalLM, tokens: Tensor
) -> dict[str, Tensor]:
    """The weights of a network like `fresh`, which begins nearly as a shallower one.

    New layers come before the last; they are those of `fresh`, but add nothing yet. Of an MLP that
    is to be narrower the neurons that add most to the text are kept: the largest weights are a far
    worse guide.

    Args:
        small: has as many layers or fewer, and MLPs as wide or wider.
        fresh: has learned nothing.
        tokens: [B, T] to see the neurons at work.
    """
    weights, depth, count = small.state_dict(), len(small.model.layers), len(fresh.model.layers)
    made = {}
    for name, value in fresh.state_dict().items():
        source = name
        if found := _LAYER.match(name):
            layer, part = int(found[1]), found[2]
            if layer == count - 1:
                layer = depth - 1
            elif layer >= depth - 1:
                made[name] = torch.zeros_like(value) if part in _ENDS else value
                continue
            source = f"model.layers.{layer}.{part}"
        made[name] = weights[source]
    width = fresh.config.intermediate_size
    if width < small.config.intermediate_size:
        kept = [size.topk(width).indices.sort().values for size in _additions(small, tokens)]
        for layer, neurons in zip([*range(depth - 1), count - 1], kept, strict=True):
            for part in _NEURONS:
                name = f"model.layers.{layer}.{part}"  # [neurons, hidden]
                made[name] = made[name][neurons]
            name = f"model.layers.{layer}.{_ENDS[1]}"  # [hidden, neurons]
            made[name] = made[name][:, neurons]
    return made


def _additions(network: DashLlamaForCausalLM, tokens: Tensor) -> list[Tensor]:
    """How much every neuron of each MLP adds to the residual stream, in the mean."""
    active: list[Tensor] = []
    projections = [layer.mlp.down_proj for layer in network.model.layers]
    hooks = [
        projection.register_forward_pre_hook(
            lambda _, given: active.append(given[0].abs().mean((0, 1)))
        )
        for projection in projections
    ]
    with torch.no_grad():
        network.model(input_ids=tokens, use_cache=False)
    for hook in hooks:
        hook.remove()
    return [
        size * projection.weight.norm(dim=0)
        for size, projection in zip(active, projections, strict=True)
    ]
