"""How far two answers agree: their words, and the places of what they quote."""

import pytest

from dashdoc.agreement import agreement
from dashdoc.measures import Answer, Citation, Routing

NOTHING = Routing(0, 16, 0.0, 0.0, None, [], [], [], [])


def answer(text: str, *pages: int | None) -> Answer:
    """An answer with a quote on each page; none where it was not found."""
    citations = [
        Citation(text, None if page is None else "report.pdf", page=page) for page in pages
    ]
    return Answer("Who?", text, "stop", 10, 5, 0.1, 0.2, 40.0, 0, NOTHING, citations)


@pytest.mark.parametrize(
    ("first", "second", "same", "shared"),
    [
        ("Ilse signed it.", "ilse signed it", True, 1.0),
        ("Ilse signed it.", "It signed Ilse.", False, 1.0),
        ("Ilse signed it.", "Otto paid for it.", False, 2 / 7),
        ("Ilse signed it.", "", False, 0.0),
        ("", "", True, 0.0),
    ],
)
def test_words_are_compared_without_case_and_punctuation(
    first: str, second: str, same: bool, shared: float
) -> None:
    found = agreement(answer(first), answer(second))
    assert found.same_words == same
    assert found.shared_words == pytest.approx(shared)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [((3,), (3,), True), ((3, 4), (4, 3, 3), True), ((3,), (4,), False), ((None,), (None,), False)],
    ids=str,
)
def test_places_agree_only_where_there_are_any(
    first: tuple[int | None, ...], second: tuple[int | None, ...], same: bool
) -> None:
    assert agreement(answer("a", *first), answer("b", *second)).same_places == same
