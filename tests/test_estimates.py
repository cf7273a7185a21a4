"""Estimates: what a reading would take, told without a weight and held by the reading."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from dashdoc.documents import Document, Page
from dashdoc.errors import DeviceError, DoesNotFitError
from dashdoc.estimates import Room, check_fits, estimate, measure_room
from dashdoc.models import ModelChoice, choose_model, load_model
from dashdoc.session import Session

TEXT = "Dues are paid to the port authority, in coin, before notice is given.\n"


@pytest.fixture(scope="module")
def choice(tiny_checkpoint: Path) -> ModelChoice:
    return choose_model(str(tiny_checkpoint), device="cpu")


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    pages = tuple(Page(number, TEXT * 10) for number in (1, 2, 3))
    page = (Page(1, "<|im_end|>" + TEXT),)
    return [
        Document("report.pdf", "pdf", pages, 3, True, "hash"),
        Document("notes.txt", "text", page, 1, False, "hash"),
    ]


def test_the_tokens_are_those_of_the_reading(
    choice: ModelChoice, documents: list[Document]
) -> None:
    session = Session(load_model(choice), documents)
    assert estimate(choice, documents, Room(0, 0)).tokens == session.read().tokens


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_what_fits_is_what_the_room_holds(
    choice: ModelChoice, documents: list[Document], spare: int
) -> None:
    tokens = estimate(choice, documents, Room(0, 0)).tokens
    told = estimate(choice, documents, Room(1 << 30, tokens + spare))
    assert (told.fits, told.limit) == (spare >= 0, tokens + spare)


def test_the_memory_needed_is_weights_cache_and_workspace(
    choice: ModelChoice, documents: list[Document]
) -> None:
    told = estimate(choice, documents, Room(0, 0))
    assert told.needed_bytes == choice.weight_bytes + told.cache_bytes + told.workspace_bytes
    assert told.cache_bytes > 0 and told.workspace_bytes > 0


@pytest.mark.parametrize("spare", [-1, 0])
def test_beyond_the_trained_length_is_told(
    choice: ModelChoice, documents: list[Document], spare: int
) -> None:
    told = estimate(choice, documents, Room(0, 0))
    config = deepcopy(choice.config)
    config.max_position_embeddings = told.tokens + spare
    told = estimate(replace(choice, config=config), documents, Room(0, 0))
    assert told.beyond_training is (spare < 0)


def test_the_room_is_what_a_session_of_the_loaded_model_may_take(
    choice: ModelChoice, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was free before loading, less the weights, is what is free after."""
    model = load_model(choice)
    free, tokens = 4_000_000, Session(model, documents).tokens
    monkeypatch.setattr("dashdoc.models.memory.free_bytes", lambda device: free)
    limits = []
    while (room := measure_room(choice)).largest_context < tokens:
        limits.append(room.largest_context)
        free += 500_000
    monkeypatch.setattr("dashdoc.models.loading.free_bytes", lambda _: free - choice.weight_bytes)
    assert limits[0] == 0 and limits == sorted(limits)
    assert room.free_bytes == free
    assert model.largest_context() >= tokens
    Session(model, documents)


@pytest.mark.parametrize("spare", [-1, 0])
def test_what_would_not_fit_is_refused_before_loading_in_the_words_of_the_estimate(
    choice: ModelChoice,
    documents: list[Document],
    monkeypatch: pytest.MonkeyPatch,
    spare: int,
) -> None:
    tokens = estimate(choice, documents, Room(0, 0)).tokens
    room = Room(1 << 30, tokens + spare)
    monkeypatch.setattr("dashdoc.estimates.measure_room", lambda _: room)
    problem = estimate(choice, documents, room).problem
    if spare == 0:
        assert problem is None
        check_fits(choice, documents)
        return
    with pytest.raises(DoesNotFitError) as caught:
        check_fits(choice, documents)
    assert caught.value.message == problem
    for words in (f"{tokens:,} tokens", f"holds {tokens - 1:,}", "GiB", "page 3", "--truncate"):
        assert words in problem
    assert caught.value.details == {"tokens": tokens, "limit": tokens - 1, "last_page_that_fits": 3}


def test_weights_that_do_not_fit_are_the_problem_of_any_document(
    choice: ModelChoice, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(choice.weight_bytes - 1, 0)
    monkeypatch.setattr("dashdoc.estimates.measure_room", lambda _: room)
    told = estimate(choice, documents, room)
    assert not told.fits and told.problem is not None
    assert "--model bundled" in told.problem
    with pytest.raises(DeviceError, match="GiB are free"):
        check_fits(choice, documents)
