"""Are the summaries better than the first sentences? ROUGE of both against abstracts.

    python benchmarks/summaries.py

The documents, of `benchmarks/data/make_abstracts.py`, come with an abstract or a summary section,
which is not in the text that the model reads. `lead` is the first sentences of that text, `random`
are its sentences in a random order and `central` those most like all others, each cut to the number
of words of the summary; `oracle` are the sentences, of any number, that come nearest to the
abstract. The difference to `lead` is told with its 95% bootstrap interval over the documents. The
last line is one JSON object with all that the tables show.
"""

import argparse
import json
import lzma
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from facts import document_of, machine, watched
from facts_cases import sentences
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

import dashdoc

ABSTRACTS = Path(__file__).resolve().parent / "data" / "abstracts.jsonl.xz"
RESAMPLES = 10_000
KINDS = {
    "openstax": "textbook sections",
    "openjournals": "papers",
    "elifesciences": "papers",
    "PLOS": "papers",
    "cardano-foundation": "design proposals",
    "bitcoin": "design proposals",
}
HEADER = f"{'':18}ROUGE-1  ROUGE-L   words"
HEADER_DIFFERENCE = f"{'summary - lead':18}ROUGE-1  ROUGE-L  95% interval          documents"


@dataclass(frozen=True)
class Abstracted:
    """A text to summarise, and the abstract that was taken out of it."""

    kind: str
    title: str
    abstract: str
    text: str


@dataclass(frozen=True)
class Score:
    """F1 of a text against an abstract, and the text's length in words."""

    rouge1: float
    rouge_l: float
    words: int


@dataclass(frozen=True)
class Outcome:
    """One document: its summary and the scores of the summary and of what it is compared with."""

    title: str
    kind: str
    summary: str
    finish_reason: str
    repeats: bool
    scores: dict[str, Score]

    def gain(self, measure: str) -> float:
        """By how much the summary scores above the lead."""
        gain: float = getattr(self.scores["summary"], measure)
        return gain - float(getattr(self.scores["lead"], measure))


@dataclass(frozen=True)
class Row:
    """Mean scores of one way to summarise."""

    way: str
    rouge1: float
    rouge_l: float
    words: float

    def __str__(self) -> str:
        return f"{self.way:18}{self.rouge1:7.3f}{self.rouge_l:9.3f}{self.words:8.0f}"


@dataclass(frozen=True)
class Difference:
    """Mean differences of summary and lead; `low` and `high` bound that of ROUGE-L."""

    kind: str
    rouge1: float
    rouge_l: float
    low: float
    high: float
    documents: int

    def __str__(self) -> str:
        return (
            f"{self.kind:18}{self.rouge1:+7.3f}{self.rouge_l:+9.3f}"
            f"  {self.low:+.3f} to {self.high:+.3f}{self.documents:15}"
        )


class Rouge:
    """Scores against abstracts, with stemming."""

    def __init__(self) -> None:
        self._scorer = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
        self._tokenizer = DefaultTokenizer(use_stemmer=True)

    def score(self, abstract: str, text: str) -> Score:
        found = self._scorer.score(abstract, text)
        return Score(found["rouge1"].fmeasure, found["rougeL"].fmeasure, len(text.split()))

    def oracle(self, abstract: str, candidates: Sequence[str]) -> list[str]:
        """Sentences that each raise ROUGE-1 most, until none raises it; in the text's order."""
        wanted = Counter(self._tokenizer.tokenize(abstract))
        bags = {i: Counter(self._tokenizer.tokenize(text)) for i, text in enumerate(candidates)}
        chosen: list[int] = []
        together, best = Counter[str](), 0.0
        while bags:
            scores = {i: _f1(together + bag, wanted) for i, bag in bags.items()}
            choice = max(scores, key=lambda i: scores[i])
            if scores[choice] <= best:
                break
            best, together = scores[choice], together + bags.pop(choice)
            chosen.append(choice)
        return [candidates[i] for i in sorted(chosen)]


def _f1(found: Counter[str], wanted: Counter[str]) -> float:
    return 2 * (found & wanted).total() / max(1, found.total() + wanted.total())


def load(path: Path = ABSTRACTS) -> list[Abstracted]:
    """The documents, in an order that mixes their kinds.

    They are not kept with the project, being others' whole texts.
    """
    if not path.exists():
        sys.exit(f"{path} is missing: benchmarks/data/make_abstracts.py makes it.")
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    return [
        Abstracted(KINDS[e["source"].split("/")[0]], e["title"], e["abstract"], e["text"])
        for e in entries
    ]


def prose(text: str) -> list[str]:
    """The sentences of a text, without headings: of the lines that end as a sentence does."""
    lines = [line for line in text.splitlines() if line.rstrip("\"'”’)").endswith((".", "!", "?"))]
    return [sentence.text for sentence in sentences("\n".join(lines))]


def cut(texts: Sequence[str], words: int) -> str:
    """The first so many words of sentences in a row."""
    return " ".join(" ".join(texts).split()[:words])


def central(texts: Sequence[str], words: int) -> list[str]:
    """So many words at least of the sentences that share most words with all the others.

    Centrality as in LexRank (Erkan and Radev 2004), in the text's order.
    """
    bags = [Counter(re.findall(r"\w+", text.lower())) for text in texts]
    held = Counter(word for bag in bags for word in bag)
    place = {word: i for i, word in enumerate(held)}
    vectors = np.zeros((len(bags), len(held)))
    for row, bag in zip(vectors, bags, strict=True):
        for word, times in bag.items():
            row[place[word]] = times * math.log(len(bags) / held[word])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    worth = (vectors @ vectors.sum(0)).tolist()
    chosen, count = list[int](), 0
    for i in sorted(range(len(texts)), key=worth.__getitem__, reverse=True):
        if count < words:
            chosen.append(i)
            count += len(texts[i].split())
    return [texts[i] for i in sorted(chosen)]


def has_repeats(summary: str) -> bool:
    """Whether a sentence stands in it twice."""
    told = [sentence.text.rstrip(" .!?") for sentence in sentences(summary)]
    return len(set(told)) < len(told)


def judge(document: Abstracted, summary: str, finish_reason: str, rouge: Rouge) -> Outcome:
    """Score a summary and what it is compared with."""
    candidates = prose(document.text)
    words = len(summary.split())
    shuffled = random.Random(document.title).sample(candidates, len(candidates))
    texts = {
        "summary": summary,
        "lead": cut(candidates, words),
        "random": cut(shuffled, words),
        "central": cut(central(candidates, words), words),
        "oracle": " ".join(rouge.oracle(document.abstract, candidates)),
    }
    scores = {way: rouge.score(document.abstract, text) for way, text in texts.items()}
    return Outcome(
        document.title, document.kind, summary, finish_reason, has_repeats(summary), scores
    )


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95% bootstrap interval of the mean."""
    drawn = np.random.default_rng(seed).choice(np.asarray(values), (RESAMPLES, len(values)))
    low, high = np.percentile(drawn.mean(1), (2.5, 97.5))
    return float(low), float(high)


def means(outcomes: Sequence[Outcome]) -> list[Row]:
    """The table of the ways to summarise."""
    return [
        Row(
            way=way,
            rouge1=round(fmean(outcome.scores[way].rouge1 for outcome in outcomes), 4),
            rouge_l=round(fmean(outcome.scores[way].rouge_l for outcome in outcomes), 4),
            words=round(fmean(outcome.scores[way].words for outcome in outcomes), 1),
        )
        for way in outcomes[0].scores
    ]


def difference(kind: str, outcomes: Sequence[Outcome]) -> Difference:
    """By how much summaries are nearer to the abstracts than leads are."""
    gains = [outcome.gain("rouge_l") for outcome in outcomes]
    low, high = interval(gains)
    return Difference(
        kind=kind,
        rouge1=round(fmean(outcome.gain("rouge1") for outcome in outcomes), 4),
        rouge_l=round(fmean(gains), 4),
        low=round(low, 4),
        high=round(high, 4),
        documents=len(outcomes),
    )


def differences(outcomes: Sequence[Outcome]) -> list[Difference]:
    """Over all documents, then over those of each kind."""
    kinds = dict.fromkeys(outcome.kind for outcome in outcomes)
    of_kinds = [(kind, [o for o in outcomes if o.kind == kind]) for kind in kinds]
    return [difference(kind, those) for kind, those in [("all", list(outcomes)), *of_kinds]]


def summarize(model: Any, document: Abstracted) -> tuple[str, str]:
    """The product's summary of a document, and why it ended."""
    answer = dashdoc.Session(model, [document_of([document.text], paged=False)]).summarize()
    return answer.text, str(answer.finish_reason)


def run(
    documents: Iterator[Abstracted], summary_of: Callable[[Abstracted], tuple[str, str]]
) -> list[Outcome]:
    """Summarise and score every document."""
    rouge = Rouge()
    return [judge(document, *summary_of(document), rouge) for document in documents]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare summaries with the first sentences.")
    parser.add_argument("--model", default="bundled", help="'bundled' or the path of a model")
    parser.add_argument("--documents", type=int, help="the first so many documents")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every summary to FILE")
    parser.add_argument("--progress", action="store_true", help="count the documents on stderr")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = dashdoc.load_model(options.model)
    place = machine(model)
    print(" ".join(f"{name} {value}," for name, value in place.items()).rstrip(","), flush=True)
    chosen = load()[: options.documents]
    documents = watched(chosen, "document", len(chosen), options.progress)
    outcomes = run(documents, lambda document: summarize(model, document))
    ways, gains = means(outcomes), differences(outcomes)
    repeating = fmean(outcome.repeats for outcome in outcomes)
    print("\n".join([HEADER, *map(str, ways), "", HEADER_DIFFERENCE, *map(str, gains), ""]))
    print(f"A sentence is said twice in {repeating:.1%} of the summaries.")
    report: dict[str, Any] = {
        "benchmark": "summaries",
        "model": options.model,
        "documents": len(outcomes),
        "resamples": RESAMPLES,
        "machine": place,
        "ways": [asdict(row) for row in ways],
        "summary_over_lead": [asdict(gain) for gain in gains],
        "repeating": round(repeating, 4),
    }
    if options.json:
        detailed = {**report, "summaries": [asdict(outcome) for outcome in outcomes]}
        options.json.write_text(json.dumps(detailed, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
