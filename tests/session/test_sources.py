"""What routing read, told as passages of the documents."""

from collections.abc import Callable

import numpy as np
import pytest

from dashdoc.measures import Sources
from dashdoc.models import Model
from dashdoc.session import Session
from dashdoc.sources import PASSAGES, STRETCHES, find_sources
from tests.session.conftest import document, notes, pages


def numbered(count: int, first: int = 0) -> str:
    """Sentences on lines of their own, each with a number that stands nowhere else."""
    return "\n".join(f"Line {n} tells of the harbour." for n in range(first, first + count))


def found(session: Session, weights: dict[int, float], chunk_size: int = 16) -> Sources:
    """The sources where the chunks have these weights."""
    array = np.zeros(session.tokens // chunk_size + 1)
    for chunk, weight in weights.items():
        array[chunk] = weight
    return find_sources(array, chunk_size, session._texts, session._frame.text)


def chunk_of(session: Session, words: str, chunk_size: int = 16) -> int:
    """The first chunk with a token of these words."""
    for text in session._texts:
        said = session._frame.text(text.ids)
        if words in said:
            before = len(session._frame.plain(said[: said.index(words)]))
            return (text.start + before) // chunk_size
    raise AssertionError(words)


def test_the_strongest_chunk_is_the_first_passage_with_its_page(babbling: Model) -> None:
    session = Session(babbling, [document(*(numbered(9, 9 * page) for page in range(5)))])
    strong, weak = chunk_of(session, "Line 31 "), chunk_of(session, "Line 4 ")
    sources = found(session, {weak: 1, strong: 3})
    assert [(p.page, p.share) for p in sources.passages] == [(4, 0.75), (1, 0.25)]
    assert sources.pages == [("report.pdf", 4), ("report.pdf", 1)]
    assert "31" in sources.passages[0].text
    assert sources.passages[0].lines is None


def test_neighbours_are_one_passage(babbling: Model) -> None:
    session = Session(babbling, [document(numbered(60))])
    chunk = chunk_of(session, "Line 30 ")
    (passage,) = found(session, {chunk: 1, chunk + 1: 1}).passages
    assert passage.share == 1
    assert len(passage.text.split()) > 10


def test_a_passage_begins_and_ends_with_whole_words_of_the_page(babbling: Model) -> None:
    words = numbered(60).split()
    session = Session(babbling, [document(numbered(60))])
    for chunk in range(2, 20):
        (passage,) = found(session, {chunk: 1}).passages
        spoken = passage.text.split()
        assert any(words[i : i + len(spoken)] == spoken for i in range(len(words))), passage.text


def test_a_chunk_on_two_pages_is_parted_without_the_marker(babbling: Model) -> None:
    session = Session(babbling, [document(numbered(9), numbered(9, 9))])
    second = session._texts[1].start
    sources = found(session, {second // 16 - 1: 1, second // 16: 1, second // 16 + 1: 1})
    assert {p.page for p in sources.passages} == {1, 2}
    assert sum(p.share for p in sources.passages) == pytest.approx(1, abs=1e-5)
    assert not any("[Page" in p.text or "]" in p.text for p in sources.passages)
    assert next(p for p in sources.passages if p.page == 2).text.startswith("Line 9 tells")


def test_a_text_has_lines(babbling: Model) -> None:
    session = Session(babbling, [notes(f"\n\n{numbered(60)}")])
    sources = found(session, {chunk_of(session, "Line 30 "): 1})
    (passage,) = sources.passages
    assert passage.page is None and sources.pages == []
    told = [int(word) for word in passage.text.split() if word.isdigit()]
    assert told and told[0] in range(28, 33)
    # Line 0 is the third, behind two empty ones.
    assert passage.lines is not None
    assert (
        passage.lines[0] <= told[0] + 3 <= told[-1] + 3 <= passage.lines[1] <= passage.lines[0] + 3
    )


def test_of_several_documents_each_passage_has_its_own(babbling: Model) -> None:
    both = [document(numbered(20)), notes(numbered(20, 100))]
    session = Session(babbling, both)
    one, other = chunk_of(session, "Line 9 "), chunk_of(session, "Line 110 ")
    passages = found(session, {one: 1, other: 2}).passages
    assert [(p.document, p.page) for p in passages] == [("notes.txt", None), ("report.pdf", 1)]
    assert passages[0].lines is not None and passages[0].lines[0] in (10, 11)


@pytest.mark.parametrize("cut", ["head", "middle"])
def test_lines_count_what_was_left_out(
    babbling: Model, room: Callable[[int], None], cut: str
) -> None:
    room(400)
    session = Session(babbling, [notes(numbered(200))], truncate=cut)
    (passage,) = found(session, {session.tokens // 16 - 3: 1}).passages
    told = [int(word) for word in passage.text.split() if word.isdigit()]
    assert passage.lines is not None
    assert passage.lines[0] <= told[0] + 1 <= passage.lines[1]


def test_the_strip_adds_up_and_shows_the_place(babbling: Model) -> None:
    session = Session(babbling, [document(numbered(60))])
    along = found(session, {chunk_of(session, "Line 58 "): 1}).along
    assert len(along) == STRETCHES
    assert sum(along) == pytest.approx(1, abs=1e-3)
    assert along.index(max(along)) > 0.9 * STRETCHES


def test_what_lies_outside_the_documents_does_not_count(babbling: Model) -> None:
    session = Session(babbling, [document(numbered(60))])
    sources = found(session, {0: 0.0})
    assert (sources.passages, sources.pages) == ([], [])
    assert sum(sources.along) == 0


def test_an_answer_has_the_sources_and_a_summary_has_none(babbling: Model) -> None:
    session = Session(babbling, [document(*pages(12))])
    sources = session.ask("Who signed?", max_tokens=5).sources
    assert sources is not None
    assert 0 < len(sources.passages) <= PASSAGES
    assert all(0 < passage.share <= 1 for passage in sources.passages)
    assert {p.page for p in sources.passages} <= {page for _, page in sources.pages}
    assert session.summarize(max_tokens=5).sources is None


def test_the_same_question_has_the_same_sources(babbling: Model) -> None:
    session = Session(babbling, [document(*pages(12))])
    first, second = (session.ask("Who signed?", max_tokens=5).sources for _ in range(2))
    assert first == second
