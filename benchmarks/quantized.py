"""What weights in 8 and 4 bits cost: memory, logits on a fixed text, time.

    python benchmarks/quantized.py
    python benchmarks/quantized.py --model FOLDER --tokens 4000

Errors are those of all logits of a text of `examples/`, relative to the weights as they are; the
top token is the most likely next one. The last line is one JSON object.
"""

import argparse
import gc
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from facts import machine
from model_measure import answering_ms, read
from packages import versions
from torch import Tensor

from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.cache import DashCache
from dashdoc.models.metering import ChunkMeter
from dashdoc.models.quantized import LINEAR

TEXT = Path(__file__).resolve().parents[1] / "examples" / "state-department-homes.txt"
ROOM = 128  # for the answer that is timed


@dataclass(frozen=True)
class Row:
    """One way to keep the weights."""

    quantization: str | None
    weight_bytes: int
    load_seconds: float
    relative_error: float
    same_top_token: float
    reading_seconds: float
    ms_per_token: float

    def __str__(self) -> str:
        return (
            f"{self.quantization or 'as stored':10}{self.weight_bytes / 1e6:12,.1f}"
            f"{self.load_seconds:9.1f}{self.relative_error:11.2%}{self.same_top_token:10.1%}"
            f"{self.reading_seconds:11.2f}{self.ms_per_token:12.2f}"
        )


HEADER = "weights             MB   load s     logits  same top  reading s  ms a token"


def measure(model: Model, ids: Tensor, expected: Tensor | None) -> tuple[Row, Tensor]:
    """Its figures, and the logits [N, vocabulary] on the host; expected are the exact ones."""
    with torch.inference_mode():
        logits = model.network(ids).logits[0].cpu()
    exact = logits if expected is None else expected
    cache = DashCache(model.config, ids.shape[1] + ROOM)
    began = perf_counter()
    last = read(model, ids, cache, model.prefill_piece, ChunkMeter(model.config))
    int(last.argmax(-1))
    row = Row(
        quantization=model.choice.quantization,
        weight_bytes=model.choice.weight_bytes,
        load_seconds=model.load_seconds,
        relative_error=((logits - exact).float().norm() / exact.float().norm()).item(),
        same_top_token=(logits.argmax(-1) == exact.argmax(-1)).float().mean().item(),
        reading_seconds=perf_counter() - began,
        ms_per_token=answering_ms(model, cache, last),
    )
    return row, exact


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="bundled", help="'bundled' or the path of a model")
    parser.add_argument("--tokens", type=int, default=2000)
    options = parser.parse_args()
    report: dict[str, Any] = {
        "benchmark": "quantized",
        "model": options.model,
        "tokens": options.tokens,
        "rows": [],
    }
    print(HEADER, flush=True)
    expected: Tensor | None = None
    for quantization in (None, *LINEAR):
        model = load_model(choose_model(options.model, quantize=quantization))
        report["machine"] = {**machine(model), **versions("bitsandbytes")}
        text = model.tokenizer(TEXT.read_text(encoding="utf-8"))["input_ids"]
        ids = torch.tensor([text[: options.tokens]], device=model.device)
        row, expected = measure(model, ids, expected)
        print(row, flush=True)
        report["rows"].append(asdict(row))
        del model
        gc.collect()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
