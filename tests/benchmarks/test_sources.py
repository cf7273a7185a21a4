"""The sources benchmark: its pages, its cases and its counting."""

import random
import re

import pytest
from facts_cases import build_case, load_unseen
from sources import PAGE_TOKENS, Outcome, paginate, summary


def count(text: str) -> int:
    """A stand-in for a tokenizer: words and marks."""
    return len(re.findall(r"\w+|[^\w\s]", text))


@pytest.mark.parametrize("tokens", [800, 3_000])
def test_the_pages_are_the_text_with_the_fact_on_one_of_them(tokens: int) -> None:
    case = build_case(load_unseen(), tokens, count, random.Random(tokens))
    pages = paginate(case.text, count)
    assert "".join(pages) == case.text
    assert all(0 < count(page) <= PAGE_TOKENS for page in pages)
    assert sum(case.target.statement in page for page in pages) == 1


def test_only_the_cases_answered_correctly_are_counted() -> None:
    outcomes = [
        Outcome(True, 6, 1, True),
        Outcome(True, 6, 3, True),
        Outcome(True, 6, 4, True),
        Outcome(True, 6, None, True),
        Outcome(False, 6, 1, False),
    ]
    row = summary(2_000, outcomes)
    assert (row.cases, row.correct) == (5, 4)
    assert (row.first, row.first_three, row.by_chance) == (0.25, 0.5, 0.5)


def test_the_pages_named_are_counted_over_all_answers_but_refusals() -> None:
    outcomes = [Outcome(True, 6, 1, True), Outcome(False, 6, 1, False), Outcome(False, 6, 2, None)]
    row = summary(2_000, outcomes)
    assert (row.answered, row.cited) == (2, 0.5)


def test_without_a_correct_answer_there_are_no_shares() -> None:
    row = summary(2_000, [Outcome(False, 2, None, None)])
    assert (row.correct, row.first, row.first_three, row.by_chance) == (0, 0.0, 0.0, 1.0)
    assert (row.answered, row.cited) == (0, 0.0)
