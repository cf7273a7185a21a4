"""Llama's small layers in one pass over memory each, where a GPU infers.

Everywhere else they are transformers' own, which define what they compute.
"""

import torch
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import (
    LlamaForCausalLM,
    LlamaMLP,
    LlamaRMSNorm,
    apply_rotary_pos_emb,
)

from dashdoc.kernels.operator import KERNEL_DTYPES


def fuses(tensor: Tensor) -> bool:
    """Whether an input is on a GPU, wants no gradient, and has no more digits than the kernels."""
    return tensor.is_cuda and tensor.dtype in KERNEL_DTYPES and not torch.is_grad_enabled()


class FusedRMSNorm(LlamaRMSNorm):
    """With torch's own fused norm."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        if fuses(hidden_states):
            size, epsilon = self.weight.shape, self.variance_epsilon
            return nn.functional.rms_norm(hidden_states, size, self.weight, epsilon)
        norm: Tensor = super().forward(hidden_states)
        return norm


class FusedMLP(LlamaMLP):
    """With SiLU and product in one kernel, which writes over the gate."""

    def forward(self, x: Tensor) -> Tensor:
        if fuses(x):
            from dashdoc.kernels.triton.gate import gate_

            gated = gate_(self.gate_proj(x), self.up_proj(x))
            down: Tensor = self.down_proj(gated)
        else:
            down = super().forward(x)
        return down


def rotated(
    query: Tensor, key: Tensor, position_embeddings: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Queries [B, M, Hq, D] and keys [B, M, Hkv, D] with rotary embedding; maybe in place."""
    if fuses(query):
        from dashdoc.kernels.triton.rotate import rotate_

        rotate_(query, key, *position_embeddings)
    else:
        query, key = apply_rotary_pos_emb(query, key, *position_embeddings, unsqueeze_dim=2)
    return query, key


def fuse(network: LlamaForCausalLM) -> None:
    """Put the fused layers in place of transformers'."""
    config = network.config
    width, epsilon = config.hidden_size, config.rms_norm_eps
    network.model.norm = FusedRMSNorm(width, epsilon)
    for layer in network.model.layers:
        layer.input_layernorm = FusedRMSNorm(width, epsilon)
        layer.post_attention_layernorm = FusedRMSNorm(width, epsilon)
        if config.hidden_act == "silu":
            layer.mlp = FusedMLP(config)
