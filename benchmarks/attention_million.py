"""One layer reads 1,048,576 tokens in pieces: time, memory, and tokens checked against float64.

    python benchmarks/attention_million.py

The shape is that of `attention.py`; the scale is bisected until the last tokens read 8% of their
chunks. The last line is one JSON object.
"""

import json
from functools import partial

import torch
from attention_measure import machine
from attention_workload import (
    CHUNK,
    DENSITIES,
    DEVICE,
    DTYPE,
    HEAD_DIM,
    KV_HEADS,
    SIGMA,
    Normal,
    draw_keys,
    draw_queries,
    scale_for,
)
from torch import Tensor

from dashdoc.kernels import dash_attention, reference
from dashdoc.kernels.triton.autograd import summarize

TOKENS, PIECE = 1 << 20, 1 << 16
TAIL = 256  # tokens by which the scale is found
# Pieces of which some tokens are computed again, and these tokens.
CHECKED = (0, 7, 15)
PICKED = (0, 1, 777, PIECE // 2 + 3, PIECE - 2, PIECE - 1)


def numbers(seed: int) -> Normal:
    """Draws in the dtype of the layer: in fp32 a million tokens would not fit."""
    generator = torch.Generator(DEVICE).manual_seed(seed)
    return partial(torch.randn, device=DEVICE, generator=generator, dtype=DTYPE)


def queries(piece: int) -> Tensor:
    """[1, Hq, PIECE, D], the same each time."""
    return draw_queries(numbers(1 + piece), PIECE)


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
    normal = numbers(0)
    key, value = draw_keys(normal, TOKENS), normal(1, KV_HEADS, TOKENS, HEAD_DIM)
    class_query = 0.02 * normal(KV_HEADS, HEAD_DIM)
    summaries = summarize(key, class_query, CHUNK, None)
    last = queries(TOKENS // PIECE - 1)[:, :, -TAIL:]
    scale = scale_for(last, TOKENS, summaries, DENSITIES["0.08"])
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
