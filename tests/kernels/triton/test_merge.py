"""Merged lists hold the union of their lists, and who wants what."""

import pytest
import torch

from dashdoc.kernels.triton.merge import merge
from dashdoc.kernels.triton.route import Selection, route
from dashdoc.kernels.triton.tiles import CHUNK_BITS, CHUNK_MASK, Tile
from tests.kernels.triton.cases import DEVICE

C, LISTS, HEADS = 16, 3, 2


def selected(N: int, M: int, tokens: int) -> Selection:
    return route(
        2 * torch.randn(2, M, 2 * HEADS, 64, device=DEVICE),
        torch.randn(2, 2, N // C, 64, device=DEVICE),
        N - M,
        Tile(tokens, HEADS),
        chunk_size=C,
        scale=8.0,
        local_chunks=1,
        weigh=False,
    )


def entries(lists: torch.Tensor, lengths: torch.Tensor, at: tuple[int, ...]) -> list[int]:
    return lists[at][: lengths[at]].tolist()


@pytest.mark.parametrize(
    ("N", "M", "tokens"), [(160, 160, 4), (333, 50, 8), (90, 1, 4), (70, 13, 2)]
)
def test_merged_lists_are_the_union_of_theirs(N: int, M: int, tokens: int) -> None:
    selection = selected(N, M, tokens)
    merged, lengths = merge(selection, N - M, M, C, LISTS)
    tiles = selection.entries.shape[2]
    assert merged.shape[:3] == lengths.shape == (2, 2, -(-tiles // LISTS))
    for b, h, program in torch.cartesian_prod(*map(torch.arange, lengths.shape)).tolist():
        expected: dict[int, int] = {}
        for i, tile in enumerate(range(program * LISTS, min((program + 1) * LISTS, tiles))):
            for entry in entries(selection.entries, selection.lengths, (b, h, tile)):
                chunk, wanted = entry & CHUNK_MASK.value, entry >> CHUNK_BITS.value != 0
                expected[chunk] = expected.get(chunk, 1 << LISTS) | wanted << i
        found = entries(merged, lengths, (b, h, program))
        assert found == [chunk | expected[chunk] << CHUNK_BITS.value for chunk in sorted(expected)]
