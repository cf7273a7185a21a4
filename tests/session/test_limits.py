"""What fits, what is left out, and what happens where memory ends."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from itertools import count

import pytest
import torch

from dashdoc.documents import Page
from dashdoc.errors import DeviceError, DoesNotFitError
from dashdoc.models import Model
from dashdoc.prompts import ChatFrame
from dashdoc.session import MAX_TOKENS, QUESTION_TOKENS, Session
from tests.conftest import SENTENCE
from tests.session.conftest import DUES, document, notes, pages, request_of


def test_a_document_of_exactly_the_limit_is_read(
    babbling: Model, room: Callable[[int], None]
) -> None:
    tokens = Session(babbling, [document(*pages(3))]).tokens
    for limit in (tokens, tokens + 1):
        room(limit)
        session = Session(babbling, [document(*pages(3))], truncate="tail")
        assert session.read().truncation is None
        assert session.tokens == tokens


def test_one_token_more_is_refused_with_the_numbers(
    babbling: Model, room: Callable[[int], None]
) -> None:
    tokens = Session(babbling, [document(*pages(3))]).tokens
    room(tokens - 1)
    with pytest.raises(DoesNotFitError) as caught:
        Session(babbling, [document(*pages(3))])
    assert caught.value.exit_code == 5
    assert caught.value.details == {"tokens": tokens, "limit": tokens - 1, "last_page_that_fits": 2}
    for word in (f"{tokens:,}", f"{tokens - 1:,}", "report.pdf", "--pages 1-2", "--truncate"):
        assert word in caught.value.message


@pytest.mark.parametrize(("spare", "last"), [(-1, 1), (0, 2), (1, 2)])
def test_the_last_page_that_fits_is_the_last(
    babbling: Model, room: Callable[[int], None], spare: int, last: int
) -> None:
    room(Session(babbling, [document(*pages(2))]).tokens + spare)
    with pytest.raises(DoesNotFitError) as caught:
        Session(babbling, [document(*pages(4))])
    assert caught.value.details["last_page_that_fits"] == last


def test_the_pages_named_are_some_of_those_chosen(
    babbling: Model, room: Callable[[int], None]
) -> None:
    chosen = tuple(Page(number, DUES) for number in (2, 3, 7, 9))
    long = document(DUES).with_pages(chosen)
    room(Session(babbling, [long]).tokens - 1)
    with pytest.raises(DoesNotFitError, match=r"--pages 2-3,7\."):
        Session(babbling, [long])


def test_of_several_documents_the_one_that_ends_the_room_is_named(
    babbling: Model, room: Callable[[int], None]
) -> None:
    both = [document(*pages(4)), document(*pages(3), name="annex.pdf")]
    room(Session(babbling, both).tokens - 1)
    with pytest.raises(DoesNotFitError, match=r"All up to page 2 of annex\.pdf would fit"):
        Session(babbling, both)


@pytest.mark.parametrize("truncate", [None, "tail"])
def test_where_nothing_fits_no_page_is_named(
    babbling: Model, monkeypatch: pytest.MonkeyPatch, truncate: str | None
) -> None:
    monkeypatch.setattr("dashdoc.models.loading.free_bytes", lambda device: 1000)
    with pytest.raises(DoesNotFitError) as caught:
        Session(babbling, [document(*pages(2))], truncate=truncate)
    assert caught.value.details["limit"] == 0
    assert "last_page_that_fits" not in caught.value.details


@pytest.mark.parametrize("surplus", [1, 100, 300])
@pytest.mark.parametrize("cut", ["head", "tail", "middle"])
def test_exactly_the_surplus_is_left_out(
    babbling: Model, heard: list[int], room: Callable[[int], None], cut: str, surplus: int
) -> None:
    Session(babbling, [document(*pages(4))]).read()
    whole = heard.copy()
    heard.clear()
    room(len(whole) - surplus)
    session = Session(babbling, [document(*pages(4))], truncate=cut)
    truncation = session.read().truncation
    opening = len(ChatFrame(babbling.tokenizer).opening)
    kept = len(whole) - opening - surplus
    start = opening + {"head": 0, "tail": kept, "middle": kept // 2}[cut]
    assert heard == whole[:start] + whole[start + surplus :]
    assert truncation is not None
    assert (truncation.cut, truncation.tokens) == (cut, surplus)


@pytest.mark.parametrize(
    ("cut", "lost"),
    [
        ("head", {"report.pdf": "1-2"}),
        ("tail", {"annex.pdf": "1-2"}),
        ("middle", {"report.pdf": "2", "annex.pdf": "1"}),
    ],
)
def test_the_pages_that_lost_text_are_named(
    babbling: Model, room: Callable[[int], None], cut: str, lost: dict[str, str]
) -> None:
    annex = document(*pages(2), name="annex.pdf")
    three = [document(*pages(2)), notes(DUES), annex]
    surplus = Session(babbling, [annex]).tokens - 40
    room(Session(babbling, three).tokens - surplus)
    session = Session(babbling, three, truncate=cut)
    truncation = session.read().truncation
    assert truncation is not None and truncation.pages == lost
    assert f"Left out {surplus} tokens of the {cut}" in session.notices[0]
    for name, span in lost.items():
        assert f"pages {span} of {name}" in session.notices[0]


def test_a_question_longer_than_its_room_is_answered(speaking: Model) -> None:
    question = "Who signed the treaty, and where? " * 150
    assert len(request_of(speaking, question)) > QUESTION_TOKENS + MAX_TOKENS
    assert Session(speaking, [document(DUES)]).ask(question).text == SENTENCE


@pytest.mark.parametrize("beyond", [0, 1])
def test_beyond_the_trained_length_there_is_one_notice(babbling: Model, beyond: int) -> None:
    tokens = Session(babbling, [document(*pages(3))]).tokens
    config = deepcopy(babbling.config)
    config.max_position_embeddings = tokens - beyond
    model = replace(babbling, choice=replace(babbling.choice, config=config))
    session = Session(model, [document(*pages(3))])
    assert len(session.notices) == beyond
    assert all(f"{tokens:,} tokens are more than" in notice for notice in session.notices)


def test_out_of_memory_while_reading_is_an_error_of_the_device(
    babbling: Model, exhausted: Callable[[], None]
) -> None:
    session = Session(babbling, [document(*pages(20))])
    with pytest.raises(DeviceError, match=f"at token {babbling.prefill_piece}, .* GiB free"):
        session.read(lambda done, total: exhausted())


def test_memory_that_ends_once_halves_the_pieces(babbling: Model, heard: list[int]) -> None:
    """In the second layer of the second piece, whose first layer was read and counted."""
    undisturbed = Session(babbling, [document(*pages(20))])
    expected = undisturbed.read().routing
    heard.clear()
    piece, calls, done = babbling.prefill_piece, count(), list[int]()

    def fail_once(*_: object) -> None:
        if next(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    session = Session(babbling, [document(*pages(20))])
    hook = babbling.network.model.layers[1].register_forward_pre_hook(fail_once)
    try:
        routing = session.read(lambda tokens, _: done.append(tokens)).routing
    finally:
        hook.remove()
    tokens = session.tokens
    assert tokens > 2 * piece
    assert done == [piece, *range(piece * 3 // 2, tokens, piece // 2), tokens]
    assert len(heard) == tokens + min(piece, tokens - piece)
    assert routing.tokens == expected.tokens
    assert routing.per_layer == pytest.approx(expected.per_layer, abs=1e-3)
    assert session.ask("Who?", max_tokens=8).text == undisturbed.ask("Who?", max_tokens=8).text


def test_out_of_memory_while_answering_is_one_too(
    babbling: Model, exhausted: Callable[[], None]
) -> None:
    stream = Session(babbling, [document(*pages(2))]).stream("Who signed?")
    with pytest.raises(DeviceError, match="lower --max-tokens") as caught:
        for _ in stream:
            exhausted()
    assert caught.value.exit_code == 6


def test_out_of_memory_on_a_cpu_is_one_too(babbling: Model) -> None:
    """The exception is torch's own; for a CPU it is a plain RuntimeError."""
    session = Session(babbling, [document(*pages(2))])
    hook = babbling.network.register_forward_pre_hook(lambda *_: torch.empty(1 << 60))
    try:
        with pytest.raises(DeviceError, match="cache and workspace need"):
            session.read()
    finally:
        hook.remove()
