"""How alike do neighbouring tokens choose? What they read together, layer by layer.

    python benchmarks/unions.py --model DIR

The model reads a text that it was not trained on. Of 64 groups of 16 tokens behind the first 4,096,
`1` is the mean density, and the others are the densities of what the first 2, 4, 8, 12 and 16 of a
group read together: a kernel that reads for all of them at once loads so much. Means over the KV
heads. Below stand the two sets of `attention_workload.py`, and the same with neighbours that choose
more alike: tiles of as many tokens from the end of 65,536, then from all over them. Tokens are
alike in groups of 16 there, so a tile of 12 may have some of two. The last line is one JSON object
with all that the table shows.
"""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import Any

import torch
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
from model_measure import read
from model_routing import SampleMeter, chosen_chunks, density_together

import dashdoc
from dashdoc.kernels import reference
from dashdoc.models.cache import DashCache

TOGETHER = (1, 2, 4, 8, 12, 16)
FIRST = 4_096
WORKLOAD_TOKENS = 65_536
STRETCH = 48  # tokens, of which tiles of every size are cut


def unions(model: Any, tokens: int, first: int = FIRST) -> list[list[float]]:
    """Of every layer the density of what each number of neighbours reads together."""
    text = "".join(sentence.text + sentence.gap for sentence in load_unseen())
    ids = model.tokenizer.encode(text[: 8 * tokens], add_special_tokens=False)[:tokens]
    meter = SampleMeter(model.config, tokens, TOGETHER[-1], first)
    with torch.inference_mode():
        read(
            model,
            torch.tensor([ids], device=model.device),
            DashCache(model.config, tokens),
            model.choice.prefill_piece,
            meter,
        )
    scale = model.config.scaling_factor
    by_size = [meter.by_layer(scale, together) for together in TOGETHER]
    return [[round(union, 4) for _, union in layer] for layer in zip(*by_size, strict=True)]


def workload_unions(tokens: int) -> dict[str, list[float]]:
    """What tiles of each size read together, of every set of the attention benchmark."""
    normal = partial(torch.randn, generator=torch.Generator().manual_seed(0))
    keys, class_query = draw_keys(normal, tokens), 0.02 * normal(KV_HEADS, HEAD_DIM)
    summaries = reference.summarize(keys, class_query, CHUNK)
    stretches = torch.arange(TAIL // STRETCH * STRETCH).view(-1, STRETCH)
    step = tokens // len(stretches) - STRETCH
    places = {
        "": tokens - stretches.numel() + stretches,
        ", all tokens": stretches + step * torch.arange(len(stretches))[:, None],
    }
    found = {}
    for likeness, note in ((UNLIKE, ""), (ALIKE, ", alike")):
        query = draw_queries(normal, TAIL, likeness)
        tiled = query[:, :, : stretches.numel()]
        for label, density in DENSITIES.items():
            scale = scale_for(query, tokens, summaries, density)
            for where, position in places.items():
                position = position.flatten()
                chosen = chosen_chunks(tiled, summaries, position, CHUNK, scale)
                found[f"'{label}'{note}{where}"] = [
                    round(density_together(chosen, position // CHUNK, together), 4)
                    for together in TOGETHER
                ]
    return found


def line(name: str, densities: Sequence[float]) -> str:
    return f"{name:26}" + "".join(f"{density:8.3f}" for density in densities)


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
    where = machine(model)
    print(", ".join(f"{name} {value}" for name, value in (where | shape).items()))
    layers = unions(model, options.tokens)
    print(f"{'layer':26}" + "".join(f"{together:8}" for together in TOGETHER))
    for number, densities in enumerate(layers):
        print(line(str(number), densities))
    mean = [round(fmean(densities), 4) for densities in zip(*layers, strict=True)]
    print(line("mean", mean))
    workload = workload_unions(WORKLOAD_TOKENS)
    for name, densities in workload.items():
        print(line(name, densities))
    report = {
        "benchmark": "unions",
        "model": options.model,
        "machine": where,
        "shape": shape,
        "tokens": options.tokens,
        "first": FIRST,
        "together": TOGETHER,
        "layers": layers,
        "mean": mean,
        "workload": workload,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
