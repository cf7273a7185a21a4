"""Stage 2 in Triton: thresholds are exact at every length, lists hold what float64 says."""

import math

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import reference
from dashdoc.kernels.triton.route import Selection, route
from dashdoc.kernels.triton.tiles import CHUNK_BITS, CHUNK_MASK, Tile
from tests.kernels.triton.cases import DEVICE, relative_error

C = 16


def choose(
    query: Tensor, summaries: Tensor, start: int, tile: Tile, scale: float, local: int = 1
) -> Selection:
    return route(
        query.transpose(1, 2).contiguous(),
        summaries,
        start,
        tile,
        chunk_size=C,
        scale=scale,
        local_chunks=local,
        weigh=True,
    )


def by_definition(query: Tensor, summaries: Tensor, start: int, scale: float) -> tuple[Tensor, ...]:
    """Probabilities [1, Hkv, M, P] in float64, and which are at their threshold in any head."""
    q, s = query.double(), summaries.double()
    M, D = q.shape[2:]
    position = torch.arange(start, start + M, device=DEVICE)
    P = reference.route(q, s, position, C, scale)
    grouped = q.view(1, s.shape[1], -1, M, D)
    factor = scale / math.sqrt(D)
    scores = grouped @ s[:, :, None].transpose(-1, -2) * factor
    past = torch.arange(s.shape[2], device=DEVICE) < (position // C)[:, None]
    scores = scores.masked_fill(~past, -math.inf)
    p = reference.entmax15(scores)
    tau = (scores / 2 - p.sqrt()).masked_fill(p == 0, -math.inf).amax(-1, keepdim=True)
    size = grouped.abs() @ s[:, :, None].abs().transpose(-1, -2) * factor
    at_threshold = ((scores / 2 - tau).abs() <= 1e-5 * size.clamp_min(1)).any(2)
    return P, at_threshold


def unpacked(selection: Selection, M: int, P: int) -> tuple[Tensor, Tensor]:
    """What each token reads [Hkv, M, P + 1] and the weights, from the lists."""
    T, tiles = selection.tile.tokens, selection.entries.shape[2]
    Hkv = selection.entries.shape[1]
    read = torch.zeros(Hkv, tiles * T, P + 1, dtype=torch.bool, device=DEVICE)
    weight = torch.full(read.shape, -math.inf, device=DEVICE)
    for h in range(Hkv):
        for tile in range(tiles):
            length = selection.lengths[0, h, tile]
            entries = selection.entries[0, h, tile, :length]
            chunks = entries & CHUNK_MASK.value
            assert (chunks.diff() > 0).all()
            for t in range(T):
                bits = (entries >> (CHUNK_BITS.value + t)) & 1
                read[h, tile * T + t, chunks[bits == 1]] = True
                weight[h, tile * T + t, chunks] = selection.weights[0, h, tile, :length, t]
    assert not read[:, M:].any()
    return read[:, :M], weight[:, :M]


@pytest.mark.parametrize("scale", [0.0, 0.5, 4.0, 40.0])
@pytest.mark.parametrize(
    ("P", "tile"),
    [(3, Tile(8, 2)), (70, Tile(4, 3)), (200, Tile(12, 4)), (66, Tile(8, 16)), (300, Tile(8, 1))],
    ids=lambda value: str(value),
)
def test_lists_hold_what_each_token_reads(P: int, tile: Tile, scale: float) -> None:
    Hkv, M, D = 2, 13, 64
    start = P * C - 5  # tiles cross a border of chunks, and P is the last query's chunk
    P = (start + M - 1) // C
    query = torch.randn(1, Hkv * tile.heads, M, D, device=DEVICE)
    summaries = torch.randn(1, Hkv, P, D, device=DEVICE)
    selection = choose(query, summaries, start, tile, scale)
    expected, at_threshold = by_definition(query, summaries, start, scale)
    read, weight = unpacked(selection, M, P)
    own = (torch.arange(start, start + M, device=DEVICE) // C)[:, None]
    chunk = torch.arange(P + 1, device=DEVICE)
    assert read[:, chunk == own].all() and not read[:, chunk > own].any()
    wanted = read[..., :P] & (chunk[:P] < own)
    differs = wanted != (expected[0] > 0)
    assert not (differs & ~at_threshold[0]).any()
    both = wanted & (expected[0] > 1e-6)
    if both.any():
        assert relative_error(weight[..., :P][both].exp2(), expected[0][both]) < 1e-5
    assert torch.equal(selection.active[0], read.sum(-1, dtype=torch.int32))
    logs = weight[..., :P].masked_fill(~wanted, 0).sum(-1) / wanted.sum(-1).clamp_min(1)
    assert (selection.means[0] - logs).abs().max() < 1e-5 * max(1, logs.abs().max())


def test_local_chunks_are_read_by_all_and_stay_in_the_competition() -> None:
    M, P, tile = 16, 20, Tile(8, 2)
    start = P * C - 4
    query = torch.randn(1, 2, M, 64, device=DEVICE)
    summaries = torch.randn(1, 1, P, 64, device=DEVICE)
    one = unpacked(choose(query, summaries, start, tile, 20.0, local=1), M, P)[0]
    two = unpacked(choose(query, summaries, start, tile, 20.0, local=2), M, P)[0]
    own = (torch.arange(start, start + M, device=DEVICE) // C)[:, None]
    assert torch.equal(two, one | (torch.arange(P + 1, device=DEVICE) == own - 1))


def spread(kind: str, P: int) -> Tensor:
    """Scores [P] that are hard on a solver."""
    if kind == "cluster":  # one score, and all others just where the threshold may lie
        return torch.cat((torch.zeros(1), -1.8 + 2e-4 * torch.randn(P - 1)))
    if kind == "ties":
        return torch.randint(0, 4, (P,)) * -0.3
    if kind == "flat":
        return 1e-3 * torch.randn(P)
    if kind == "equal":  # but for the last digits: tau lies at its upper bound
        return 1e-6 * torch.randn(P)
    return torch.randn(P) * float(kind)


@pytest.mark.parametrize(
    ("P", "kind"),
    [(512, kind) for kind in ("flat", "0.1", "1", "8", "60", "cluster", "ties")]
    + [(16_384, kind) for kind in ("0.1", "cluster", "equal")],
)
def test_probabilities_sum_to_one_at_every_length(P: int, kind: str) -> None:
    D, tile = 64, Tile(8, 2)
    summaries = torch.zeros(1, 1, P, D, device=DEVICE)
    summaries[..., 0] = 50  # a large common part, as scores have in practice
    for column in range(1, 4):
        summaries[0, 0, :, column] = spread(kind, P) * 8
    query = torch.zeros(1, 2, 8, D, device=DEVICE)
    query[..., 0] = torch.rand(1, 2, 8)
    query[0, :, torch.arange(8), 1 + torch.arange(8) % 3] = 1
    selection = choose(query, summaries, P * C, tile, 1.0)
    top, tau = selection.thresholds[0, 0, 0].double().unbind(-1)  # [ROWS], token-major
    rows = query[0].transpose(0, 1).reshape(-1, D)
    half = (rows @ summaries[0, 0].T * (1 / (2 * math.sqrt(D)))).double()
    mass = (half - top[:, None] - tau[:, None]).clamp_min(0).square().sum(-1)
    assert (mass - 1).abs().max() <= 1e-5
