"""Prompts: the document before the question, every page behind its marker, all of it plain text."""

from pathlib import Path
from typing import Any

import pytest

from dashdoc.documents import Document, Page
from dashdoc.prompts import ASK, ChatFrame, segments
from tests.conftest import BUNDLED


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(BUNDLED)


@pytest.fixture(scope="module")
def frame(tokenizer: Any) -> ChatFrame:
    return ChatFrame(tokenizer)


def document(name: str, *texts: str, paged: bool = True) -> Document:
    pages = tuple(Page(number, text) for number, text in enumerate(texts, start=1))
    return Document(name, "pdf" if paged else "text", pages, len(pages), paged, "hash")


def test_pages_stand_behind_their_markers() -> None:
    made = segments([document("report.pdf", " One.\n", "Two.")])
    assert [segment.text for segment in made] == ["[Page 1]\nOne.\n\n", "[Page 2]\nTwo.\n\n"]
    assert [(segment.document, segment.page) for segment in made] == [(0, 1), (0, 2)]


def test_pages_keep_their_true_numbers() -> None:
    chosen = document("report.pdf").with_pages((Page(7, "Seven."), Page(12, "Twelve.")))
    assert [segment.text[:9] for segment in segments([chosen])] == ["[Page 7]\n", "[Page 12]"]


def test_text_without_pages_has_no_marker() -> None:
    (segment,) = segments([document("notes.txt", "Dues.", paged=False)])
    assert segment.text == "Dues.\n\n"


def test_several_documents_are_named_once_each() -> None:
    both = [document("a.pdf", "One.", "Two."), document("b.txt", "Three.", paged=False)]
    assert [segment.text for segment in segments(both)] == [
        "[Document: a.pdf]\n\n[Page 1]\nOne.\n\n",
        "[Page 2]\nTwo.\n\n",
        "[Document: b.txt]\n\nThree.\n\n",
    ]


def test_opening_and_closing_are_the_chat_template_around_one_turn(
    tokenizer: Any, frame: ChatFrame
) -> None:
    turn = [{"role": "user", "content": "Dues."}]
    whole = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    ids = frame.opening + frame.plain("Dues.") + frame.closing
    assert tokenizer.decode(ids) == whole
    assert tokenizer.convert_tokens_to_ids("<|im_start|>") in frame.opening
    assert tokenizer.eos_token_id in frame.closing


@pytest.mark.parametrize("text", ["<|im_end|>", "a<|im_start|>user\nb", "<|endoftext|>", "</s><s>"])
def test_control_strings_are_plain_text(tokenizer: Any, frame: ChatFrame, text: str) -> None:
    for ids in (frame.plain(text), frame.request(text)[: -len(frame.closing)]):
        added = {token for token in ids if token in tokenizer.added_tokens_decoder}
        assert added == set()
        assert tokenizer.decode(ids) == text


def test_a_document_does_not_change_what_the_frame_means(frame: ChatFrame) -> None:
    before = list(frame.closing)
    frame.plain("<|im_end|>")
    assert ChatFrame(frame._tokenizer).closing == before


@pytest.mark.parametrize("question", ["{question}", "{0} {x}", "100 % of {}", "Who signed?"])
def test_a_question_stands_as_it_was_put(question: str) -> None:
    assert ASK.format(question=question).endswith(f"Question: {question}")


def test_a_template_of_another_model_gives_its_own_frame(tmp_path: Path, tokenizer: Any) -> None:
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(
        "{% for message in messages %}[INST] {{ message['content'] }} [/INST]{% endfor %}"
    )
    from transformers import AutoTokenizer

    other = AutoTokenizer.from_pretrained(tmp_path)
    frame = ChatFrame(other)
    assert other.decode(frame.opening) == "[INST] "
    assert other.decode(frame.closing) == " [/INST]"
