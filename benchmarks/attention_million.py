"""One layer reads 1,048,576 tokens in pieces: time, memory, and tokens checked against float64.

    python benchmarks/attention_million.py

The shape is that of `attention.py`; the scale is bisected until the last tokens read 8% of their
chunks. The last line is one JSON object.
"""

import json

import torch
from attention_measure import machine
from attention_workload import CHUNK, DEVICE, DTYPE, HEAD_DIM, KV_HEADS, NEIGHBOURS, QUERY_HEADS
from torch import Tensor

from dashdoc.kernels import dash_attention, reference
from dashdoc.kernels.triton.autograd import summarize

TOKENS, PIECE = 1 << 20, 1 << 16
DENSITY, SIGMA, BISECTIONS = 0.08, 1e6, 12
# Pieces of which some tokens are computed again, and these tokens.
CHECKED = (0, 7, 15)
PICKED = (0, 1, 777, PIECE // 2 + 3, PIECE - 2, PIECE - 1)


def noise(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator(DEVICE).manual_seed(seed)
    return torch.randn(*shape, device=DEVICE, generator=generator, dtype=DTYPE)


def queries(piece: int) -> Tensor:
    """[1, Hq, PIECE, D]: neighbours share most of their direction."""
    groups = PIECE // NEIGHBOURS
    shared = noise(2 * piece + 100, QUERY_HEADS, groups, 1, HEAD_DIM)
    own = noise(2 * piece + 101, QUERY_HEADS, groups, NEIGHBOURS, HEAD_DIM)
    return (0.9 * shared + 0.44 * own).view(1, QUERY_HEADS, PIECE, HEAD_DIM)


def keys() -> Tensor:
    """[1, Hkv, N, D]: the keys of a chunk share a topic."""
    chunks = TOKENS // CHUNK
    topics = noise(0, KV_HEADS, chunks, 1, HEAD_DIM)
    own = noise(1, KV_HEADS, chunks, CHUNK, HEAD_DIM)
    return (0.7 * topics + 0.7 * own).view(1, KV_HEADS, TOKENS, HEAD_DIM)


def find_scale(query: Tensor, summaries: Tensor) -> float:
    """The scale at which the last tokens of the text read `DENSITY` of their chunks."""
    position = torch.arange(TOKENS - query.shape[2], TOKENS, device=DEVICE)
    low, high = 0.01, 32.0
    for _ in range(BISECTIONS):
        scale = (low * high) ** 0.5
        probabilities = reference.route(query, summaries, position, CHUNK, scale)
        read = ((probabilities > 0).sum(-1) + 1) / (position // CHUNK + 1)
        low, high = (scale, high) if read.double().mean() > DENSITY else (low, scale)
    return scale


def exact(query: Tensor, key: Tensor, value: Tensor, summaries: Tensor, position: int,
          scale: float) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One token [1, Hq, 1, D] by the definition in float64, and its active chunks [1, Hkv, 1]."""
    own, at = position // CHUNK, torch.tensor([position], device=DEVICE)
    probabilities = reference.route(
        query.double(), summaries[:, :, :own].double(), at, CHUNK, scale
    )
    bias = reference.prior(probabilities, at, CHUNK, own + 1, True, SIGMA, 1, None)
    past = slice(0, position + 1)
    output = reference.attend(
        query.double(), key[:, :, past].double(), value[:, :, past].double(), bias, at, CHUNK
    )
    return output, (bias > -torch.inf).sum(-1)


def main() -> None:
    key, value = keys(), noise(2, 1, KV_HEADS, TOKENS, HEAD_DIM)
    class_query = 0.02 * noise(3, KV_HEADS, HEAD_DIM)
    summaries = summarize(key, class_query, CHUNK, None)
    scale = find_scale(queries(TOKENS // PIECE - 1)[:, :, -256:], summaries)
    torch.cuda.empty_cache()
    milliseconds, extra, active, past, worst, flips = 0.0, 0, 0, 0, 0.0, 0
    for piece in range(TOKENS // PIECE):
        query, end = queries(piece), (piece + 1) * PIECE
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        began.record()
        output, counts = dash_attention(
            query, key[:, :, :end], value[:, :, :end], class_query, chunk_size=CHUNK, scale=scale,
            estimate_diagonal=True, sigma=SIGMA, summaries=summaries, measure=True,
        )  # fmt: skip
        ended.record()
        torch.cuda.synchronize()
        assert counts is not None
        milliseconds += began.elapsed_time(ended)
        extra = max(extra, torch.cuda.max_memory_allocated() - before - output.nbytes)
        active += int(counts.active.sum())
        past += KV_HEADS * int((torch.arange(end - PIECE, end) // CHUNK + 1).sum())
        for i in PICKED if piece in CHECKED else ():
            one = query[:, :, i : i + 1]
            wanted, chunks = exact(one, key, value, summaries, end - PIECE + i, scale)
            error = (output[:, :, i : i + 1].double() - wanted).norm() / wanted.norm()
            worst = max(worst, float(error))
            flips += int((chunks != counts.active[:, :, i : i + 1]).sum())
        print(
            f"{end:9,} tokens: {milliseconds / 1e3:5.2f} s, density {active / past:.3f}", flush=True
        )
    result = {
        "benchmark": "attention_million",
        "machine": machine(),
        "tokens": TOKENS,
        "seconds": round(milliseconds / 1e3, 3),
        "density": round(active / past, 4),
        "extra_bytes": extra,
        "cache_bytes": key.nbytes + value.nbytes + summaries.nbytes,
        "worst_error": worst,
        "other_active_sets": flips,
        "checked_tokens": len(CHECKED) * len(PICKED),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
