"""The natural questions: real passages, what readers ask of them, and the scoring of an answer.

Only the standard library is used. The questions and passages lie in `tests/data`, with their
sources.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

Verdict = Literal["right", "near", "refused", "wrong"]

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
KINDS = ("who", "when", "where", "which", "how many", "what", "how", "why")
NEAR = 0.8  # F1 of the words


@dataclass(frozen=True)
class Question:
    """A question and the sentences of its passage that answer it alone; none where none does."""

    kind: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Passage:
    """A text that stands by itself, where it comes from, and what is asked of it."""

    name: str
    source: str
    license: str
    title: str
    attribution: str
    text: str
    questions: tuple[Question, ...]


def load_passages(folder: Path = DATA) -> list[Passage]:
    """Every passage with its questions, in the order of the files."""
    questions: dict[str, list[Question]] = {}
    for line in (folder / "natural_questions.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        question = Question(entry["kind"], entry["question"], tuple(entry["answers"]))
        questions.setdefault(entry["passage"], []).append(question)
    passages = []
    for line in (folder / "natural_passages.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        name = entry.pop("passage")
        passages.append(Passage(name=name, questions=tuple(questions[name]), **entry))
    return passages


def judge(answer: str, question: Question, refusal: str) -> Verdict:
    """Whether an answer holds a sentence that is right, nearly is one, refuses, or none of it."""
    if answer.strip() == refusal:
        return "refused"
    if any(_plain(sentence) in _plain(answer) for sentence in question.answers):
        return "right"
    if any(overlap(answer, sentence) >= NEAR for sentence in question.answers):
        return "near"
    return "wrong"


def overlap(answer: str, sentence: str) -> float:
    """The F1 of the words that two texts share, case and marks aside, from 0 to 1."""
    ours, theirs = _words(answer), _words(sentence)
    shared = (ours & theirs).total()
    return 2 * shared / (ours.total() + theirs.total()) if shared else 0.0


def most_alike(question: str, sentences: Sequence[str]) -> str:
    """The sentence that shares most words with a question, rare ones counting for more."""
    asked, held = {*_words(question)}, [{*_words(sentence)} for sentence in sentences]
    times = Counter(chain.from_iterable(held))
    worth = {word: math.log(1 + len(held) / times[word]) for word in asked if word in times}
    shared = [sum(worth[word] for word in asked & words) for words in held]
    return sentences[max(range(len(held)), key=shared.__getitem__)]


def right_pages(pages: Sequence[str], question: Question) -> set[int]:
    """The numbers, from 1, of the pages that hold a sentence that is right."""
    return {
        number
        for number, page in enumerate(pages, start=1)
        if any(_plain(sentence) in _plain(page) for sentence in question.answers)
    }


def _plain(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.casefold()))
