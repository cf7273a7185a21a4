"""One layer of DashAttention beside dense attention and other sparse ones, on one GPU.

    python benchmarks/attention.py
    python benchmarks/attention.py --only decode
    python benchmarks/attention.py --peer ../dash-attention

Prefill of one sequence, also with neighbours that choose as alike as a trained model's, short ones
as replays of a CUDA graph too, decoding of one token (replays) and the backward pass, on the
synthetic layer of `attention_workload.py`; '0.31' and '0.08' are its two sets. Times are medians
between CUDA events with cold caches. `x cuDNN` is cuDNN's time over the row's, of this run: above 1
is faster than dense. `of peak` is the share of the rate of a large bf16 matrix product, measured
first, that the operations on active chunks come to. The table goes to stdout as it fills; the last
line is one JSON object.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from attention_measure import Row, Table, first_line, machine
from attention_sides import (
    CUDNN,
    FLASH2,
    absent,
    backward,
    dense,
    flash3,
    infllm,
    ours,
    ours_decoding,
    ours_routing,
    published,
    ready,
)
from attention_workload import (
    ALIKE,
    CHUNK,
    SIGMA,
    Inputs,
    active_flops,
    dense_flops,
    density,
    draw,
    draw_newest,
    scales,
)

from dashdoc.kernels import dash_attention

PARTS = ("prefill", "alike", "replays", "decode", "backward")
LENGTHS = tuple(1024 * k for k in (2, 4, 8, 16, 32, 64, 128))
ALIKE_LENGTHS = tuple(1024 * k for k in (64, 128))
# Where launching the kernels takes longer than they do.
REPLAY_LENGTHS = tuple(1024 * k for k in (2, 4, 8))
DECODE_LENGTHS = tuple(1024 * k for k in (16, 64, 128))
DECODE_BATCHES = (1, 8)
BACKWARD_LENGTH, BACKWARD_LABEL = 32_768, "0.31"
# Beyond it the published package comes near the end of 32-bit addresses, and passes it at 128K: the
# process is lost.
PUBLISHED_SAFE = 32_768
PUBLISHED_SECONDS = 300


def options_for(scale: float, estimate_diagonal: bool) -> dict[str, Any]:
    return {
        "chunk_size": CHUNK,
        "scale": scale,
        "estimate_diagonal": estimate_diagonal,
        "sigma": SIGMA,
    }


@dataclass(frozen=True)
class Routed:
    """How one set is routed at one length; what its useful operations and its density are."""

    scale: float
    flops: float
    density: float


def count(inputs: Inputs, scale: float) -> Routed:
    """What is read, as the operator itself counts it."""
    tensors = (inputs.query, inputs.key, inputs.value, inputs.class_query)
    options = options_for(scale, True)
    _, counts = dash_attention(*tensors, **options, measure=True, backend="triton")
    assert counts is not None
    return Routed(scale, active_flops(counts.active), density(counts.active))


def prefill(table: Table, tokens: int, peer: Path | None) -> dict[str, Routed]:
    """Every side at one length; how each set was routed."""
    inputs, whole, missing = draw(tokens), dense_flops(tokens), absent(peer)
    measure = partial(table.measure, "prefill", tokens)
    measure("cuDNN, dense", partial(dense, inputs, CUDNN), flops=whole)
    measure("FlashAttention-2, dense", partial(dense, inputs, FLASH2), flops=whole)
    if "FlashAttention-3" not in missing:
        measure("FlashAttention-3, dense", partial(flash3, inputs), flops=whole)
    found = {}
    for label, scale in scales(inputs).items():
        try:
            routed = found[label] = count(inputs, scale)
        except Exception as error:
            table.add(Row("prefill", tokens, 1, f"dashdoc '{label}'", failure=first_line(error)))
            continue
        useful: dict[str, Any] = {"flops": routed.flops, "density": routed.density}
        for estimate in (True, False):
            options = options_for(scale, estimate)
            name = f"'{label}'" if estimate else f"'{label}', bias log P"
            measure(f"dashdoc {name}", partial(ours, inputs, options), **useful)
            measure(f"  its routing alone {name}", partial(ours_routing, inputs, options))
        if "InfLLMv2" not in missing:
            prepare = partial(infllm, inputs, routed.density)
            measure(f"InfLLMv2, attention alone '{label}'", prepare, **useful)
        if peer is not None and tokens <= PUBLISHED_SAFE:
            prepare = partial(published, inputs, options_for(scale, True), peer)
            measure(f"published '{label}'", prepare, **useful)
    return found


def published_apart(table: Table, tokens: int, peer: Path, sets: dict[str, Routed]) -> None:
    """The published package in processes of its own, which it may take down."""
    torch.cuda.empty_cache()
    for label, routed in sets.items():
        command = [sys.executable, __file__, "--peer", str(peer), "--lengths", str(tokens)]
        command += ["--scale", str(routed.scale)]
        row = Row("prefill", tokens, 1, f"published '{label}'", density=routed.density)
        try:
            finished = subprocess.run(
                command, capture_output=True, text=True, timeout=PUBLISHED_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            table.add(replace(row, failure=first_line(error)))
            continue
        said = [line for line in finished.stdout.splitlines() if line.startswith("{")]
        if said:
            table.add(replace(row, **json.loads(said[-1])), routed.flops)
        else:
            last = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
            table.add(replace(row, failure=last[-1]))


def published_here(tokens: int, scale: float, peer: Path) -> None:
    """The child's side of `published_apart`."""
    table = Table(1.0)
    table.measure("", tokens, "", partial(published, draw(tokens), options_for(scale, True), peer))
    row = table.rows[0]
    found = {"ms": row.ms, "extra_bytes": row.extra_bytes, "failure": row.failure}
    print(json.dumps(found), flush=True)


def alike(table: Table, tokens: int) -> None:
    """The prefill of a sequence whose neighbours choose as alike as a trained model's."""
    inputs = draw(tokens, likeness=ALIKE)
    measure = partial(table.measure, "alike", tokens)
    measure("cuDNN, dense", partial(dense, inputs, CUDNN), flops=dense_flops(tokens))
    for label, scale in scales(inputs).items():
        routed = count(inputs, scale)
        prepare = partial(ours, inputs, options_for(scale, True))
        measure(f"dashdoc '{label}'", prepare, flops=routed.flops, density=routed.density)


def replays(table: Table, tokens: int) -> None:
    """The prefill of a short sequence without the time that launching it takes."""
    inputs = draw(tokens)
    measure = partial(table.measure, "replays", tokens, graph=True)
    measure("cuDNN, dense", partial(dense, inputs, CUDNN))
    for label, scale in scales(inputs).items():
        measure(f"dashdoc '{label}'", partial(ours, inputs, options_for(scale, True)))


def decode(table: Table, tokens: int, batch: int) -> None:
    """The newest token of each row of a batch, as replays of CUDA graphs."""
    found = scales(draw(tokens))
    inputs = draw_newest(tokens, batch)
    measure = partial(table.measure, "decode", tokens, batch=batch, graph=True)
    measure("cuDNN, dense", partial(dense, inputs, CUDNN))
    measure("FlashAttention-2, dense", partial(dense, inputs, FLASH2))
    for label, scale in found.items():
        for estimate in (True, False):
            name = f"'{label}'" if estimate else f"'{label}', bias log P"
            try:
                call, active = ours_decoding(inputs, options_for(scale, estimate))
                call()
                share = active.double().mean().item() / -(-tokens // CHUNK)
            except Exception as error:
                row = Row("decode", tokens, batch, f"dashdoc {name}", failure=first_line(error))
                table.add(row)
            else:
                measure(f"dashdoc {name}", ready(call), density=share)


def backward_pass(table: Table, tokens: int) -> None:
    """The backward pass alone: five matrix products for every two of the forward pass."""
    inputs = draw(tokens)
    scale = scales(inputs)[BACKWARD_LABEL]
    measure = partial(table.measure, "backward", tokens)
    for name, backend in (("cuDNN, dense", CUDNN), ("FlashAttention-2, dense", FLASH2)):
        prepare = partial(backward, partial(dense, backend=backend), inputs)
        measure(name, prepare, flops=2.5 * dense_flops(tokens))
    try:
        routed = count(inputs, scale)
    except Exception as error:
        table.add(Row("backward", tokens, 1, "dashdoc", failure=first_line(error)))
        return
    for estimate in (True, False):
        name = f"'{BACKWARD_LABEL}'" if estimate else f"'{BACKWARD_LABEL}', bias log P"
        forward = partial(ours, options=options_for(scale, estimate))
        prepare = partial(backward, forward, inputs)
        measure(f"dashdoc {name}", prepare, flops=2.5 * routed.flops, density=routed.density)


def fill(table: Table, part: str, lengths: Sequence[int], peer: Path | None) -> None:
    """Every row of one part."""
    if part == "prefill":
        routed = {tokens: prefill(table, tokens, peer) for tokens in lengths}
        for tokens, sets in routed.items():
            if peer is not None and tokens > PUBLISHED_SAFE:
                published_apart(table, tokens, peer, sets)
    elif part == "alike":
        for tokens in ALIKE_LENGTHS:
            alike(table, tokens)
    elif part == "replays":
        for tokens in REPLAY_LENGTHS:
            replays(table, tokens)
    elif part == "decode":
        for tokens in DECODE_LENGTHS:
            for batch in DECODE_BATCHES:
                decode(table, tokens, batch)
    else:
        backward_pass(table, BACKWARD_LENGTH)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, metavar="TOKENS")
    parser.add_argument("--only", choices=PARTS, help="one part of the comparison")
    parser.add_argument("--peer", type=Path, metavar="PATH", help="checkout of dash-attention")
    parser.add_argument("--scale", type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if not torch.cuda.is_available():
        sys.exit("this benchmark needs a CUDA device")
    if options.scale is not None:
        published_here(options.lengths[0], options.scale, options.peer)
        return
    report: dict[str, Any] = {"benchmark": "attention", "machine": machine()}
    print(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    report["not_measured"] = absent(options.peer)
    for name, reason in report["not_measured"].items():
        print(f"not measured: {name} ({reason})")
    table = Table(report["machine"]["matmul_tflops"])
    parts = (options.only,) if options.only else PARTS
    try:
        for part in parts:
            table.head(part)
            fill(table, part, options.lengths, options.peer)
    except Exception as error:  # a side may have taken the device down: keep what there is
        report["failure"] = first_line(error)
        print(f"ended early: {report['failure']}", flush=True)
    report["rows"] = [asdict(row) for row in table.rows]
    print(json.dumps(report))


if __name__ == "__main__":
    main()
