"""Reading and answering on a CPU, against the same weights with transformers' dense attention.

    python benchmarks/cpu.py

Each side runs in a process of its own, so that its peak memory is its own, and reads the same
tokens: `dashdoc` piece by piece with its measuring switched on, as `dashdoc ask` does;
transformers' Llama at once with SDPA. Both then write the same number of tokens greedily. The last
line is one JSON object.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from packages import versions

TEXT = Path(__file__).resolve().parents[1] / "examples" / "bulfinch-mythology.txt"
SIDES = ("dashdoc", "dense")
ANSWER_TOKENS = 64


def document_ids(tokens: int) -> list[int]:
    """The first tokens of the example text."""
    from transformers import AutoTokenizer

    from dashdoc.models.loading import BUNDLED

    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    ids: list[int] = tokenizer(TEXT.read_text(encoding="utf-8"), add_special_tokens=False)[
        "input_ids"
    ]
    return ids[:tokens]


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


class Stopwatch:
    """Adds up the time spent in functions while it is in place of them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - began

        return call


def dashdoc_side(tokens: int, runs: int) -> dict[str, Any]:
    """Read and answer as a session does."""
    import torch

    from dashdoc import load_model
    from dashdoc.kernels import operator
    from dashdoc.models.cache import DashCache
    from dashdoc.models.generation import Decoding, forward
    from dashdoc.models.metering import ChunkMeter
    from dashdoc.models.weighing import AnswerMeter

    model = load_model("bundled")
    network, piece = model.network, model.prefill_piece
    ids = torch.tensor([document_ids(tokens)])
    cache = DashCache(model.config, tokens + ANSWER_TOKENS)
    measuring = Stopwatch()
    operator.count_reads = measuring.around(operator.count_reads)
    ChunkMeter.add = measuring.around(ChunkMeter.add)
    AnswerMeter._weigh = measuring.around(AnswerMeter._weigh)

    def read() -> tuple[torch.Tensor, ChunkMeter]:
        meter = ChunkMeter(model.config)
        cache.rewind(0)
        for start in range(0, tokens, piece):
            logits = forward(network, ids[:, start : start + piece], cache, meter)
        return logits, meter

    readings, answerings = [], []
    for _ in range(runs):
        seconds, (logits, meter) = timed(read)
        readings.append(seconds)
        weighing = AnswerMeter(model.config, known=tokens, answered=tokens)
        decoding = Decoding(network, cache, logits, frozenset(), ANSWER_TOKENS, weighing)

        def answer(decoding: Decoding = decoding, weighing: AnswerMeter = weighing) -> None:
            sum(1 for _ in decoding)
            weighing.turned_to()

        answerings.append(timed(answer)[0])
        written = cache.length - tokens + 1  # a detected repetition ends it early
        answerings[-1] *= ANSWER_TOKENS / written
    return {
        "reading_seconds": readings,
        "answering_seconds": answerings,
        "sparsity": meter.routing().sparsity,
        "measuring_share": measuring.seconds / (sum(readings) + sum(answerings)),
    }


def dense_side(tokens: int, runs: int) -> dict[str, Any]:
    """The same weights in transformers' own Llama."""
    import torch
    from transformers import LlamaForCausalLM
    from transformers.cache_utils import DynamicCache
    from transformers.utils import logging

    from dashdoc.models.llama import CACHE_ARGUMENT
    from dashdoc.models.loading import BUNDLED

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    network = LlamaForCausalLM.from_pretrained(
        BUNDLED, dtype=torch.float32, attn_implementation="sdpa"
    ).eval()
    ids = torch.tensor([document_ids(tokens)])

    @torch.inference_mode()
    def step(part: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
        output = network(part, logits_to_keep=1, use_cache=True, **{CACHE_ARGUMENT: cache})
        return output.logits[:, -1].argmax(-1, keepdim=True)

    def answer(token: torch.Tensor, cache: DynamicCache) -> None:
        for _ in range(ANSWER_TOKENS):
            token = step(token, cache)

    readings, answerings = [], []
    for _ in range(runs):
        cache = DynamicCache(config=network.config)
        seconds, token = timed(lambda cache=cache: step(ids, cache))
        readings.append(seconds)
        answerings.append(timed(lambda token=token, cache=cache: answer(token, cache))[0])
    return {"reading_seconds": readings, "answering_seconds": answerings}


def measure(side: str, tokens: int, runs: int, threads: int) -> dict[str, Any]:
    """One side in this process."""
    import torch

    torch.set_num_threads(threads)
    found = (dashdoc_side if side == "dashdoc" else dense_side)(tokens, runs)
    reading = statistics.median(found["reading_seconds"])
    answering = statistics.median(found["answering_seconds"])
    return {
        **found,
        "reading_tokens_per_second": tokens / reading,
        "answering_tokens_per_second": ANSWER_TOKENS / answering,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def measure_apart(side: str, options: argparse.Namespace) -> dict[str, Any]:
    """One side in a process of its own."""
    command = [sys.executable, __file__, "--side", side]
    command += ["--tokens", str(options.tokens), "--runs", str(options.runs)]
    command += ["--threads", str(options.threads)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return found


def machine(threads: int) -> dict[str, Any]:
    """Where this runs and with what."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":")[1].strip() if names else cpu
    return {
        "cpu": cpu,
        "threads": threads,
        "python": platform.python_version(),
        **versions("dashdoc", "torch", "transformers"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options.tokens, options.runs, options.threads)))
        return
    report: dict[str, Any] = {
        "benchmark": "cpu",
        "tokens": options.tokens,
        "answer_tokens": ANSWER_TOKENS,
        "machine": machine(options.threads),
    }
    print(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    print("           reading tokens/s  answering tokens/s  peak memory  sparsity")
    for side in SIDES:
        found = report[side] = measure_apart(side, options)
        sparsity = f"{found['sparsity']:10.1%}" if "sparsity" in found else ""
        print(
            f"{side:10}{found['reading_tokens_per_second']:17,.0f}"
            f"{found['answering_tokens_per_second']:20.1f}"
            f"{found['peak_memory_bytes'] / 2**20:9,.0f} MiB{sparsity}",
            flush=True,
        )
    ratio = statistics.median(report["dashdoc"]["reading_seconds"]) / statistics.median(
        report["dense"]["reading_seconds"]
    )
    report["reading_time_ratio"] = ratio
    print(f"reading takes {ratio:.2f} times the time of dense attention (at most 3)")
    print(f"{report['dashdoc']['measuring_share']:.1%} of the time is spent measuring (at most 3%)")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
