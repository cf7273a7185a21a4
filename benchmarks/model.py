"""The released 8B model at full length on one GPU: loading, reading, answering.

    python benchmarks/model.py --model FOLDER
    python benchmarks/model.py --only reading profile --lengths 131072 --densities 0.25
    python benchmarks/model.py --only reading --lengths 1048576 --densities 0.08
    python benchmarks/model.py --only loading reading --quantize 4bit

FOLDER is a checkpoint of `model_checkpoint.py`: random weights in the released layout. They route
arbitrarily, so the scale is bisected to each density asked for; density is that of the whole causal
triangle. Floors are what the card itself needs: products of the linear layers and of the active
chunks at the rate of a large bf16 matrix product, weights read at the rate of a large copy, both of
this run. `transformers` is its Llama on the same weights with SDPA, eager, of this run. The last
line is one JSON object.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from attention_measure import first_line, machine
from model_loading import measure_loading
from model_measure import (
    attention_flops,
    copy_rate,
    linear_parameters,
    measure,
    measure_dense,
    prompt,
    read,
    route_by,
)
from model_profile import group_times, profile_kernels
from model_routing import NEIGHBOURS, SampleMeter
from packages import versions
from readings import document, one_run

from dashdoc.models import Model, ModelChoice, choose_model, load_model
from dashdoc.models.cache import DashCache
from dashdoc.models.metering import ChunkMeter
from dashdoc.readings import Readings

PARTS = ("loading", "reading", "profile", "pieces", "dense", "kept")
LENGTHS = (32_768, 131_072)
DENSITIES = (0.25, 0.08)
TOLERANCE = 0.01
ATTEMPTS = 3
# Besides the powers of two: 66 tiles of 128 rows share out evenly among 132 multiprocessors.
PIECES = (2048, 4096, 4224, 8192, 8448, 16_384, 16_896, 32_768)
# The scale is found here first, and then at the length itself unless that is longer than the last.
PREFIX, LONGEST_BISECTED = 16_384, 131_072
FIRST_SCALE = 30.0
KERNELS_SHOWN = 24


class Benchmark:
    """One model, measured part by part; `report` grows meanwhile."""

    def __init__(self, model: Model, piece: int, report: dict[str, Any]) -> None:
        self.model, self.piece, self.report = model, piece, report
        self.flops = report["machine"]["matmul_tflops"] * 1e12
        self.samples: dict[int, SampleMeter] = {}  # by tokens
        self.scales: dict[tuple[int, float], float] = {}  # by tokens and density

    def sample(self, tokens: int, scale: float) -> SampleMeter:
        """Read at a scale, and keep queries."""
        ids, meter = prompt(self.model, tokens), SampleMeter(self.model.config, tokens)
        route_by(self.model, scale)
        read(self.model, ids, DashCache(self.model.config, tokens), self.piece, meter)
        self.samples[tokens] = meter
        return meter

    def scale(self, tokens: int, density: float) -> float:
        """The scale for a density at a length; for the longest, that of a shorter one."""
        if tokens > LONGEST_BISECTED:
            return self.scale(LONGEST_BISECTED, density)
        if tokens not in self.samples:
            near = self.scale(PREFIX, density) if tokens > PREFIX else FIRST_SCALE
            self.sample(tokens, near)
        if (tokens, density) not in self.scales:
            self.scales[tokens, density] = self.samples[tokens].scale_for(density)
        return self.scales[tokens, density]

    def reading(self, tokens: int, density: float) -> None:
        """Time to first token, memory and answering at one length and density."""
        ids = prompt(self.model, tokens)
        for _ in range(ATTEMPTS):
            found = measure(self.model, ids, self.piece, self.scale(tokens, density), answer=True)
            if abs(found.density - density) <= TOLERANCE or tokens > LONGEST_BISECTED:
                break
            sampled = self.sample(tokens, found.scale)
            missed = sampled.density(found.scale) - found.density  # of the sample
            self.scales[tokens, density] = sampled.scale_for(density + missed)
        linear = 2 * linear_parameters(self.model) * tokens / self.flops
        attention = attention_flops(self.model, tokens, found.density) / self.flops
        answering = self.model.choice.weight_bytes / self.report["machine"]["copy_rate"] * 1e3
        row = {
            **asdict(found),
            "floor_linear_seconds": linear,
            "floor_attention_seconds": attention,
            "floor_ms_per_token": answering,
        }
        self.report.setdefault("reading", []).append(row)
        print(
            f"{tokens:9,}{found.density:9.3f}{found.scale:9.2f}"
            f"{found.first_token_seconds:12.2f} s{linear + attention:8.2f} s"
            f"{found.ms_per_token or 0:9.2f} ms{answering:7.2f} ms"
            f"{found.peak_bytes / 1e9:9.2f}{found.estimated_bytes / 1e9:11.2f}",
            flush=True,
        )

    def layers(self, tokens: int, density: float) -> None:
        """Density and union over neighbouring tokens, of each layer."""
        scale = self.scale(tokens, density)
        found = self.samples[tokens].by_layer(scale, NEIGHBOURS)
        self.report.setdefault("layers", []).append(
            {"tokens": tokens, "density": density, "scale": scale, "by_layer": found}
        )
        print(f"density / union over 8 neighbours by layer, {tokens:,} tokens at {density}:")
        print("  " + " ".join(f"{own:.2f}/{union:.2f}" for own, union in found), flush=True)

    def profile(self, tokens: int, density: float) -> None:
        """The kernels of one reading, by what they compute."""
        ids = prompt(self.model, tokens)
        route_by(self.model, self.scale(tokens, density))
        cache, meter = DashCache(self.model.config, tokens), ChunkMeter(self.model.config)
        kernels = profile_kernels(lambda: read(self.model, ids, cache, self.piece, meter))
        groups = group_times((name, ms) for name, ms, _ in kernels)
        total = sum(groups.values())
        linear = 2e3 * linear_parameters(self.model) * tokens / self.flops
        sparse = 1e3 * attention_flops(self.model, tokens, 1 - meter.routing().sparsity)
        floors = {"linear layers": linear, "attention": sparse / self.flops}
        print(f"\nprofile of reading {tokens:,} tokens at density {density}: {total:,.0f} ms")
        for group, ms in groups.items():
            floor = f"{floors[group]:10,.0f} ms floor" if group in floors else ""
            print(f"  {group:20}{ms:10,.0f} ms{ms / total:8.1%}{floor}")
        for name, ms, count in kernels[:KERNELS_SHOWN]:
            print(f"    {ms:10,.1f} ms{count:8,} x  {name[:90]}")
        sys.stdout.flush()
        self.report.setdefault("profile", []).append(
            {"tokens": tokens, "density": density, "ms": groups, "floor_ms": floors}
        )

    def pieces(self, tokens: int, density: float) -> None:
        """The same reading in pieces of several lengths."""
        ids, scale = prompt(self.model, tokens), self.scale(tokens, density)
        for piece in PIECES:
            found = measure(self.model, ids, piece, scale, answer=False)
            self.report.setdefault("pieces", []).append(asdict(found))
            print(
                f"{tokens:9,}{found.density:9.3f}{piece:9,}{found.first_token_seconds:12.3f} s"
                f"{found.peak_bytes / 1e9:9.2f}",
                flush=True,
            )

    def dense(self, tokens: int) -> None:
        """transformers' Llama on the same weights."""
        found = measure_dense(self.model, prompt(self.model, tokens))
        self.report.setdefault("dense", []).append(found)
        print(
            f"{tokens:9,}  transformers, dense{found['first_token_seconds']:9.2f} s"
            f"{found['ms_per_token']:20.2f} ms{found['peak_bytes'] / 1e9:16.2f}",
            flush=True,
        )

    def kept(self, tokens: int, density: float) -> None:
        """A kept reading, restored from the page cache in a session of its own."""
        route_by(self.model, self.scale(min(tokens, LONGEST_BISECTED), density))
        with TemporaryDirectory() as folder:
            readings = Readings(Path(folder), limit=sys.maxsize)
            found = one_run(self.model, document(self.model, tokens), readings)
        self.report.setdefault("kept", []).append(found)
        print(
            f"{found['tokens']:9,}  {found['bytes'] / 1e9:.2f} GB: read in "
            f"{found['reading_seconds']:.2f} s, kept in {found['saving_seconds']:.2f} s, restored "
            f"in {found['restoring_seconds']:.2f} s, first token "
            f"{found['first_token_seconds']:.2f} s after restoring begins",
            flush=True,
        )

    def run(self, part: str, lengths: Iterable[int], densities: Iterable[float]) -> None:
        """One part at every length, and every density where they matter."""
        lengths, densities = list(lengths), list(densities)
        if part == "reading":
            print(
                "\n   tokens  density    scale   first token     floor     a token     floor"
                "  peak GB  estimated",
                flush=True,
            )
            for tokens in lengths:
                for density in densities:
                    self.reading(tokens, density)
            for tokens in (n for n in lengths if n <= LONGEST_BISECTED):
                for density in densities:
                    self.layers(tokens, density)
        elif part == "pieces":
            print("\n   tokens  density    piece   first token  peak GB", flush=True)
            self.pieces(lengths[-1], densities[0])
        elif part == "dense":
            for tokens in lengths:
                self.dense(tokens)
        elif part == "profile":
            for tokens in lengths:
                for density in densities:
                    self.profile(tokens, density)
        elif part == "kept":
            self.kept(lengths[-1], densities[0])


def loading(choice: ModelChoice, report: dict[str, Any]) -> Model:
    """Load from the disk, then from the page cache; the second stays."""
    print("\nloading          time         rate    the files alone     host memory", flush=True)
    rows = report["loading"] = []
    for cold in (True, False):
        loaded, found = measure_loading(choice, cold=cold)
        rows.append(found)
        print(
            f"{found['from']:12}{found['seconds']:7.2f} s{found['gb_per_second']:8.2f} GB/s"
            f"{found['raw_gb_per_second']:14.2f} GB/s{found['host_bytes'] / 2**20:12,.0f} MiB",
            flush=True,
        )
        if cold:
            del loaded
            torch.cuda.empty_cache()
    return loaded


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="/tmp/dashdoc-8b", metavar="FOLDER")
    parser.add_argument("--quantize", choices=("8bit", "4bit"), help="then `dense` has no peer")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, metavar="TOKENS")
    parser.add_argument("--densities", type=float, nargs="+", default=DENSITIES)
    parser.add_argument("--piece", type=int, metavar="TOKENS", help="prefilled at once")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if not torch.cuda.is_available():
        sys.exit("this benchmark needs a CUDA device")
    report: dict[str, Any] = {"benchmark": "model", "machine": machine()}
    report["machine"] |= {**versions("transformers"), "copy_rate": copy_rate()}
    print(", ".join(f"{name} {value}" for name, value in report["machine"].items()), flush=True)
    torch.cuda.empty_cache()
    choice = choose_model(options.model, quantize=options.quantize)
    report["quantization"] = choice.quantization
    model = loading(choice, report) if "loading" in options.only else load_model(choice)
    piece = options.piece or model.prefill_piece
    benchmark = Benchmark(model, piece, report)
    for part in (part for part in options.only if not (options.quantize and part == "dense")):
        try:
            benchmark.run(part, options.lengths, options.densities)
        except Exception as error:  # keep what there is
            report.setdefault("failures", []).append(f"{part}: {first_line(error)}")
            print(f"{part} ended early: {first_line(error)}", flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
