"""Answers that are quotations by construction: only what the text says next may come next.

A small model finds a sentence more often than it copies it without a slip. So of a model that
quotes each token is the most likely of those that go on with the text from where the answer stands,
and the answer begins and ends where sentences may; or it is what the model says if none answers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

# What a sentence may end with, its closing quotes and brackets included.
SENTENCE_ENDS = (".", "!", "?", ":", ";", "…", '"', "”", "’", "'", ")", "]")
# Chooses the next token from logits [vocabulary]; called for each token of an answer, in order.
Choice = Callable[[Tensor], int]


def most_likely(logits: Tensor) -> int:
    """Greedy decoding."""
    return int(logits.argmax(-1))


class Quotable:
    """The tokens of a text and how a quotation may go on after each.

    A quotation's first word has a space before it, as in the middle of a line; it runs over the end
    of a line or a page as over a space. It may begin and end there too, unless the next line goes
    on in lower case.

    Args:
        pages: ids of each page's own text.
        refusal: ids of the sentence that is said if none answers, a space before it.
        tokenizer: of the model; byte-level.
    """

    def __init__(
        self, pages: Sequence[Sequence[int]], refusal: Sequence[int], tokenizer: Any
    ) -> None:
        self._tokenizer = tokenizer
        self._names: dict[int, str] = {}
        self.ids: list[int] = []
        self.after: list[list[int]] = []  # the places that may follow each
        self.starts: list[int] = []  # places at which a quotation may begin
        self._line_ends: set[int] = set()
        last: int | None = None  # the last place that is no line end
        for page in pages:
            last = self._add_page(page, last)
        self.starts.append(self._add_chain(refusal, []))

    def ends(self, place: int) -> bool:
        """Whether a quotation may end behind a place."""
        return place in self._line_ends or self._ends_sentence(place)

    def _add_page(self, page: Sequence[int], last: int | None) -> int | None:
        """Add a page behind the last place before it that is no line end; its own such place."""
        first = len(self.ids)
        self.ids += page
        self.after += [[place + 1] for place in range(first, len(self.ids))]
        gap = "\n"  # what stands between the last place and the next; pages run on as lines do
        lines: list[tuple[int, int | None, str]] = []
        for place, token in enumerate(page, first):
            name = self._name(token)
            if name.isspace() and (gap or "\n" in name):
                gap += name
                continue
            if gap:
                lines.append((place, last, gap))
            elif last is not None and self._ends_sentence(last) and name.startswith(" "):
                self.starts.append(place)
            last, gap = place, ""
        if last is not None and last >= first:
            self.after[last] = []
            self._line_ends.add(last)
        for place, before, gap in lines:
            if before is not None:
                end = not self._goes_on(before, gap, place)
                (self._line_ends.add if end else self._line_ends.discard)(before)
        for place, before, _ in lines:
            chain = self._first_word(place)
            if before is not None:
                self.after[before].append(chain)
            if before is None or before in self._line_ends:
                self.starts.append(chain)
        return last

    def _goes_on(self, last: int, gap: str, place: int) -> bool:
        """Whether a line, or a page, ends within a sentence: the next begins in lower case."""
        small = self._name(self.ids[place]).lstrip()[:1].islower()
        return small and gap.count("\n") == 1 and not self._ends_sentence(last)

    def _ends_sentence(self, place: int) -> bool:
        return self._name(self.ids[place]).endswith(SENTENCE_ENDS)

    def _first_word(self, place: int) -> int:
        """Add the first word of a line with a space before it; where it begins."""
        last = place
        while (
            self.after[last][:1] == [last + 1] and not self._name(self.ids[last + 1])[0].isspace()
        ):
            last += 1
        word = self._tokenizer.decode(self.ids[place : last + 1]).strip()
        told = self._tokenizer(" " + word, add_special_tokens=False)["input_ids"]
        chain = self._add_chain(told, self.after[last])
        if last in self._line_ends:
            self._line_ends.add(len(self.ids) - 1)
        return chain

    def _add_chain(self, ids: Sequence[int], then: list[int]) -> int:
        """Add tokens that stand nowhere in the text, and where they lead; where they begin."""
        first = len(self.ids)
        self.ids += ids
        self.after += [[place + 1] for place in range(first, len(self.ids))]
        self.after[-1] = then
        return first

    def _name(self, token: int) -> str:
        if token not in self._names:
            self._names[token] = self._tokenizer.decode([token])
        return self._names[token]


class Quotation:
    """Chooses the tokens of one answer among those that quote; a `Choice`."""

    def __init__(self, text: Quotable, stop_ids: frozenset[int]) -> None:
        self._text, self._stop_ids = text, stop_ids
        self._next = text.starts
        self._may_end = False

    def __call__(self, logits: Tensor) -> int:
        ids = self._text.ids
        allowed = {ids[place] for place in self._next}
        if self._may_end:
            allowed |= self._stop_ids
        among = torch.tensor(sorted(allowed), device=logits.device)
        token = int(among[logits[among].argmax()])
        here = [place for place in self._next if ids[place] == token]
        self._next = list(dict.fromkeys(n for place in here for n in self._text.after[place]))
        self._may_end = any(map(self._text.ends, here))
        return token
