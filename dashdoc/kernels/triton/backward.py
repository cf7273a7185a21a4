"""The backward pass of stages 2 and 3: what is needed is computed again, piece by piece.

Gradients of queries are summed over a tile's list (`backward_queries`), those of keys and values
over the tokens that read the chunk (`backward_keys`), and those through the routing over past
chunks and over tiles (`backward_routing`): nobody shares a sum, so that every run gives the same
bits. The mean of log P is a constant, as in the authors' training code.
"""

import math
from typing import Any

import torch
from torch import Tensor

from dashdoc.kernels.triton.backward_keys import grad_chunks, list_readers
from dashdoc.kernels.triton.backward_queries import grad_attention
from dashdoc.kernels.triton.backward_routing import grad_routing, grad_summaries
from dashdoc.kernels.triton.pieces import Piece, Routing, route_pieces
from dashdoc.kernels.triton.tiles import Tile, padding_of, rows_of, tile_for

# What one piece of queries may take: its lists, those of the chunks, copies and fp32 sums.
PIECE_BYTES = 768 << 20


def attend_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, summaries: Tensor,
    output: Tensor, lse: Tensor, routing: Routing, padding: Tensor | None, *,
    tile: Tile | None = None, piece: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of the queries, keys, values and summaries, in their dtypes.

    Args:
        grad, output: [B, M, Hq, D], the gradient and the value of what `attend_pieces` returned.
        lse: [B, M, Hq] of there; the others as there.
    """
    Hkv, N = key.shape[1:3]
    tile = tile or tile_for(query.shape[1] // Hkv)
    piece = piece or piece_tokens(query, key, routing.chunk_size, tile)
    if key.shape != value.shape or rows_of(key)[1] != rows_of(value)[1]:
        key, value = key.contiguous(), value.contiguous()
    grad_query = torch.empty_like(output)
    sums = tuple(torch.zeros(t.shape, device=t.device) for t in (key, value, summaries))
    pieces = route_pieces(query, N, summaries, routing, tile, piece, weigh=True, padding=padding)
    for part in pieces:
        taken = slice(part.begin, part.end)
        grad_query[:, taken] = _piece_backward(
            part,
            grad[:, taken].contiguous(),
            key,
            value,
            summaries,
            output[:, taken].contiguous(),
            lse[:, taken].contiguous(),
            routing,
            padding_of(padding),
            *sums,
        )
    sums[0].div_(math.sqrt(query.shape[-1]))
    grad_key, grad_value, grad_summaries = (s.to(key.dtype) for s in sums)
    return grad_query.transpose(1, 2), grad_key, grad_value, grad_summaries


def piece_tokens(query: Tensor, key: Tensor, chunk_size: int, tile: Tile) -> int:
    """How many queries to take at once: whole tiles whose buffers fit `PIECE_BYTES`."""
    B, Hq, _, D = query.shape
    Hkv, N = key.shape[1:3]
    T, chunks = tile.tokens, -(-N // chunk_size)
    # Of each chunk and tile an entry and a slot, of each token a weight and then a reader, which
    # takes the place of the weight's gradient.
    lists = B * Hkv * (chunks * (4 + 4 + T * (4 + 8)) + 12 * tile.rows)
    # The queries, two gradients of theirs, and one in fp32.
    copies = B * Hq * T * D * (4 + 3 * query.element_size())
    return max(1, PIECE_BYTES // (lists + copies)) * T


def _piece_backward(
    part: Piece, grad: Tensor, key: Tensor, value: Tensor, summaries: Tensor, output: Tensor,
    lse: Tensor, routing: Routing, padding: Tensor | None,
    grad_key: Tensor, grad_value: Tensor, summaries_sums: Tensor,
) -> Tensor:  # fmt: skip
    """The gradient of one piece of queries [B, S, Hq, D]; adds to the fp32 sums of the others."""
    C, start, selection = routing.chunk_size, part.start, part.selection
    query = part.query.contiguous()
    assert selection.weights is not None
    (key, key_rows), (value, _), (summaries, summary_rows) = map(rows_of, (key, value, summaries))
    sharpness = 1 / routing.sigma if routing.estimate_diagonal else 1.0
    bias: dict[str, Any] = {
        "chunk_size": C,
        "sharpness": sharpness,
        "standardised": routing.estimate_diagonal,
        "local_chunks": routing.local_chunks,
    }
    routed: dict[str, Any] = {"chunk_size": C, "scale": routing.scale, "sharpness": sharpness}
    norms = query.new_empty(*lse.shape, 2, dtype=torch.float32)
    attention_grad = query.new_empty(query.shape, dtype=torch.float32)
    wanted_grads = torch.zeros_like(selection.weights)
    inputs = grad, query, key, value, padding
    results = norms, attention_grad, wanted_grads
    grad_attention(*inputs, output, lse, selection, *results, start, key_rows, **bias)
    scored = query, summaries, padding, selection, wanted_grads
    grad_query, means = grad_routing(*scored, attention_grad, start, summary_rows, **routed)
    past = selection.entries.shape[-1] - 1  # chunks
    if past:
        summaries_sums[:, :, :past] += grad_summaries(*scored, means, start, summary_rows, **routed)
    del attention_grad, wanted_grads, results, scored  # their memory will hold the readers
    readers = list_readers(selection, start, **bias)
    grad_chunks(*inputs, norms, readers, grad_key, grad_value, start, key_rows, chunk_size=C)
    return grad_query
