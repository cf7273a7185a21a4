"""A kept reading beside reading anew: saving, restoring, and the first token of an answer.

    python benchmarks/readings.py
    python benchmarks/readings.py --model fasa-org/MiniCPM-4-8B-DashAttention --tokens 131072

Each run reads the example text (again and again, if it is shorter than the tokens asked for) and
keeps the reading, file and folder synced, then restores it in a session of its own and asks. The
file comes from the page cache. Medians; the last line is one JSON object.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from cpu import TEXT, machine

from dashdoc.documents import Document, Page
from dashdoc.models import Model, choose_model, load_model
from dashdoc.readings import Readings
from dashdoc.session import Session

QUESTION = "Who was the father of the gods?"


def document(model: Model, tokens: int) -> Document:
    """The example text, repeated and cut to so many tokens."""
    ids = model.tokenizer(TEXT.read_text(encoding="utf-8"), add_special_tokens=False)["input_ids"]
    ids = (ids * (tokens // len(ids) + 1))[:tokens]
    return Document("example", "text", (Page(1, model.tokenizer.decode(ids)),), 1, False, "")


def one_run(model: Model, read: Document, readings: Readings) -> dict[str, float]:
    """Read and keep, restore, ask; times in seconds."""
    readings.remove(readings.entries())
    began = time.perf_counter()
    fresh = Session(model, [read])
    reading = fresh.read(readings=readings)
    saving = time.perf_counter() - began - reading.seconds
    expected = fresh.ask(QUESTION, max_tokens=8).text
    del fresh
    session = Session(model, [read])
    restored = session.read(readings=readings)
    assert restored.restored_from, session.notices
    answer = session.ask(QUESTION, max_tokens=8)
    assert answer.text == expected
    return {
        "tokens": restored.tokens,
        "bytes": readings.entries()[0].bytes,
        "reading_seconds": reading.seconds,
        "saving_seconds": saving,
        "restoring_seconds": restored.seconds,
        "first_token_seconds": restored.seconds + answer.first_token_seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(choose_model(options.model))
    device = torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else "cpu"
    with TemporaryDirectory() as folder:
        readings = Readings(Path(folder), limit=sys.maxsize)
        read = document(model, options.tokens)
        runs = [one_run(model, read, readings) for _ in range(options.runs)]
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    report: dict[str, Any] = {
        "benchmark": "readings",
        "model": model.name,
        "machine": {**machine(options.threads), "device": device},
        **medians,
        "runs": runs,
    }
    print(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    print(f"{medians['tokens']:,.0f} tokens, {medians['bytes'] / 1e6:,.1f} MB")
    print("              time      tokens/s    GB/s")
    for name in ("reading", "saving", "restoring"):
        seconds = medians[f"{name}_seconds"]
        moved = "" if name == "reading" else f"{medians['bytes'] / seconds / 1e9:8.2f}"
        print(f"{name:10}{seconds:8.3f} s{medians['tokens'] / seconds:12,.0f}{moved}")
    print(f"first token of an answer {medians['first_token_seconds']:.3f} s after restoring begins")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
