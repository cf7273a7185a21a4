"""What the kernels share: how queries are tiled, how lists are packed, how buffers are addressed.

A tile is T neighbouring query tokens with the G query heads of one KV head: T * G rows of one
matrix product. Triton's shapes are powers of two of at least 16 rows, so T and G are rounded up
to T_PAD and G_PAD; row r belongs to token r // G_PAD and head r % G_PAD.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
import triton
import triton.language as tl
from torch import Tensor

# An entry of a list is one int32: the chunk in the low bits, one bit a token of the tile above.
CHUNK_BITS = tl.constexpr(20)
CHUNK_MASK = tl.constexpr((1 << 20) - 1)
MAX_CHUNKS = 1 << 20
MAX_TILE_TOKENS = 12

LOG2_E = 1.4426950408889634


@dataclass(frozen=True)
class Tile:
    """T query tokens by G heads, rounded up to what a kernel can hold."""

    tokens: int
    heads: int

    @cached_property
    def padded_tokens(self) -> int:
        return power_of_two(self.tokens)

    @cached_property
    def padded_heads(self) -> int:
        return max(power_of_two(self.heads), 16 // self.padded_tokens)

    @cached_property
    def rows(self) -> int:
        return self.padded_tokens * self.padded_heads

    @cached_property
    def warps(self) -> int:
        """One warp for every 16 rows, as the matrix unit takes them."""
        return min(max(self.rows // 16, 4), 8)

    def sizes(self) -> dict[str, int]:
        """The constants that every kernel over tiles takes."""
        return {
            "T": self.tokens,
            "G": self.heads,
            "T_PAD": self.padded_tokens,
            "G_PAD": self.padded_heads,
        }


@lru_cache
def tile_for(heads: int) -> Tile:
    """The tile of a group of G heads: 8 tokens, fewer where 64 rows hold no 8.

    More rows would share the loads of a chunk, but fewer of them would want it.
    """
    return Tile(max(1, min(8, 64 // power_of_two(heads))), heads)


def power_of_two(number: int) -> int:
    """The first power of two that is not smaller."""
    return 1 << (number - 1).bit_length()


def rows_of(tensor: Tensor) -> tuple[Tensor, int]:
    """A [B, H, N, D] tensor whose rows a kernel can address, and the rows it holds per head.

    The first N tokens of a cache of larger capacity are taken as they lie; else a copy is made.
    """
    B, H, N, D = tensor.shape
    head = tensor.stride(1) if H > 1 else tensor.stride(0) if B > 1 else N * D
    dense = tensor.stride(3) == 1 and (N == 1 or tensor.stride(2) == D) and head % D == 0
    if dense and head >= N * D and (B == 1 or tensor.stride(0) == H * head):
        return tensor, head // D
    return tensor.contiguous(), N


def query_strides(query: Tensor) -> tuple[int, int, int]:
    """How far apart the batch rows, tokens and heads of queries [B, S, Hq, D] are."""
    assert query.stride(3) == 1, "a query's numbers do not lie side by side"
    return query.stride(0), query.stride(1), query.stride(2)


def check_inputs(*tensors: Tensor) -> None:
    """Assert what every kernel takes for granted."""
    D, dtype = tensors[0].shape[-1], tensors[0].dtype
    assert dtype in (torch.float16, torch.bfloat16, torch.float32), f"{dtype} has no kernel"
    assert D >= 16 and D & (D - 1) == 0, f"the head dimension {D} is no power of two"
    assert all(t.shape[-1] == D and t.dtype == dtype for t in tensors), "dtypes or widths differ"


def padding_of(padding: Tensor | None) -> Tensor | None:
    """[B] padded tokens as the kernels read them."""
    return None if padding is None else padding.to(torch.int32).contiguous()


@triton.jit
def this_tile():
    """The tile, KV head and batch row of this program, that row and head in one, and its list.

    Programs start in their order: those of the last tiles, whose lists are longest, go first.
    """
    tiles = tl.num_programs(0)
    tile = tiles - 1 - tl.program_id(0)
    h, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    head = b * tl.num_programs(1) + h
    return tile, h, b, head, head * tiles + tile


@triton.jit
def tile_positions(tile, start, tokens, T: tl.constexpr, T_PAD: tl.constexpr):
    """Places of a tile's tokens among the keys [T_PAD], the last repeated, and the first, last."""
    first = start + tile * T
    last = start + tl.minimum(tile * T + T, tokens) - 1
    return tl.minimum(first + tl.arange(0, T_PAD), last), first, last


@triton.jit
def row_tokens(T: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr):
    """The token within the tile of each row [ROWS], the last repeated."""
    return tl.minimum(tl.arange(0, T_PAD * G_PAD) // G_PAD, T - 1)


@triton.jit
def row_offsets(
    b, h, tile, tokens, heads,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr,
):  # fmt: skip
    """Where a tile's heads lie in [B, tokens, heads], its rows behind, and which of them exist."""
    row = tl.arange(0, T_PAD * G_PAD)
    token, head = row // G_PAD, row % G_PAD
    exists = (token < T) & (tile * T + token < tokens) & (head < G)
    return (b * tokens + tile * T) * heads + h * G, token * heads + head, exists


@triton.jit
def load_rows(pointer, origin, rows, exists, D: tl.constexpr):
    """[ROWS, D], zeros for rows that do not exist."""
    at = rows[:, None] * D + tl.arange(0, D)[None, :]
    return tl.load(pointer + origin * D + at, mask=exists[:, None], other=0.0)


@triton.jit
def load_queries(
    pointer, strides, b, h, tile, tokens,
    T: tl.constexpr, G: tl.constexpr, T_PAD: tl.constexpr, G_PAD: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """A tile's queries [ROWS, D], zeros for rows that do not exist.

    `strides` are those of batch rows, tokens and heads: queries are read wherever they lie.
    """
    row = tl.arange(0, T_PAD * G_PAD)
    token, head = row // G_PAD, row % G_PAD
    exists = (token < T) & (tile * T + token < tokens) & (head < G)
    at = (tile * T + token).to(tl.int64) * strides[1] + (h * G + head).to(tl.int64) * strides[2]
    at = at[:, None] + tl.arange(0, D)[None, :]
    return tl.load(pointer + b * strides[0] + at, mask=exists[:, None], other=0.0)


@triton.jit
def load_padding(padding_ptr, b):
    """Padded tokens of a batch row; 0 where there is no padding at all."""
    return 0 if padding_ptr is None else tl.load(padding_ptr + b)


@triton.jit
def load_summaries(pointer, chunk, limit, D: tl.constexpr, MASKED: tl.constexpr = True):
    """The summaries of a block of chunks [BLOCK, D]; zeros from `limit` on where MASKED."""
    # Within a head offsets fit 32 bits: it has no more than MAX_CHUNKS summaries.
    at = chunk[:, None] * D + tl.arange(0, D)[None, :]
    mask = (chunk < limit)[:, None] if MASKED else None
    return tl.load(pointer + at, mask=mask, other=0.0 if MASKED else None)
