"""What the attention layers of the comparison share: heads, their merging, and counting."""

from typing import Any

from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaAttention, rotate_half

from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.llama import RoutingMeter


class ChunkedAttention(LlamaAttention):
    """Llama's attention layer over whole sequences; a subclass says what a token reads.

    Args:
        top_k: past chunks that a token reads, as far as there are so many.
    """

    def __init__(self, config: DashLlamaConfig, layer_idx: int, top_k: int) -> None:
        super().__init__(config, layer_idx)
        self.top_k, self.chunk_size = top_k, config.chunk_size

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        meter: RoutingMeter | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, None]:
        query = rotated(self.heads(self.q_proj, hidden_states), *position_embeddings)
        output, read, key = self.attend(query, hidden_states, position_embeddings)
        if meter is not None:
            meter.add(self.layer_idx, 0, read.sum(-1).int(), query, key)
        return self.o_proj(output.transpose(1, 2).flatten(2)), None

    def attend(
        self, query: Tensor, hidden: Tensor, position_embeddings: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Output [B, Hq, N, D], chunks read [B, Hkv, N, P], keys; `query` is rotated."""
        raise NotImplementedError

    def heads(self, projection: nn.Linear, hidden: Tensor) -> Tensor:
        """[B, N, hidden size] to [B, heads, N, D]."""
        B, N, _ = hidden.shape
        return projection(hidden).view(B, N, -1, self.head_dim).transpose(1, 2)


def rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of [B, H, N, D] by [1 or B, N, D]."""
    return heads * cos[:, None] + rotate_half(heads) * sin[:, None]
