"""What the model is asked, in one place.

The document comes first and the question after it, so that one reading serves many questions.
Document text is data: it is encoded with special tokens off, so control strings stay plain text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dashdoc.documents import Document

ASK = (
    "Answer with the sentence of the text above that says it, word for word; "
    "if none does, say so.\nQuestion: {question}"
)
# How the bundled model says so.
NO_ANSWER = "The text above does not say."
SUMMARIZE = "Summarize the text above in a few sentences."

_SENTINEL = "\u241ecut here\u241e"


@dataclass(frozen=True)
class Segment:
    """A run of text in the reading, and the page it came from; markers belong to their page.

    `marker` is what stands in front of the page's own text.
    """

    text: str
    document: int
    page: int
    marker: str = ""


def segments(documents: Sequence[Document]) -> list[Segment]:
    """The documents as the model reads them: pages behind `[Page N]`, several documents named."""
    parts: list[Segment] = []
    for index, document in enumerate(documents):
        title = f"[Document: {document.name}]\n\n" if len(documents) > 1 else ""
        for page in document.pages:
            marker = title + (f"[Page {page.number}]\n" if document.paged else "")
            text = f"{marker}{page.text.strip()}\n\n"
            parts.append(Segment(text, index, page.number, marker))
            title = ""
    return parts


class ChatFrame:
    """The token ids around the content of one user turn, from the tokenizer's own template."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        rendered = tokenizer.apply_chat_template(
            [{"role": "user", "content": _SENTINEL}], tokenize=False, add_generation_prompt=True
        )
        before, after = rendered.split(_SENTINEL)
        self.opening = self._encode(before)
        self.closing = self._encode(after)

    @cached_property
    def between(self) -> list[int]:
        """Ids between an answer and the next question: its stop token, a new user turn."""
        turns = [{"role": role, "content": _SENTINEL} for role in ("user", "assistant", "user")]
        rendered = self._tokenizer.apply_chat_template(turns, tokenize=False)
        _, _, between, _ = rendered.split(_SENTINEL)
        return self._encode(between)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def plain(self, text: str) -> list[int]:
        """Ids of text in which control strings stay plain text."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)[
            "input_ids"
        ]
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids that `plain` gave."""
        text: str = self._tokenizer.decode(ids)
        return text

    def request(self, instruction: str) -> list[int]:
        """Ids that follow the document: the instruction and the start of the answer."""
        return self.plain(instruction) + self.closing
