"""A question to a model that quotes is asked again, of the few likeliest sentences alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dashdoc.conversation import Conversation
from dashdoc.models import Model
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward
from dashdoc.models.second_look import SECOND, SENTENCES, Chances
from dashdoc.prompts import NO_ANSWER, ChatFrame
from dashdoc.session import Session
from tests.conftest import save_checkpoint
from tests.session.conftest import document, load, request_of

PAGES = (
    "Dues are paid in coin. The clerk keeps the book, and he signs it.\nNobody else may see it.",
    "Ships come in May. They leave in June",
    "when the ice is gone. Who stays pays twice.",
)
QUESTIONS = ("Who signed?", "When do ships come?", "What is paid?")


@pytest.fixture
def quoting(tiny_checkpoint: Path) -> Model:
    model = load(tiny_checkpoint)
    model.config.quotes = True
    return model


@pytest.fixture
def given(quoting: Model) -> Iterator[list[list[int]]]:
    """The ids that the quoting model is given, pass by pass."""
    passes: list[list[int]] = []
    words = quoting.network.model.embed_tokens
    hook = words.register_forward_pre_hook(lambda _, ids: passes.append(ids[0][0].tolist()))
    yield passes
    hook.remove()


def asked_again(model: Model, passes: list[list[int]]) -> list[str]:
    """The texts of the passes that ask again: they begin a conversation, and end a request."""
    frame = ChatFrame(model.tokenizer)
    first, last = len(frame.opening), len(frame.closing)
    return [
        frame.text(ids)
        for ids in passes
        if ids[:first] == frame.opening and ids[-last:] == frame.closing
    ]


def sentences_of(text: str) -> list[str]:
    """The sentences of a text that is asked alone."""
    told = text.partition("\n\n")[0].partition("user\n")[2]
    return re.findall(r"\S[^.]*\.", told)


def after(model: Model, ids: list[int]) -> tuple[DashCache, torch.Tensor]:
    """A fresh cache that holds some ids, and the logits behind them."""
    cache = DashCache(model.config, len(ids))
    return cache, forward(model.network, torch.tensor([ids]), cache)


@pytest.mark.parametrize("question", QUESTIONS)
def test_whole_sentences_are_asked_in_the_order_of_the_text(
    quoting: Model, given: list[list[int]], question: str
) -> None:
    Session(quoting, [document(*PAGES)]).ask(question)
    (again,) = asked_again(quoting, given)
    assert quoting.tokenizer.decode(request_of(quoting, question)) in again
    text = " ".join(" ".join(PAGES).split())
    places = [text.index(sentence) for sentence in sentences_of(again)]
    assert len(places) == SENTENCES and places == sorted(places)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_begins_as_is_likeliest_by_both_readings(
    quoting: Model, given: list[list[int]], question: str
) -> None:
    session = Session(quoting, [document(*PAGES)])
    stream = session.stream(question)
    answer = stream.finish()
    (again,) = asked_again(quoting, given)
    alone = next(ids for ids in given if ChatFrame(quoting.tokenizer).text(ids) == again)
    whole = session._read_ids + request_of(quoting, question)
    first = Chances(quoting.network, *after(quoting, whole))
    second = Chances(quoting.network, *after(quoting, alone))
    openings = session._quotable.openings
    listed = [o for o in openings if quoting.tokenizer.decode(o).strip() in again]
    assert len(listed) == SENTENCES
    best = max(listed, key=lambda opening: first.of(opening) + SECOND * second.of(opening))
    assert tuple(stream.ids[: len(best)]) == best[: len(stream.ids)]
    assert answer.prompt_tokens == len(whole)


def test_turn_after_turn_the_cache_holds_what_the_answers_follow(
    quoting: Model, given: list[list[int]]
) -> None:
    session = Session(quoting, [document(*PAGES)])
    conversation = Conversation(session)
    frame = ChatFrame(quoting.tokenizer)
    held, turns_asked_again = list(session._read_ids), 0
    for question in QUESTIONS:
        given.clear()
        stream = conversation.stream(question)
        answer = stream.finish()
        held += request_of(quoting, question)
        turns_asked_again += len(asked_again(quoting, given))
        assert answer.prompt_tokens == len(held)
        fresh, _ = after(quoting, held + stream.ids[:-1])
        length = fresh.length
        assert session._cache.length >= length
        for name, tensor in fresh.tensors(length).items():
            torch.testing.assert_close(session._cache.tensors(length)[name], tensor)
        held += stream.ids + frame.between
    assert conversation.turns == len(QUESTIONS)
    assert turns_asked_again  # of which nothing is held


def test_asking_again_is_not_counted(quoting: Model) -> None:
    answer = Session(quoting, [document(*PAGES)]).ask("Who signed?", max_tokens=4)
    assert answer.routing.tokens == len(request_of(quoting, "Who signed?")) + answer.tokens - 1


def test_a_refusal_is_not_looked_at_again(tmp_path: Path) -> None:
    model = load(save_checkpoint(tmp_path / "checkpoint", says=" " + NO_ANSWER))
    model.config.quotes = True
    session = Session(model, [document(*PAGES)])
    answer = session.ask("Who signed?")
    assert answer.text == NO_ANSWER
    request = len(request_of(model, "Who signed?"))
    assert answer.prompt_tokens == session.tokens + request
    assert answer.routing.tokens == request + answer.tokens


def test_a_text_of_one_sentence_is_not_looked_at_again(
    quoting: Model, given: list[list[int]]
) -> None:
    Session(quoting, [document("Dues are paid in coin.")]).ask("Who signed?")
    assert not asked_again(quoting, given)


def test_nothing_is_asked_again_once_it_was_stopped(quoting: Model, given: list[list[int]]) -> None:
    stream = Session(quoting, [document(*PAGES)]).stream("Who signed?")
    stream.stop()
    assert (stream.finish().finish_reason, stream.finish().tokens) == ("interrupted", 1)
    assert not asked_again(quoting, given)


def test_stopped_while_it_is_asked_again_it_ends_with_the_first_token(quoting: Model) -> None:
    session = Session(quoting, [document(*PAGES)])
    session.read()
    stream = session.stream("Who signed?")
    opening = ChatFrame(quoting.tokenizer).opening

    def stop(_: object, given: tuple[torch.Tensor]) -> None:
        if given[0][0, : len(opening)].tolist() == opening:
            stream.stop()

    hook = quoting.network.model.embed_tokens.register_forward_pre_hook(stop)
    answer = stream.finish()
    hook.remove()
    assert (answer.finish_reason, answer.tokens) == ("interrupted", 1)
