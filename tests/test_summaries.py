"""Summaries in parts: nothing is lost, everything fits."""

from pathlib import Path

import pytest

from dashdoc.documents import Document, Page
from dashdoc.errors import DoesNotFitError
from dashdoc.models import Model, load_model
from dashdoc.session import MAX_TOKENS, QUESTION_TOKENS
from dashdoc.summaries import part_pages, summarize_document
from tests.conftest import SENTENCE


@pytest.fixture(scope="module")
def model(speaking_checkpoint: Path) -> Model:
    return load_model(str(speaking_checkpoint))


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose free memory holds 700 tokens of documents."""
    room = 700 + QUESTION_TOKENS + MAX_TOKENS
    monkeypatch.setattr("dashdoc.models.loading.largest_context", lambda *_: room)


def document(pages: int, words: int, *, paged: bool = True) -> Document:
    text = "\n\n".join("Dues are paid to the port." for _ in range(words // 6))
    numbered = tuple(Page(number, f"{text} {number}") for number in range(1, pages + 1))
    return Document("dues.pdf", "pdf" if paged else "text", numbered, pages, paged, "hash")


def words(pages: object) -> int:
    return sum(len(page.text.split()) for page in pages)


@pytest.mark.parametrize("room", [20, 61, 100, 1000])
def test_parts_fit_and_lose_nothing(room: int) -> None:
    pages = document(7, 60).pages
    groups = part_pages(pages, room, words)
    assert all(words(group) <= room for group in groups)
    together = "".join(page.text for group in groups for page in group)
    assert together == "".join(page.text for page in pages)
    assert [page.number for group in groups for page in group] == sorted(
        page.number for group in groups for page in group
    )


def test_a_long_page_is_cut_where_a_paragraph_ends() -> None:
    groups = part_pages(document(1, 60).pages, 40, words)
    assert all(page.text.strip().startswith("Dues") for group in groups for page in group)


def test_text_without_any_end_is_cut_all_the_same() -> None:
    def letters(pages: object) -> int:
        return sum(len(page.text) for page in pages)

    groups = part_pages((Page(1, "x" * 100),), 30, letters)
    assert sum(letters(group) for group in groups) == 100
    assert max(letters(group) for group in groups) <= 30


def test_what_fits_is_read_once(model: Model) -> None:
    made = summarize_document(model, document(3, 60), max_tokens=30)
    assert (made.text, made.parts, len(made.readings)) == (SENTENCE, 1, 1)


@pytest.mark.parametrize("paged", [True, False], ids=["pages", "text"])
def test_what_does_not_fit_is_read_in_parts(model: Model, short_memory: None, paged: bool) -> None:
    long = document(6, 240) if paged else document(1, 1440, paged=False)
    made = summarize_document(model, long, max_tokens=30)
    assert made.text == SENTENCE
    assert made.parts > 1
    assert len(made.readings) == made.parts + 1


def test_what_was_cut_on_request_is_read_once(model: Model, short_memory: None) -> None:
    made = summarize_document(model, document(6, 240), max_tokens=30, truncate="tail")
    assert made.parts == 1
    assert made.readings[0].truncation is not None
    assert any("Left out" in notice for notice in made.notices)


def test_summaries_as_long_as_their_parts_are_refused(model: Model, short_memory: None) -> None:
    with pytest.raises(DoesNotFitError):
        summarize_document(model, document(6, 240), max_tokens=600)
