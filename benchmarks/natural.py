"""Does the model answer what readers ask, in their own words, with the sentence that says it?

    python benchmarks/natural.py

Each passage of `tests/data` is read once as a text and once in pages of some 400 tokens, and its
questions are asked of both, greedily. `right` are the answers that hold a sentence that is right,
`or near` those also whose words are nearly its own. `cited` is the share of all the answers given,
right or wrong, that name pages on which such a sentence stands and no others; a text has no pages.
Questions that a passage does not answer are a row of their own: there a refusal is right. The row
`by search` asks no model, but takes the sentence that shares most words with the question, rare
ones counting for more. The last line is one JSON object with all that the table shows.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from facts import document_of, machine, token_counter, watched
from facts_cases import Count, sentences
from natural_cases import (
    KINDS,
    Passage,
    Question,
    Verdict,
    judge,
    load_passages,
    most_alike,
    right_pages,
)
from sources import PAGE_TOKENS, paginate

import dashdoc
from dashdoc.prompts import NO_ANSWER

MAX_TOKENS = 192  # the longest right sentence has 123
HEADER = f"{'questions':20}  number   right  or near  refused   wrong   cited"


@dataclass(frozen=True)
class Outcome:
    """What the model made of one question.

    `cited` says whether the answer names the right page and no other; None for a refusal, for a
    text without pages, and where no page is right.
    """

    passage: str
    question: Question
    answer: str
    verdict: Verdict
    cited: bool | None


@dataclass(frozen=True)
class Row:
    """What some questions came to.

    The verdicts are shares of the questions, `near` of those beside the right ones; `cited` is a
    share of the answers given, None where no page can be named.
    """

    questions: str
    number: int
    right: float
    near: float
    refused: float
    wrong: float
    cited: float | None

    def __str__(self) -> str:
        cited = "" if self.cited is None else f"{self.cited:.1%}"
        return (
            f"{self.questions:20}{self.number:8}{self.right:8.1%}{self.right + self.near:9.1%}"
            f"{self.refused:9.1%}{self.wrong:8.1%}{cited:>8}"
        )


def ask(model: Any, passage: Passage, texts: Sequence[str]) -> Iterator[Outcome]:
    """Read a passage, as a text or in several pages, and ask what is asked of it."""
    paged = len(texts) > 1
    session = dashdoc.Session(model, [document_of(texts, paged=paged)])
    for question in passage.questions:
        answer = session.ask(question.text, max_tokens=MAX_TOKENS)
        verdict, cited = judge(answer.text, question, NO_ANSWER), None
        if paged and question.answers and verdict != "refused":
            cited = bool(answer.pages) and set(answer.pages) <= right_pages(texts, question)
        yield Outcome(passage.name, question, answer.text, verdict, cited)


def summary(questions: str, outcomes: Sequence[Outcome]) -> Row:
    """The row of some outcomes, at least one."""
    cited = [outcome.cited for outcome in outcomes if outcome.cited is not None]

    def share(verdict: Verdict) -> float:
        return round(fmean(outcome.verdict == verdict for outcome in outcomes), 4)

    return Row(
        questions=questions,
        number=len(outcomes),
        right=share("right"),
        near=share("near"),
        refused=share("refused"),
        wrong=share("wrong"),
        cited=round(fmean(cited), 4) if cited else None,
    )


def search(passage: Passage) -> Iterator[Outcome]:
    """What a search for the words of each question finds that the passage answers."""
    told = [sentence.text for sentence in sentences(passage.text)]
    for question in passage.questions:
        if question.answers:
            found = most_alike(question.text, told)
            verdict = judge(found, question, NO_ANSWER)
            yield Outcome(passage.name, question, found, verdict, None)


def rows(
    plain: Sequence[Outcome], paged: Sequence[Outcome], searched: Sequence[Outcome]
) -> Iterator[Row]:
    """The rows of the table: by kind, all together, in pages, by search, and what has no answer."""
    answerable = [outcome for outcome in plain if outcome.question.answers]
    groups = {
        **{kind: [o for o in answerable if o.question.kind == kind] for kind in KINDS},
        "all": answerable,
        "all, in pages": [outcome for outcome in paged if outcome.question.answers],
        "all, by search": searched,
        "unanswered": [outcome for outcome in plain if not outcome.question.answers],
        "unanswered, in pages": [outcome for outcome in paged if not outcome.question.answers],
    }
    return (summary(name, outcomes) for name, outcomes in groups.items() if outcomes)


def outcomes(
    model: Any, passages: Sequence[Passage], count: Count, progress: bool
) -> tuple[list[Outcome], list[Outcome]]:
    """What the model makes of the passages as texts, and of the same in pages."""
    plain, paged = list[Outcome](), list[Outcome]()
    for passage in watched(passages, "passage", len(passages), progress):
        plain += ask(model, passage, [passage.text])
        paged += ask(model, passage, paginate(passage.text, count))
    return plain, paged


def main() -> None:
    parser = argparse.ArgumentParser(description="Answer natural questions about real passages.")
    parser.add_argument("--model", default="bundled", help="'bundled' or the path of a model")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="write every answer to FILE")
    parser.add_argument("--progress", action="store_true", help="count the passages on stderr")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = dashdoc.load_model(options.model)
    passages = load_passages()
    report: dict[str, Any] = {
        "benchmark": "natural",
        "model": options.model,
        "passages": len(passages),
        "page_tokens": PAGE_TOKENS,
        "machine": machine(model),
    }
    print(" ".join(f"{name} {value}," for name, value in report["machine"].items()).rstrip(","))
    plain, paged = outcomes(model, passages, token_counter(model.tokenizer), options.progress)
    print(HEADER)
    report["rows"] = []
    for row in rows(plain, paged, list(chain.from_iterable(map(search, passages)))):
        print(row)
        report["rows"].append(asdict(row))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    if options.answers:
        lines = (json.dumps(asdict(o), ensure_ascii=False) + "\n" for o in chain(plain, paged))
        options.answers.write_text("".join(lines), "utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
