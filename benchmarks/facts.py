"""Can the model find a stated fact in a long document? Greedy answers, scored by the value.

    python benchmarks/facts.py --lengths 1000 4000 --cases 50

With `--unanswerable` the fact is left out of its text, and a refusal is the right answer.
The table goes to stdout as it fills; the last line is one JSON object with all that it shows.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

import torch
from facts_cases import (
    Case,
    Count,
    Verdict,
    build_cases,
    judge,
    load_unseen,
    without_target,
)
from packages import versions

import dashdoc
from dashdoc.documents import Document, Page
from dashdoc.prompts import NO_ANSWER

Item = TypeVar("Item")

LENGTHS = (1_000, 2_000, 4_000, 12_000)
CASES = 200
MAX_TOKENS = 96
HEADER = "  tokens  cases   exact  refused   no value  other value  too long  sparsity  s/case"


@dataclass(frozen=True)
class Outcome:
    """What the model made of one case."""

    kind: str
    depth: float
    question: str
    value: str
    answer: str
    finish_reason: str
    verdict: Verdict
    sparsity: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """What the cases of one length came to; verdicts are shares of the cases."""

    tokens: int
    cases: int
    exact: float
    refused: float
    no_value: float
    other_value: float
    too_long: float
    sparsity: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.tokens:8,}{self.cases:7}{self.exact:8.1%}{self.refused:9.1%}{self.no_value:11.1%}"
            f"{self.other_value:13.1%}{self.too_long:10.1%}{self.sparsity:10.3f}{self.seconds:8.2f}"
        )


def document_of(texts: Sequence[str], *, paged: bool) -> Document:
    """Texts as the pages of a document, with numbers or without."""
    pages = tuple(Page(number, text) for number, text in enumerate(texts, start=1))
    return Document("unseen", "pdf" if paged else "text", pages, len(pages), paged, "")


def ask(model: Any, case: Case) -> Outcome:
    """Read the case's text and ask its question."""
    started = time.perf_counter()
    session = dashdoc.Session(model, [document_of([case.text], paged=False)])
    reading = session.read()
    answer = session.ask(case.question, max_tokens=MAX_TOKENS)
    return Outcome(
        kind=case.target.kind,
        depth=round(case.depth, 4),
        question=case.question,
        value=case.target.value,
        answer=answer.text,
        finish_reason=str(answer.finish_reason),
        verdict=judge(answer.text, case, NO_ANSWER),
        sparsity=round(reading.routing.sparsity, 4),
        seconds=round(time.perf_counter() - started, 3),
    )


def summary(tokens: int, outcomes: list[Outcome]) -> Row:
    """The row of one length."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    share = {verdict: round(number / len(outcomes), 4) for verdict, number in verdicts.items()}
    return Row(
        tokens=tokens,
        cases=len(outcomes),
        exact=share.get("exact", 0.0),
        refused=share.get("refused", 0.0),
        no_value=share.get("no value", 0.0),
        other_value=share.get("other value", 0.0),
        too_long=share.get("too long", 0.0),
        sparsity=round(fmean(outcome.sparsity for outcome in outcomes), 4),
        seconds=round(fmean(outcome.seconds for outcome in outcomes), 3),
    )


def machine(model: Any) -> dict[str, str | int]:
    """Where and with what this runs."""
    device = torch.device(getattr(model, "device", "cpu"))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    return {
        "device": str(device),
        "processor": name or platform.machine(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        **versions("dashdoc", "torch", "triton", "transformers"),
    }


def token_counter(tokenizer: Any) -> Count:
    """Counts the tokens of a text, none added."""
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


def watched(items: Iterable[Item], name: str, total: int, progress: bool) -> Iterator[Item]:
    """The items, each announced by name and number on stderr where progress is asked for."""
    for number, item in enumerate(items, 1):
        if progress:
            print(f"\r{name} {number} of {total}", end="", file=sys.stderr, flush=True)
        yield item
    if progress:
        print(file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Find a stated fact in a long document.")
    parser.add_argument("--model", default="bundled", help="'bundled' or the path of a model")
    parser.add_argument("--quantize", choices=("8bit", "4bit"), help="fewer bits for its weights")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, metavar="TOKENS")
    parser.add_argument("--cases", type=int, default=CASES, help="cases of each length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--unanswerable", action="store_true", help="leave the fact that is asked for out"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every answer to FILE")
    parser.add_argument("--progress", action="store_true", help="count the cases on stderr")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    model = dashdoc.load_model(options.model, quantize=options.quantize)
    count, library = token_counter(model.tokenizer), load_unseen()
    report: dict[str, Any] = {
        "benchmark": "facts",
        "model": options.model,
        "quantization": options.quantize,
        "seed": options.seed,
        "answerable": not options.unanswerable,
        "machine": machine(model),
        "lengths": [],
    }
    print(" ".join(f"{name} {value}," for name, value in report["machine"].items()).rstrip(","))
    print(HEADER, flush=True)
    answers: dict[int, list[dict[str, Any]]] = {}
    for tokens in options.lengths:
        cases = build_cases(library, tokens, options.cases, count, options.seed)
        if options.unanswerable:
            cases = map(without_target, cases)
        cases = watched(cases, f"{tokens:,} tokens: case", options.cases, options.progress)
        outcomes = [ask(model, case) for case in cases]
        row = summary(tokens, outcomes)
        print(row, flush=True)
        report["lengths"].append(asdict(row))
        answers[tokens] = [asdict(outcome) for outcome in outcomes]
    if options.json:
        detailed = {**report, "answers": answers}
        options.json.write_text(json.dumps(detailed, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
