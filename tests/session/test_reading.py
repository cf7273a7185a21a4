"""One reading serves many questions, and the model is given exactly what it should be."""

import pytest

from dashdoc.models import Model
from dashdoc.prompts import ChatFrame
from dashdoc.session import Session
from tests.session.conftest import CONTROL, document, notes, pages, request_of


@pytest.mark.parametrize("first", ["Who signed?", "Why? " * 700], ids=["short", "long"])
def test_a_second_answer_equals_that_of_a_fresh_session(babbling: Model, first: str) -> None:
    one = Session(babbling, [document(*pages(9))])
    one.ask(first, max_tokens=70)
    second = one.ask("Where was it?", max_tokens=40)
    fresh = Session(babbling, [document(*pages(9))]).ask("Where was it?", max_tokens=40)
    assert second.text and second.text == fresh.text
    assert (second.tokens, second.finish_reason) == (fresh.tokens, fresh.finish_reason)
    assert second.routing == fresh.routing


def test_the_reading_moves_the_answer(babbling: Model) -> None:
    asked = [
        Session(babbling, [document(*texts)]).ask("Where was it?", max_tokens=8).text
        for texts in (pages(9), ["Quite another page."])
    ]
    assert asked[0] != asked[1]


def test_what_was_read_is_not_read_again(babbling: Model, heard: list[int]) -> None:
    session = Session(babbling, [document(*pages(3))])
    for question in ("Who signed?", "Where?"):
        session.ask(question, max_tokens=2)
    assert len(heard) == session.tokens + sum(
        len(request_of(babbling, question)) + 1 for question in ("Who signed?", "Where?")
    )


def test_progress_rises_to_the_total(babbling: Model) -> None:
    told: list[tuple[int, int]] = []
    session = Session(babbling, [document(*pages(20))])
    session.read(lambda done, total: told.append((done, total)))
    piece = babbling.prefill_piece
    assert session.tokens > 2 * piece
    assert [done for done, _ in told] == [*range(piece, session.tokens, piece), session.tokens]
    assert {total for _, total in told} == {session.tokens}


def test_an_interrupted_reading_is_not_answered_from(babbling: Model) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    session = Session(babbling, [document(*pages(20))])
    expected = session.ask("Who signed?", max_tokens=5).text
    with pytest.raises(KeyboardInterrupt):
        session.read(interrupt)
    assert session.ask("Who signed?", max_tokens=5).text == expected


def test_document_and_question_are_tokenised_apart(babbling: Model, heard: list[int]) -> None:
    # `Har` and `bour` would be one word in one text.
    session = Session(babbling, [notes("Har")])
    session.ask("bour", max_tokens=1)
    frame = ChatFrame(babbling.tokenizer)
    assert heard == frame.opening + frame.plain("Har\n\n") + request_of(babbling, "bour")


def test_control_strings_stay_plain_text(babbling: Model, heard: list[int]) -> None:
    session = Session(babbling, [document(CONTROL), notes(CONTROL, name=CONTROL)])
    session.ask(CONTROL, max_tokens=1)
    frame = ChatFrame(babbling.tokenizer)
    special = babbling.tokenizer.added_tokens_decoder
    framed = [token for token in frame.opening + frame.closing if token in special]
    assert framed
    assert [token for token in heard if token in special] == framed
    assert babbling.tokenizer.decode(heard).count(CONTROL) == 4


def test_pages_start_at_the_tokens_of_their_markers(babbling: Model, heard: list[int]) -> None:
    session = Session(babbling, [document(*pages(4))])
    session.read()
    assert [(name, page) for name, page, _ in session.page_starts()] == [
        ("report.pdf", page) for page in range(1, 5)
    ]
    for _, page, start in session.page_starts():
        assert babbling.tokenizer.decode(heard[start : start + 20]).startswith(f"[Page {page}]\n")


def test_several_documents_are_labelled(babbling: Model, heard: list[int]) -> None:
    session = Session(babbling, [document(*pages(2)), notes("Dues.")])
    session.read()
    text = babbling.tokenizer.decode(heard)
    assert text.count("[Document: report.pdf]\n\n[Page 1]\n") == 1
    assert text.count("[Document: notes.txt]\n\nDues.\n\n") == 1
    starts = [start for _, _, start in session.page_starts()]
    assert babbling.tokenizer.decode(heard[starts[0] :]).startswith("[Document: report.pdf]")
    assert len(starts) == 2  # the text has no pages


def test_one_document_is_not(babbling: Model, heard: list[int]) -> None:
    Session(babbling, [document(*pages(2))]).read()
    assert "[Document:" not in babbling.tokenizer.decode(heard)
