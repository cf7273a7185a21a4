"""Queries routed piece by piece, so that their lists stay bounded however many there are."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from dashdoc.kernels.triton.route import Selection, route
from dashdoc.kernels.triton.tiles import Tile


@dataclass(frozen=True)
class Routing:
    """How to route: what `dash_attention` calls by these names."""

    chunk_size: int
    scale: float
    estimate_diagonal: bool
    sigma: float
    local_chunks: int


@dataclass(frozen=True)
class Piece:
    """Queries `begin` to `end` of a call, [B, S, Hq, D], and what they read.

    `start` is the place of the first of them among the keys.
    """

    begin: int
    end: int
    start: int
    query: Tensor
    selection: Selection


def route_pieces(
    query: Tensor, tokens: int, summaries: Tensor, routing: Routing, tile: Tile, size: int, *,
    weigh: bool, padding: Tensor | None = None,
) -> Iterator[Piece]:  # fmt: skip
    """Route the queries [B, Hq, M, D], the last of so many tokens, `size` of them at once.

    `size` is a multiple of the tile's tokens; the other arguments are those of `route`.
    """
    M = query.shape[2]
    query = query if query.stride(3) == 1 else query.contiguous()
    for begin in range(0, M, size):
        end, start = min(begin + size, M), tokens - M + begin
        part = query[:, :, begin:end].transpose(1, 2)
        selection = route(
            part,
            summaries,
            start,
            tile,
            chunk_size=routing.chunk_size,
            scale=routing.scale,
            local_chunks=routing.local_chunks,
            weigh=weigh,
            padding=padding,
        )
        yield Piece(begin, end, start, part, selection)
