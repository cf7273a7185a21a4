"""How alike do neighbouring tokens choose? What they read together, layer by layer.

    python benchmarks/unions.py --model DIR

The model reads a text that it was not trained on. Of 64 groups of 16 tokens behind the first 4,096,
`1` is the mean density, and the others are the densities of what the first 2, 4, 8 and 16 tokens
of a group read together: a kernel that reads for all of them at once loads so much. Means over the
KV heads. Below stand the last tokens of 65,536 of the two sets of `attention_workload.py`, and of
the same with neighbours that choose more alike. The last line is one JSON object with all that the
table shows.
"""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from attention_workload import (
    ALIKE,
    CHUNK,
    DENSITIES,
    HEAD_DIM,
    KV_HEADS,
    TAIL,
    UNLIKE,
    draw_keys,
    draw_queries,
    scale_for,
)
from facts import machine
from facts_cases import load_unseen
from model_routing import SampleMeter

import dashdoc
from dashdoc.kernels import reference
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward

TOGETHER = (1, 2, 4, 8, 16)
FIRST = 4_096
WORKLOAD_TOKENS = 65_536


def unions(model: Any, tokens: int, first: int = FIRST) -> list[list[float]]:
    """Of every layer the density of what 1, 2, 4, 8 and 16 neighbours read together."""
    text = "".join(sentence.text + sentence.gap for sentence in load_unseen())
    ids = model.tokenizer.encode(text[: 8 * tokens], add_special_tokens=False)[:tokens]
    meter = SampleMeter(model.config, tokens, TOGETHER[-1], first)
    cache, piece = DashCache(model.config, tokens), model.choice.prefill_piece
    with torch.inference_mode():
        for begin in range(0, tokens, piece):
            forward(
                model.network,
                torch.tensor([ids[begin : begin + piece]], device=model.network.device),
                cache,
                meter,
            )
    scale = model.config.scaling_factor
    by_size = [meter.by_layer(scale, together) for together in TOGETHER]
    return [[union for _, union in layer] for layer in zip(*by_size, strict=True)]


def workload_unions(tokens: int) -> dict[str, list[float]]:
    """The same of the last tokens of every set of the attention benchmark."""
    normal = partial(torch.randn, generator=torch.Generator().manual_seed(0))
    keys, class_query = draw_keys(normal, tokens), 0.02 * normal(KV_HEADS, HEAD_DIM)
    summaries = reference.summarize(keys, class_query, CHUNK)
    position = torch.arange(tokens - TAIL, tokens)
    own = F.one_hot(position // CHUNK, tokens // CHUNK).bool()  # [TAIL, P]
    found = {}
    for likeness, note in ((UNLIKE, ""), (ALIKE, ", alike")):
        query = draw_queries(normal, TAIL, likeness)
        for label, density in DENSITIES.items():
            scale = scale_for(query, tokens, summaries, density)
            chosen = reference.route(query, summaries, position, CHUNK, scale)[0] > 0
            groups = (chosen | own).unflatten(1, (-1, TOGETHER[-1]))  # [Hkv, groups, 16, P]
            readable = (position // CHUNK + 1).view(-1, TOGETHER[-1])[:, 0]  # [groups]
            found[f"'{label}'{note}"] = [
                (groups[:, :, :together].any(2).sum(-1) / readable).mean().item()
                for together in TOGETHER
            ]
    return found


def line(name: str, densities: Sequence[float]) -> str:
    return f"{name:16}" + "".join(f"{density:8.3f}" for density in densities)


def main() -> None:
    parser = argparse.ArgumentParser(description="How alike do neighbouring tokens choose?")
    parser.add_argument("--model", default="bundled", help="'bundled' or the path of a model")
    parser.add_argument("--tokens", type=int, default=16_384)
    options = parser.parse_args()
    model = dashdoc.load_model(options.model)
    config = model.config
    shape = {
        "query_heads": config.num_attention_heads,
        "kv_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "chunk_size": config.chunk_size,
        "scaling_factor": config.scaling_factor,
    }
    print(", ".join(f"{name} {value}" for name, value in (machine(model) | shape).items()))
    layers = unions(model, options.tokens)
    print("layer           " + "".join(f"{together:8}" for together in TOGETHER))
    for number, densities in enumerate(layers):
        print(line(str(number), densities))
    mean = [fmean(densities) for densities in zip(*layers, strict=True)]
    print(line("mean", mean))
    workload = workload_unions(WORKLOAD_TOKENS)
    for name, densities in workload.items():
        print(line(name, densities))
    report = {
        "benchmark": "unions",
        "model": options.model,
        "machine": machine(model),
        "shape": shape,
        "tokens": options.tokens,
        "first": FIRST,
        "together": TOGETHER,
        "layers": [[round(density, 4) for density in densities] for densities in layers],
        "mean": [round(density, 4) for density in mean],
        "workload": {
            name: [round(density, 4) for density in densities]
            for name, densities in workload.items()
        },
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
