"""The two halves of the operator with their gradients: summaries, and attention from them on."""

from typing import Any

import torch
from torch import Tensor

from dashdoc.kernels.operator import RoutingCounts
from dashdoc.kernels.triton.backward import attend_backward
from dashdoc.kernels.triton.forward import Routing, attend_pieces
from dashdoc.kernels.triton.summarize import summarize as summarize_forward
from dashdoc.kernels.triton.summarize import summarize_backward
from dashdoc.kernels.triton.tiles import Tile, check_inputs


@torch.compiler.disable
def attend_sparse(
    query: Tensor, key: Tensor, value: Tensor, summaries: Tensor, *,
    chunk_size: int, scale: float, estimate_diagonal: bool, sigma: float, local_chunks: int,
    padding: Tensor | None = None, measure: bool = False,
    tile: Tile | None = None, piece: int | None = None,
) -> tuple[Tensor, RoutingCounts | None]:  # fmt: skip
    """Stages 2 and 3 of `dash_attention`, from the summaries on; differentiable.

    Args:
        query: [B, Hq, M, D], the last M of the N tokens; read in place where it is a view of a
            contiguous [B, M, Hq, D] and B is 1.
        key, value: [B, Hkv, N, D]; a view of a cache of larger capacity is read in place.
        summaries: [B, Hkv, P, D] of the first P complete chunks, P at least the last query's.
        chunk_size, scale, estimate_diagonal, sigma, local_chunks, padding, measure: as there.
        tile: the shape of the tiles; piece: queries routed at once, whole tiles. What suits where
            not given.

    Returns:
        The output [B, Hq, M, D], a view of a contiguous [B, M, Hq, D], and the counts if measured.
    """
    check_inputs(query, key, value, summaries)
    routing = Routing(chunk_size, scale, estimate_diagonal, sigma, local_chunks)
    tensors = (query, key, value, summaries)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        output, counts = _AttendSparse.apply(  # type: ignore[no-untyped-call]
            *tensors, routing, padding, measure, tile, piece
        )
    else:
        output, _, counts = attend_pieces(
            *tensors,
            routing,
            padding,
            measure=measure,
            save_lse=False,
            weigh=False,
            tile=tile,
            piece=piece,
        )
    return output.transpose(1, 2), counts


@torch.compiler.disable
def summarize(
    key: Tensor, class_query: Tensor, chunk_size: int, padding: Tensor | None = None
) -> Tensor:
    """Stage 1, as `reference.summarize`; differentiable in the keys and the class query."""
    summaries: Tensor = _Summarize.apply(  # type: ignore[no-untyped-call]
        key, class_query, chunk_size, padding
    )
    return summaries


class _Summarize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, key: Tensor, class_query: Tensor, chunk_size: int, padding: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(key, class_query, padding)
        ctx.chunk_size = chunk_size
        return summarize_forward(key, class_query, chunk_size, padding)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        key, class_query, padding = ctx.saved_tensors
        return *summarize_backward(grad, key, class_query, ctx.chunk_size, padding), None, None


class _AttendSparse(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, summaries: Tensor, routing: Routing,
        padding: Tensor | None, measure: bool, tile: Tile | None, piece: int | None,
    ) -> tuple[Tensor, RoutingCounts | None]:  # fmt: skip
        # A flat bias is weighed, too: small as its gradient is, no other reaches the summaries.
        output, lse, counts = attend_pieces(
            query,
            key,
            value,
            summaries,
            routing,
            padding,
            measure=measure,
            save_lse=True,
            weigh=True,
            tile=tile,
            piece=piece,
        )
        ctx.save_for_backward(query, key, value, summaries, padding, output, lse)
        ctx.routing, ctx.tile, ctx.piece = routing, tile, piece
        return output, counts

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: None) -> tuple[Tensor | None, ...]:
        query, key, value, summaries, padding, output, lse = ctx.saved_tensors
        grads = attend_backward(
            grad,
            query,
            key,
            value,
            summaries,
            output,
            lse,
            ctx.routing,
            padding,
            tile=ctx.tile,
            piece=ctx.piece,
        )
        return *grads, None, None, None, None, None
