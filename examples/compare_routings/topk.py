"""Fixed top-k routing in the manner of InfLLM v2: mean-pooled keys, scored once for a group.

Kernels of half a chunk, a quarter apart, are pooled by their mean. A token weighs all kernels of
its past by a softmax for each query head, summed over the group; a chunk's score is that of its
best kernel. Nothing of this is differentiated: the model learns to be read, not to choose.
"""

import math

import torch
from torch import Tensor

from examples.compare_routings.chosen import attend_chosen, choose_chunks, in_sums, padded
from examples.compare_routings.layer import ChunkedAttention, rotated

LOCAL_CHUNKS = 2  # the own and the one before; the first is read as well
KERNELS = 3  # of a chunk, wholly inside it
QUERY_BLOCK = 2048


class TopKAttention(ChunkedAttention):
    """The `top_k` best past chunks, the first and the latest among them."""

    def attend(
        self, query: Tensor, hidden: Tensor, position_embeddings: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        key = rotated(self.heads(self.k_proj, hidden), *position_embeddings)
        value = self.heads(self.v_proj, hidden)
        chosen = route_top_k(query, key, self.chunk_size, self.top_k)
        return attend_chosen(query, key, value, chosen, self.chunk_size), chosen, key


@torch.no_grad()
def route_top_k(query: Tensor, key: Tensor, chunk_size: int, top_k: int) -> Tensor:
    """The chunks that each token reads.

    Args:
        query: [B, Hq, N, D]; key: [B, Hkv, N, D]; both rotated.
        chunk_size: C, a multiple of four.

    Returns:
        [B, Hkv, N, ceil(N / C)] bool.
    """
    chunks = -(-key.shape[2] // chunk_size)
    pooled = pool(key, chunk_size)
    start, chosen = 0, []
    for block in query.split(QUERY_BLOCK, 2):
        position = torch.arange(start, start + block.shape[2], device=query.device)
        scores = padded(score(block, pooled, position, chunk_size), chunks)
        chosen.append(choose_chunks(scores, position, chunk_size, top_k, LOCAL_CHUNKS))
        start += block.shape[2]
    return torch.cat(chosen, 2)


def pool(key: Tensor, chunk_size: int) -> Tensor:
    """[B, Hkv, N, D] to the means of the kernels of complete chunks, [B, Hkv, N // C * 3, D]."""
    B, H, N, D = key.shape
    members = key[:, :, : N // chunk_size * chunk_size].view(B, H, -1, chunk_size, D)
    return members.unfold(3, chunk_size // 2, chunk_size // 4).mean(-1).flatten(2, 3)


def score(query: Tensor, pooled: Tensor, position: Tensor, chunk_size: int) -> Tensor:
    """How much each token wants each complete chunk: [B, Hkv, M, P]; zeros for those to come."""
    B, Hq, M, D = query.shape
    Hkv, kernels = pooled.shape[1:3]
    grouped = query.reshape(B, Hkv, Hq // Hkv, M, D)
    logits = in_sums(grouped @ pooled[:, :, None].transpose(-1, -2)) / math.sqrt(D)
    chunk = torch.arange(kernels, device=query.device) // KERNELS
    to_come = chunk >= (position // chunk_size)[:, None]
    weights = logits.masked_fill(to_come, -torch.inf).softmax(-1).masked_fill(to_come, 0)
    return weights.sum(2).unflatten(-1, (-1, KERNELS)).amax(-1)
