"""Quotes are looked up in what was read: all that is told of an answer stays the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashdoc.conversation import Conversation
from dashdoc.documents import Document, read_document
from dashdoc.measures import Answer
from dashdoc.models import Model, load_model
from dashdoc.models.generation import Decoding
from dashdoc.session import Session

PDF = Path(__file__).resolve().parents[2] / "examples" / "state-department-homes.pdf"
QUESTIONS = (
    "When did Lee leave Philadelphia?",
    "Who was the architect of the Treasury Department Building?",
    "Where were the Six Buildings located?",
    "What does it say about aeroplanes?",
)


@pytest.fixture(scope="module")
def bundled() -> Model:
    return load_model("bundled")


@pytest.fixture(scope="module")
def document() -> Document:
    return replace(whole := read_document(str(PDF)), pages=whole.pages[2:6])


def answers(session: Session, how: str) -> list[Answer]:
    """To all questions, by themselves or each behind the earlier ones, and a summary."""
    if how == "chat":
        chat = Conversation(session)
        return [chat.stream(question, max_tokens=60).finish() for question in QUESTIONS]
    asked = [session.ask(question, max_tokens=60) for question in QUESTIONS]
    return [*asked, session.summarize(max_tokens=60)]


def one_at_a_time(*given: Any, context: list[int], **more: Any) -> Decoding:
    return Decoding(*given, **more)


@pytest.mark.parametrize("how", ["ask", "chat"])
def test_an_answer_is_what_it_is_token_by_token(
    bundled: Model, document: Document, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    session, passes = Session(bundled, [document]), 0
    session.read()

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    hook = bundled.network.register_forward_hook(count)
    found = answers(session, how)
    drafted, passes = passes, 0
    monkeypatch.setattr("dashdoc.answer_stream.Decoding", one_at_a_time)
    singly = answers(session, how)
    hook.remove()
    assert passes - drafted > sum(answer.tokens for answer in found) / 2
    for answer, expected in zip(found, singly, strict=True):
        for name in ("text", "finish_reason", "prompt_tokens", "tokens", "citations", "pages"):
            assert getattr(answer, name) == getattr(expected, name)
        assert answer.routing.tokens == expected.routing.tokens
        assert answer.routing.sparsity == pytest.approx(expected.routing.sparsity, abs=1e-4)
        if answer.sources is None or expected.sources is None:
            assert answer.sources is expected.sources
            continue
        assert answer.sources.pages == expected.sources.pages
        assert answer.sources.along == pytest.approx(expected.sources.along, abs=1e-4)
        for passage, other in zip(answer.sources.passages, expected.sources.passages, strict=True):
            assert passage == replace(other, share=pytest.approx(other.share, abs=1e-4))
