"""How an answer ends, and how it comes in pieces."""

from collections.abc import Generator
from pathlib import Path

import pytest
import torch

from dashdoc.models import Model
from dashdoc.models.generation import Decoding
from dashdoc.prompts import NO_ANSWER, ChatFrame
from dashdoc.session import Session
from tests.conftest import SENTENCE, save_checkpoint
from tests.session.conftest import DUES, FOREIGN, document, load


def spoken(model: Model) -> list[int]:
    return ChatFrame(model.tokenizer).plain(SENTENCE)


def test_a_stop_token_ends_the_answer(speaking: Model) -> None:
    answer = Session(speaking, [document(DUES)]).ask("Who signed?")
    assert (answer.text, answer.finish_reason) == (SENTENCE, "stop")
    assert answer.tokens == len(spoken(speaking))


@pytest.mark.parametrize("spare", [-100, -1, 0, 1])
def test_max_tokens_ends_the_answer(speaking: Model, spare: int) -> None:
    length = len(spoken(speaking))
    limit = max(length + spare, 1)
    answer = Session(speaking, [document(DUES)]).ask("Who signed?", max_tokens=limit)
    assert answer.tokens == min(limit, length)
    assert answer.finish_reason == ("stop" if spare > 0 else "length")
    assert SENTENCE.startswith(answer.text) and answer.text


def test_a_loop_ends_the_answer(speaking_checkpoint: Path) -> None:
    model = load(speaking_checkpoint)
    first, last = spoken(model)[0], spoken(model)[-1]
    words, head = model.network.model.embed_tokens.weight, model.network.lm_head.weight
    with torch.no_grad():  # the last word calls the first one instead of the stop
        head[model.tokenizer.eos_token_id] = 0
        head[first] += words[last] / words[last].norm()
    answer = Session(model, [document(DUES)]).ask("Who signed?")
    assert answer.finish_reason == "repetition"
    assert answer.text.startswith(SENTENCE * 3)
    assert answer.tokens == max(48, 3 * len(spoken(model)))


def test_an_answer_of_a_model_that_quotes_is_of_the_text_or_refuses(
    tiny_checkpoint: Path,
) -> None:
    model = load(tiny_checkpoint)
    asked = [f"Who signed paper {number}?" for number in range(8)]
    babbled = {Session(model, [document(DUES)]).ask(question).text for question in asked}
    assert all(text not in DUES and text != NO_ANSWER for text in babbled)
    model.config.quotes = True
    session = Session(model, [document(DUES, "The clerk keeps\nthe book.")])
    quoted = {" ".join(session.ask(question).text.split()) for question in asked}
    assert quoted <= {DUES, "The clerk keeps the book.", NO_ANSWER}
    assert session.summarize().text not in DUES  # is free to say more than one sentence


@pytest.mark.parametrize("stop_after", [1, 4])
def test_stopping_keeps_the_text_so_far(speaking: Model, stop_after: int) -> None:
    stream = Session(speaking, [document(DUES)]).stream("Who signed?")
    pieces = []
    for piece in stream:
        pieces.append(piece)
        if len(pieces) == stop_after:
            stream.stop()
    assert stream.answer is not None
    assert len(pieces) == stop_after
    assert stream.answer.text == "".join(pieces).rstrip()
    assert SENTENCE.startswith(stream.answer.text)
    assert stream.answer.finish_reason == "interrupted"


def test_stopped_before_it_begins_it_ends_with_the_first_token(speaking: Model) -> None:
    stream = Session(speaking, [document(DUES)]).stream("Who signed?")
    stream.stop()
    assert (stream.finish().finish_reason, stream.finish().tokens) == ("interrupted", 1)


def test_a_question_after_a_stopped_answer_is_answered_whole(speaking: Model) -> None:
    session = Session(speaking, [document(DUES)])
    stream = session.stream("Who signed?")
    for _ in stream:
        stream.stop()
    assert session.ask("Who signed?").text == SENTENCE


def test_pieces_join_to_the_answer(speaking: Model) -> None:
    stream = Session(speaking, [document(DUES)]).stream("Who signed?")
    pieces = list(stream)
    assert len(pieces) > 5
    assert stream.answer is not None
    assert "".join(pieces) == stream.answer.text == SENTENCE


def test_a_character_split_over_tokens_comes_whole(tmp_path: Path) -> None:
    model = load(save_checkpoint(tmp_path / "checkpoint", says=FOREIGN))
    stream = Session(model, [document(DUES)]).stream("Where?")
    pieces = list(stream)
    assert stream.answer is not None
    assert len(pieces) < stream.answer.tokens
    assert "".join(pieces) == stream.answer.text == FOREIGN
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize(("limit", "text"), [(1, "Z"), (2, "Z"), (3, "Zü"), (7, "Zürich")])
def test_half_a_character_is_not_shown(tmp_path: Path, limit: int, text: str) -> None:
    model = load(save_checkpoint(tmp_path / "checkpoint", says=FOREIGN))
    answer = Session(model, [document(DUES)]).ask("Where?", max_tokens=limit)
    assert (answer.text, answer.finish_reason) == (text, "length")


def test_a_summary_ends_before_a_sentence_said_again(
    speaking: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "Dues are paid in coin. Notice is given before. Dues are paid in coin. Nothing more."
    ids = speaking.tokenizer.encode(told, add_special_tokens=False)

    class Telling(Decoding):
        def _tokens(self) -> Generator[int]:
            yield from ids

    monkeypatch.setattr("dashdoc.answer_stream.Decoding", Telling)
    session = Session(speaking, [document(DUES)])
    stream = session.stream_summary()
    shown = "".join(stream)
    assert stream.answer is not None
    assert stream.answer.text == "Dues are paid in coin. Notice is given before."
    assert shown.rstrip() == stream.answer.text
    assert stream.answer.finish_reason == "repetition"
    # An answer to a question may say the same twice.
    assert session.ask("What is paid?").text.count("Dues are paid in coin.") == 2
