"""Llama with DashAttention: transformers' classes, with another attention layer."""

from inspect import signature, unwrap
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM, LlamaModel
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

from dashdoc.kernels import dash_attention
from dashdoc.kernels.reference import rotate_class_query, summarize
from dashdoc.models.cache import DashCache
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.fused import fuse, rotated

# Later releases of transformers name the argument that carries the cache `cache`.
CACHE_ARGUMENT = (
    "cache" if "cache" in signature(LlamaModel.forward).parameters else "past_key_values"
)


class RoutingMeter(Protocol):
    """Takes what each layer's routing read, while it happens."""

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, summaries: Tensor) -> None:
        """The active chunks [B, Hkv, M] of one call; `start` is the position of its first query.

        They come from the queries [B, Hq, M, D] and summaries [B, Hkv, P, D], of which nothing
        is copied.
        """


class DashAttention(LlamaAttention):
    """Llama's attention layer with one class query per KV head and the sparse operator."""

    def __init__(self, config: DashLlamaConfig, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.indexer_q = nn.Parameter(torch.zeros(config.num_key_value_heads * self.head_dim))

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        meter: RoutingMeter | None = None,
        frequencies: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, None]:
        B, M, _ = hidden_states.shape
        split = (B, M, -1, self.head_dim)
        query = self.q_proj(hidden_states).view(split)  # [B, M, Hq, D]
        key = self.k_proj(hidden_states).view(split)  # [B, M, Hkv, D]
        query, key = (t.transpose(1, 2) for t in rotated(query, key, position_embeddings))
        value = self.v_proj(hidden_states).view(split).transpose(1, 2)

        def summarize_from(keys: Tensor, first_chunk: int) -> Tensor:
            class_query = self._class_query(keys.shape[2], first_chunk, frequencies)
            return summarize(keys, class_query, self.config.chunk_size)

        cache: DashCache | None = kwargs.get(CACHE_ARGUMENT)
        if cache is None:
            summaries = summarize_from(key, 0)
        else:
            key, value = cache.update(key, value, self.layer_idx)  # [B, Hkv, N, D]
            summaries = cache.layers[self.layer_idx].update_summaries(summarize_from)

        output, counts = dash_attention(
            query,
            key,
            value,
            self.indexer_q.view(-1, self.head_dim),
            chunk_size=self.config.chunk_size,
            scale=self.config.scaling_factor,
            estimate_diagonal=self.config.estimate_diagonal,
            sigma=self.config.sigma,
            local_chunks=self.config.local_chunks,
            summaries=summaries,
            measure=meter is not None,
        )
        if meter is not None and counts is not None:
            meter.add(self.layer_idx, key.shape[2] - M, counts.active, query, summaries)
        return self.o_proj(output.transpose(1, 2).reshape(B, M, -1)), None

    def _class_query(self, tokens: int, first_chunk: int, frequencies: Tensor | None) -> Tensor:
        """[Hkv, D], or [1, Hkv, P, D] where the checkpoint rotates it to its chunk."""
        class_query = self.indexer_q.view(-1, self.head_dim)
        if not self.config.rotate_head_query:
            return class_query
        assert frequencies is not None
        C = self.config.chunk_size
        first = torch.arange(tokens // C, device=class_query.device).add(first_chunk) * C
        return rotate_class_query(class_query, frequencies, first[None], C)


class FixedRotaryEmbedding(LlamaRotaryEmbedding):
    """Rotary angles from frequencies that never change.

    For longrope transformers chooses between two lists of factors by the largest position: a
    branch on data that neither full-graph compilation nor a CUDA graph accepts, and needless where
    both lists are the same, as in the released checkpoints.
    """

    forward = unwrap(LlamaRotaryEmbedding.forward)


class DashLlamaForCausalLM(LlamaForCausalLM):
    """A causal language model over the released layout: Llama's tensors plus `indexer_q`.

    Batches are of equal length: a padding mask is refused.
    """

    config_class = DashLlamaConfig
    config: DashLlamaConfig

    def __init__(self, config: DashLlamaConfig) -> None:
        super().__init__(config)
        for index, layer in enumerate(self.model.layers):
            layer.self_attn = DashAttention(config, index)
        fuse(self)
        rope = config.rope_parameters
        if rope["rope_type"] == "longrope" and rope["short_factor"] == rope["long_factor"]:
            self.model.rotary_emb = FixedRotaryEmbedding(config)
        # A name that transformers knows no mask for: the operator itself is causal, and a mask
        # of [M, N] would cost more memory than the cache.
        config._attn_implementation = "dash_attention"
        self.post_init()

    def forward(self, *args: Any, attention_mask: Tensor | None = None, **kwargs: Any) -> Any:
        """Llama's forward; `meter` takes the routing counts of every layer.

        Without a cache nothing is kept: `generate` wants a `DashCache` handed in.

        Raises:
            ValueError: `attention_mask` hides a token.
            TypeError: the cache is none that holds chunk summaries.
        """
        cache = kwargs.get("cache", kwargs.get("past_key_values"))
        if cache is None:
            kwargs["use_cache"] = False
        elif not isinstance(cache, DashCache):
            raise TypeError(f"{type(cache).__name__} holds no chunk summaries: pass a DashCache")
        if attention_mask is not None and not attention_mask.bool().all():
            raise ValueError("padding is not supported: pass sequences of equal length")
        frequencies = self.model.rotary_emb.inv_freq
        return super().forward(*args, frequencies=frequencies, **kwargs)

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, DashAttention):
            nn.init.zeros_(module.indexer_q)
