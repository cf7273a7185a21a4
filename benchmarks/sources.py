"""Does routing show where an answer stands? The page of a stated fact among those it read most.

    python benchmarks/sources.py --lengths 2000 4000 --cases 60

The cases are those of the facts benchmark in pages of some 400 tokens. Of the cases answered
correctly it is counted how often the page of the fact is the first, or among the first three, of
the pages that `--sources` shows; `by chance` is how often any three pages would hold it. `cited` is
the share of all the answers given, right or wrong, that name the page of the fact and no other.
The last line is one JSON object with all that the table shows.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from facts import MAX_TOKENS, document_of, machine, token_counter, watched
from facts_cases import Case, Count, build_cases, judge, load_unseen, sentences

import dashdoc
from dashdoc.prompts import NO_ANSWER

LENGTHS = (2_000, 4_000)
CASES = 60
PAGE_TOKENS = 400
FIRST_PAGES = 3
HEADER = "  tokens  cases  pages  correct   first  first three  by chance  answered   cited"


@dataclass(frozen=True)
class Outcome:
    """One case: whether it was answered, and the rank of the fact's page, None where not shown.

    `cited` says whether the answer names the page of the fact and no other; None for a refusal.
    """

    correct: bool
    pages: int
    rank: int | None
    cited: bool | None


@dataclass(frozen=True)
class Row:
    """What the cases of one length came to.

    `first` and `first_three` are shares of the correct, `cited` is one of the answered.
    """

    tokens: int
    cases: int
    pages: float
    correct: int
    first: float
    first_three: float
    by_chance: float
    answered: int
    cited: float

    def __str__(self) -> str:
        return (
            f"{self.tokens:8,}{self.cases:7}{self.pages:7.1f}{self.correct:9}"
            f"{self.first:8.1%}{self.first_three:13.1%}{self.by_chance:11.1%}"
            f"{self.answered:10}{self.cited:8.1%}"
        )


def paginate(text: str, count: Count) -> list[str]:
    """The text in pages of whole sentences, of at most `PAGE_TOKENS` tokens each."""
    pages, filled = [""], 0
    for sentence in sentences(text):
        tokens = count(sentence.text + sentence.gap)
        if pages[-1] and filled + tokens > PAGE_TOKENS:
            pages.append("")
            filled = 0
        pages[-1] += sentence.text + sentence.gap
        filled += tokens
    return pages


def ask(model: Any, case: Case, texts: Sequence[str]) -> Outcome:
    """Read the pages of a case, ask its question and look for the page of the fact."""
    document = document_of(texts, paged=True)
    answer = dashdoc.Session(model, [document]).ask(case.question, max_tokens=MAX_TOKENS)
    assert answer.sources is not None
    fact = next(page.number for page in document.pages if case.target.statement in page.text)
    shown = [page for _, page in answer.sources.pages]
    rank = shown.index(fact) + 1 if fact in shown else None
    verdict = judge(answer.text, case, NO_ANSWER)
    cited = None if verdict == "refused" else answer.pages == [fact]
    return Outcome(verdict == "exact", len(texts), rank, cited)


def summary(tokens: int, outcomes: Sequence[Outcome]) -> Row:
    """The row of one length."""
    correct = [outcome for outcome in outcomes if outcome.correct]
    cited = [outcome.cited for outcome in outcomes if outcome.cited is not None]

    def share(places: int) -> float:
        ranks = [outcome.rank or sys.maxsize for outcome in correct]
        return round(fmean(rank <= places for rank in ranks), 4) if ranks else 0.0

    return Row(
        tokens=tokens,
        cases=len(outcomes),
        pages=round(fmean(outcome.pages for outcome in outcomes), 2),
        correct=len(correct),
        first=share(1),
        first_three=share(FIRST_PAGES),
        by_chance=round(fmean(min(FIRST_PAGES / o.pages, 1) for o in correct or outcomes), 4),
        answered=len(cited),
        cited=round(fmean(cited), 4) if cited else 0.0,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Find the page of a fact by what routing read.")
    parser.add_argument("--model", default="bundled", help="'bundled' or the path of a model")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, metavar="TOKENS")
    parser.add_argument("--cases", type=int, default=CASES, help="cases of each length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE")
    parser.add_argument("--progress", action="store_true", help="count the cases on stderr")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = dashdoc.load_model(options.model)
    count, library = token_counter(model.tokenizer), load_unseen()
    report: dict[str, Any] = {
        "benchmark": "sources",
        "model": options.model,
        "seed": options.seed,
        "page_tokens": PAGE_TOKENS,
        "machine": machine(model),
        "lengths": [],
    }
    print(" ".join(f"{name} {value}," for name, value in report["machine"].items()).rstrip(","))
    print(HEADER, flush=True)
    for tokens in options.lengths:
        cases = build_cases(library, tokens, options.cases, count, options.seed)
        cases = watched(cases, f"{tokens:,} tokens: case", options.cases, options.progress)
        outcomes = [ask(model, case, paginate(case.text, count)) for case in cases]
        row = summary(tokens, outcomes)
        print(row, flush=True)
        report["lengths"].append(asdict(row))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
