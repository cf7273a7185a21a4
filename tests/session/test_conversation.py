"""Questions that build on one another: the cache is extended, and rewound where it is full."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from dashdoc.answer_stream import AnswerStream
from dashdoc.conversation import Conversation
from dashdoc.errors import DeviceError, DoesNotFitError
from dashdoc.models import Model
from dashdoc.prompts import ChatFrame
from dashdoc.session import Session
from tests.conftest import SENTENCE
from tests.session.conftest import CONTROL, document, pages, request_of


def trained_for(model: Model, tokens: int) -> Model:
    config = deepcopy(model.config)
    config.max_position_embeddings = tokens
    return replace(model, choice=replace(model.choice, config=config))


def test_the_model_hears_the_document_once_and_then_turn_after_turn(
    babbling: Model, heard: list[int]
) -> None:
    conversation = Conversation(Session(babbling, [document(*pages(3))]))
    read, between = heard.copy(), ChatFrame(babbling.tokenizer).between
    turns = []
    for number, question in enumerate(("Who signed?", "Where?", CONTROL)):
        stream = conversation.stream(question, max_tokens=3)
        assert conversation.turns == number
        stream.finish()
        turns.append(request_of(babbling, question) + stream.ids)
    assert heard == read + turns[0] + between + turns[1] + between + turns[2][:-1]
    assert len(read) == conversation.session.tokens
    assert conversation.turns == 3


@pytest.mark.parametrize("speaks", [False, True], ids=["cut", "stopped"])
def test_a_follow_up_is_answered_as_if_all_was_asked_at_once(
    babbling: Model, speaking: Model, speaks: bool
) -> None:
    model = speaking if speaks else babbling
    session = Session(model, [document(*pages(9))])
    conversation = Conversation(session)
    first = conversation.stream("Who signed?", max_tokens=40)
    first.finish()
    second = conversation.stream("Where was it?", max_tokens=40).finish()

    said = request_of(model, "Who signed?") + first.ids + ChatFrame(model.tokenizer).between
    request = said + request_of(model, "Where was it?")
    fresh = Session(model, [document(*pages(9))])
    reading = fresh.read()
    whole = AnswerStream(fresh, "Where was it?", request, 40, reading.tokens).finish()
    assert second.text and second.text == whole.text
    assert second.prompt_tokens == whole.prompt_tokens == reading.tokens + len(request)


def test_a_turn_ends_like_an_answer_in_the_models_own_template(babbling: Model) -> None:
    between = babbling.tokenizer.decode(ChatFrame(babbling.tokenizer).between)
    assert between == "<|im_end|>\n<|im_start|>user\n"


def test_after_forgetting_a_question_is_answered_over_the_document_alone(babbling: Model) -> None:
    session = Session(babbling, [document(*pages(9))])
    conversation = Conversation(session)
    conversation.stream("Who signed?", max_tokens=30).finish()
    conversation.forget()
    assert conversation.turns == 0
    again = conversation.stream("Where was it?", max_tokens=30).finish()
    fresh = Session(babbling, [document(*pages(9))]).ask("Where was it?", max_tokens=30)
    assert again.text == fresh.text


def test_a_stopped_answer_is_a_turn(babbling: Model, heard: list[int]) -> None:
    conversation = Conversation(Session(babbling, [document(*pages(3))]))
    read = heard.copy()
    stream = conversation.stream("Who signed?", max_tokens=50)
    for _ in stream:
        stream.stop()
    conversation.stream("Where?", max_tokens=1).finish()
    said = request_of(babbling, "Who signed?") + stream.ids
    between = ChatFrame(babbling.tokenizer).between
    assert heard == read + said + between + request_of(babbling, "Where?")


def test_an_answer_that_broke_off_is_none(babbling: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Conversation(Session(babbling, [document(*pages(3))]))
    conversation.stream("Who signed?", max_tokens=5).finish()
    start = len(request_of(babbling, "Who signed?")) + conversation.session.tokens
    with monkeypatch.context() as patch, pytest.raises(DeviceError):
        patch.setattr("dashdoc.answer_stream.forward", out_of_memory)
        conversation.stream("Why?", max_tokens=5).finish()
    assert conversation.turns == 1
    answer = conversation.stream("Where?", max_tokens=5).finish()
    between = ChatFrame(babbling.tokenizer).between
    assert answer.prompt_tokens == start + 5 + len(between) + len(request_of(babbling, "Where?"))


def out_of_memory(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("spare", [0, -1])
def test_where_another_turn_would_not_fit_the_earlier_ones_are_forgotten(
    babbling: Model, spare: int
) -> None:
    question = "Where was it?"
    request = len(request_of(babbling, question))
    between = len(ChatFrame(babbling.tokenizer).between)
    tokens = Session(babbling, [document(*pages(3))]).tokens
    model = trained_for(babbling, tokens + (request + 5) + between + (request + 5) + spare)
    session = Session(model, [document(*pages(3))])
    conversation = Conversation(session)
    for _ in range(2):
        answer = conversation.stream(question, max_tokens=5).finish()
        assert answer.tokens == 5
    assert conversation.turns == (2 if spare == 0 else 1)
    assert (answer.prompt_tokens == tokens + request) == (spare < 0)


def test_documents_beyond_the_trained_length_are_bounded_by_memory(babbling: Model) -> None:
    tokens = Session(babbling, [document(*pages(3))]).tokens
    session = Session(trained_for(babbling, tokens - 1), [document(*pages(3))])
    conversation = Conversation(session)
    for _ in range(3):
        conversation.stream("Who?", max_tokens=2).finish()
    assert conversation.turns == 3
    session.context = tokens + 100
    conversation.stream("Who?", max_tokens=60).finish()
    assert conversation.turns == 1


def test_a_question_longer_than_memory_is_refused_and_the_next_one_answered(
    speaking: Model,
) -> None:
    session = Session(speaking, [document(*pages(3))])
    session.context = session.tokens + 200
    conversation = Conversation(session)
    conversation.stream("Who?", max_tokens=50).finish()
    with pytest.raises(DoesNotFitError, match="memory holds 200 beside") as caught:
        conversation.stream("Who signed the treaty, and where? " * 100)
    assert caught.value.details["limit"] == 200
    assert conversation.turns == 1
    assert conversation.stream("Who?", max_tokens=50).finish().text == SENTENCE
