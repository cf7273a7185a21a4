"""What prompt lookup gives: tokens/s of answers with drafts from the text, and without.

    python benchmarks/lookup.py

The bundled model reads the cases of the facts benchmark, and a PDF of 12,000 tokens, and answers
each question both ways from the same cache, in turns. `without` and `lookup` are the tokens/s of
the median answer behind its first token, as `dashdoc ask` counts them; `over` is the median of the
ratios, `passes` the passes over the cache with lookup as a share of those without. The answers must
be the same, token by token. In the last row the fact that is asked for is left out, and the answer
is a refusal of a few words, which quotes nothing. The last line is one JSON object.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from cpu import machine
from facts import MAX_TOKENS, document_of, token_counter, watched
from facts_cases import build_cases, load_unseen, without_target

import dashdoc
from dashdoc.documents import Document
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import Decoding, forward
from dashdoc.models.weighing import AnswerMeter
from dashdoc.prompts import ASK, ChatFrame, segments

PDF = Path(__file__).resolve().parents[1] / "examples" / "state-department-homes.pdf"
QUESTIONS = (
    "Where was the Secretary's room at this time?",
    "Who was the architect of the Treasury Department Building?",
    "When did Lee leave Philadelphia?",
    "Where were the Six Buildings located?",
    "What happened to the War Department building on November 8, 1800?",
    "Who was the first Secretary of State to have his office in Washington?",
    "What did the British forces burn?",
    "Where were the records of the Department taken?",
    "Who was the architect of the rebuilt building west of the White House?",
    "At what cost was the reconstruction of the public building completed?",
    "What did Secretary Adams complain about?",
    "When was the Northeast Executive Building razed?",
)
CASES = {1_000: 40, 4_000: 30, 12_000: 15}
REFUSALS = 4_000
HEADER = "text        tokens  answers  tokens each  without   lookup    over  passes"


@dataclass(frozen=True)
class Run:
    """One answer: its ids, the seconds from the first to the end, and the passes of that time."""

    ids: list[int]
    seconds: float
    passes: int


@dataclass(frozen=True)
class Outcome:
    """One answer both ways: its tokens behind the first, medians of the runs in tokens/s."""

    tokens: int
    without: float
    lookup: float
    passes_without: int
    passes_lookup: int


@dataclass(frozen=True)
class Row:
    """What the answers over texts of one length came to; speeds are those of the median answer."""

    text: str
    tokens: int
    answers: int
    answer_tokens: float
    without: float
    lookup: float
    over: float
    passes: float

    def __str__(self) -> str:
        return (
            f"{self.text:10}{self.tokens:8,}{self.answers:9}{self.answer_tokens:13.1f}"
            f"{self.without:9.1f}{self.lookup:9.1f}{self.over:7.2f}x{self.passes:8.0%}"
        )


class Reader:
    """A document in a cache, whose questions are answered both ways."""

    def __init__(self, model: Any, document: Document) -> None:
        self._model, self._frame = model, ChatFrame(model.tokenizer)
        self.ids = list(self._frame.opening)
        for segment in segments([document]):
            self.ids += self._frame.plain(segment.text)
        self._cache = DashCache(model.config, len(self.ids) + 2 * MAX_TOKENS)
        for piece in torch.tensor([self.ids]).split(model.prefill_piece, 1):
            forward(model.network, piece, self._cache)

    def answer(self, question: str, runs: int) -> Outcome:
        """The answer to a question, each way so many times in turns."""
        request = self._frame.request(ASK.format(question=question))
        without, lookup = list[Run](), list[Run]()
        for _ in range(runs):
            without.append(self._decode(request, []))
            lookup.append(self._decode(request, self.ids + request))
            assert without[-1].ids == lookup[-1].ids, question
        tokens = len(lookup[0].ids) - 1
        return Outcome(
            tokens=tokens,
            without=tokens / median(run.seconds for run in without),
            lookup=tokens / median(run.seconds for run in lookup),
            passes_without=without[0].passes,
            passes_lookup=lookup[0].passes,
        )

    def _decode(self, request: list[int], context: Sequence[int]) -> Run:
        """The answer behind a request, measured as a session measures it."""
        model, cache = self._model, self._cache
        start = len(self.ids)
        cache.rewind(start)
        meter = AnswerMeter(model.config, known=start, answered=start + len(request) - 1)
        logits = forward(model.network, torch.tensor([request]), cache, meter)
        passes = 0

        def count(*_: object) -> None:
            nonlocal passes
            passes += 1

        hook = model.network.register_forward_hook(count)
        decoding = Decoding(
            model.network, cache, logits, model.stop_ids, MAX_TOKENS, meter, context
        )
        ids, first = list[int](), 0.0
        for token in decoding:
            first = first or time.perf_counter()
            ids.append(token)
        seconds = time.perf_counter() - first
        hook.remove()
        return Run(ids, seconds, passes)


def texts(
    model: Any, tokens: int, cases: int, *, refused: bool = False
) -> Iterator[tuple[Document, Sequence[str]]]:
    """The documents of the facts benchmark, each with its question."""
    built = build_cases(load_unseen(), tokens, cases, token_counter(model.tokenizer))
    for case in watched(built, f"{tokens:,} tokens: case", cases, progress=True):
        text = (without_target(case) if refused else case).text
        yield document_of([text], paged=False), [case.question]


def measure(
    model: Any, name: str, asked: Iterator[tuple[Document, Sequence[str]]], runs: int
) -> Row:
    """The row of some documents with their questions."""
    outcomes, lengths = list[Outcome](), list[int]()
    for document, questions in asked:
        reader = Reader(model, document)
        lengths.append(len(reader.ids))
        outcomes += [reader.answer(question, runs) for question in questions]
    return Row(
        text=name,
        tokens=round(fmean(lengths)),
        answers=len(outcomes),
        answer_tokens=round(fmean(o.tokens for o in outcomes), 1),
        without=round(median(o.without for o in outcomes), 1),
        lookup=round(median(o.lookup for o in outcomes), 1),
        over=round(median(o.lookup / o.without for o in outcomes), 2),
        passes=round(
            sum(o.passes_lookup for o in outcomes) / sum(o.passes_without for o in outcomes), 3
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, help="of each answer, each way")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = dashdoc.load_model("bundled")
    report: dict[str, Any] = {
        "benchmark": "lookup",
        "runs": options.runs,
        "machine": machine(options.threads),
        "rows": [],
    }
    print(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    print(HEADER, flush=True)
    rows = [("unseen", texts(model, tokens, cases)) for tokens, cases in CASES.items()]
    rows.append(("PDF", iter([(dashdoc.read_document(str(PDF)), QUESTIONS)])))
    refusals = texts(model, REFUSALS, CASES[REFUSALS], refused=True)
    for name, asked in [*rows, ("refused", refusals)]:
        row = measure(model, name, asked, options.runs)
        print(row, flush=True)
        report["rows"].append(asdict(row))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
