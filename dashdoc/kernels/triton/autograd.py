"""The two halves of the operator as operators of torch: summaries, and attention from them on.

Registered with fakes and gradients, they go whole into compiled graphs and CUDA graphs. What an
operator has no use for comes back as an empty tensor: it cannot return None.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from dashdoc.kernels.operator import RoutingCounts
from dashdoc.kernels.triton.backward import attend_backward
from dashdoc.kernels.triton.forward import attend_pieces
from dashdoc.kernels.triton.pieces import Routing
from dashdoc.kernels.triton.summarize import summarize as summarize_forward
from dashdoc.kernels.triton.summarize import summarize_backward
from dashdoc.kernels.triton.tiles import Tile, check_inputs


def summarize(
    key: Tensor, class_query: Tensor, chunk_size: int, padding: Tensor | None = None
) -> Tensor:
    """Stage 1, as `reference.summarize`; differentiable in the keys and the class query."""
    if runs_at_once(key, class_query):
        return summarize_forward(key, class_query, chunk_size, padding)
    summaries: Tensor = torch.ops.dashdoc.summarize(key, class_query, padding, chunk_size)
    return summaries


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
    tensors = (query, key, value, summaries)
    at_once = runs_at_once(*tensors)
    arguments = (
        *tensors,
        padding,
        chunk_size,
        scale,
        estimate_diagonal,
        sigma,
        local_chunks,
        measure,
        not at_once and torch.is_grad_enabled() and any(t.requires_grad for t in tensors),
        None if tile is None else tile.tokens,
        piece,
    )
    attend = _attend_now if at_once else torch.ops.dashdoc.attend
    output, _, active, reads = attend(*arguments)
    return output.transpose(1, 2), RoutingCounts(active, reads) if measure else None


def runs_at_once(*tensors: Tensor) -> bool:
    """Whether nothing traces or differentiates a call: torch's dispatch takes longer than a launch.

    Plain tensors alone are sure to be no stand-ins of a tracer's.
    """
    return (
        not torch.compiler.is_compiling()
        and all(type(tensor) in (Tensor, Parameter) for tensor in tensors)
        and not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors))
    )


@torch.library.custom_op("dashdoc::summarize", mutates_args=())
def _summarize(key: Tensor, class_query: Tensor, padding: Tensor | None, chunk_size: int) -> Tensor:
    return summarize_forward(key, class_query, chunk_size, padding)


@_summarize.register_fake
def _(key: Tensor, class_query: Tensor, padding: Tensor | None, chunk_size: int) -> Tensor:
    return key.new_empty(*key.shape[:2], key.shape[2] // chunk_size, key.shape[3])


@torch.library.custom_op("dashdoc::summarize_backward", mutates_args=())
def _summarize_backward(
    grad: Tensor, key: Tensor, class_query: Tensor, padding: Tensor | None, chunk_size: int
) -> tuple[Tensor, Tensor]:
    return summarize_backward(grad, key, class_query, chunk_size, padding)


@_summarize_backward.register_fake
def _(
    grad: Tensor, key: Tensor, class_query: Tensor, padding: Tensor | None, chunk_size: int
) -> tuple[Tensor, Tensor]:
    return key.new_empty(key.shape), class_query.new_empty(class_query.shape)


def _keep_keys(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.chunk_size = inputs
    ctx.save_for_backward(*tensors)


def _summaries_grad(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    grads = torch.ops.dashdoc.summarize_backward(grad, *ctx.saved_tensors, ctx.chunk_size)
    return *grads, None, None


_summarize.register_autograd(_summaries_grad, setup_context=_keep_keys)


def _attend_now(
    query: Tensor, key: Tensor, value: Tensor, summaries: Tensor, padding: Tensor | None,
    chunk_size: int, scale: float, estimate_diagonal: bool, sigma: float, local_chunks: int,
    measure: bool, trained: bool, tile: int | None, piece: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """The output [B, M, Hq, D], the softmax sums if trained, and the counts if measured."""
    # Trained, a flat bias is weighed, too: small as its gradient is, no other reaches the
    # summaries.
    output, lse, counts = attend_pieces(
        query,
        key,
        value,
        summaries,
        Routing(chunk_size, scale, estimate_diagonal, sigma, local_chunks),
        padding,
        measure=measure,
        save_lse=trained,
        weigh=trained,
        tile=_tile(query, key, tile),
        piece=piece,
    )
    lse = query.new_empty(0) if lse is None else lse
    if counts is None:
        return output, lse, query.new_empty(0), query.new_empty(0)
    return output, lse, counts.active, counts.reads


_attend = torch.library.custom_op("dashdoc::attend", _attend_now, mutates_args=())


@_attend.register_fake
def _(
    query: Tensor, key: Tensor, value: Tensor, summaries: Tensor, padding: Tensor | None,
    chunk_size: int, scale: float, estimate_diagonal: bool, sigma: float, local_chunks: int,
    measure: bool, trained: bool, tile: int | None, piece: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    B, Hq, M, D = query.shape
    Hkv, N = key.shape[1:3]

    def given(wanted: bool, *shape: int, dtype: torch.dtype) -> Tensor:
        return query.new_empty(shape, dtype=dtype) if wanted else query.new_empty(0)

    return (
        query.new_empty(B, M, Hq, D),
        given(trained, B, M, Hq, dtype=torch.float32),
        given(measure, B, Hkv, M, dtype=torch.int32),
        given(measure, B, Hkv, -(-N // chunk_size), dtype=torch.int64),
    )


@torch.library.custom_op("dashdoc::attend_backward", mutates_args=())
def _attend_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, summaries: Tensor,
    padding: Tensor | None, output: Tensor, lse: Tensor,
    chunk_size: int, scale: float, estimate_diagonal: bool, sigma: float, local_chunks: int,
    tile: int | None, piece: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """The gradients of the queries [B, M, Hq, D], the keys, the values and the summaries."""
    grad_query, grad_key, grad_value, grad_summaries = attend_backward(
        grad,
        query,
        key,
        value,
        summaries,
        output,
        lse,
        Routing(chunk_size, scale, estimate_diagonal, sigma, local_chunks),
        padding,
        tile=_tile(query, key, tile),
        piece=piece,
    )
    return grad_query.transpose(1, 2), grad_key, grad_value, grad_summaries


@_attend_backward.register_fake
def _(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, summaries: Tensor,
    padding: Tensor | None, output: Tensor, lse: Tensor,
    chunk_size: int, scale: float, estimate_diagonal: bool, sigma: float, local_chunks: int,
    tile: int | None, piece: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    return (
        output.new_empty(output.shape),
        key.new_empty(key.shape),
        value.new_empty(value.shape),
        summaries.new_empty(summaries.shape),
    )


def _keep_inputs(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    query, key, value, summaries, padding, *ctx.routing, _, _, ctx.tile, ctx.piece = inputs
    attended, lse, active, reads = output
    ctx.save_for_backward(query, key, value, summaries, padding, attended, lse)
    ctx.mark_non_differentiable(lse, active, reads)


def _attended_grad(ctx: Any, grad: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
    grads = torch.ops.dashdoc.attend_backward(
        grad, *ctx.saved_tensors, *ctx.routing, ctx.tile, ctx.piece
    )
    others = len(ctx.needs_input_grad) - len(grads)
    return grads[0].transpose(1, 2), *grads[1:], *[None] * others


_attend.register_autograd(_attended_grad, setup_context=_keep_inputs)


def _tile(query: Tensor, key: Tensor, tokens: int | None) -> Tile | None:
    return None if tokens is None else Tile(tokens, query.shape[1] // key.shape[1])
