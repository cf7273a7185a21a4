"""One session under two attentions."""

from pathlib import Path

import pytest
import torch

from dashdoc.comparison import Comparison
from dashdoc.documents import Document, Page
from dashdoc.errors import UsageError
from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.dense import with_full_attention
from dashdoc.session import Session

TEXT = "Dues are paid to the port authority, in coin, before notice is given. " * 40


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> Model:
    return load_model(choose_model(str(tiny_checkpoint), device="cpu"))


def document() -> Document:
    return Document("report.pdf", "pdf", (Page(1, TEXT),), 1, True, "hash")


def test_both_read_the_same_tokens_and_full_attention_all_of_them(model: Model) -> None:
    comparison = Comparison(Session(model, [document()]))
    readings = {}
    for attention in ("dash", "full"):
        with comparison.attending(attention) as session:
            readings[attention] = session.read()
    assert readings["dash"].tokens == readings["full"].tokens
    assert readings["dash"].routing.sparsity > 0 == readings["full"].routing.sparsity


def test_each_answers_as_it_would_alone(model: Model) -> None:
    comparison = Comparison(Session(model, [document()]))
    for attention, alone in (("full", with_full_attention(model)), ("dash", model)):
        with comparison.attending(attention) as session:
            session.read()
            answer = session.ask("Who pays?", max_tokens=8)
        assert answer.text == Session(alone, [document()]).ask("Who pays?", max_tokens=8).text


def test_afterwards_the_session_has_its_own_model(model: Model) -> None:
    session = Session(model, [document()])
    with pytest.raises(KeyboardInterrupt), Comparison(session).attending("full"):
        raise KeyboardInterrupt
    assert session.model is model


def test_a_model_that_reads_everything_has_nothing_to_compare_with(model: Model) -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        Comparison(Session(with_full_attention(model), [document()]))


def test_no_clock_sees_the_first_use(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    words = model.network.model.embed_tokens
    hook = words.register_forward_pre_hook(lambda _, ids: lengths.append(ids[0].shape[1]))
    comparison = Comparison(Session(model, [document()]))
    with comparison.attending("dash"):
        assert lengths == [min(model.prefill_piece, comparison._session.tokens), 1]
    hook.remove()
    assert torch.is_inference_mode_enabled() is False
