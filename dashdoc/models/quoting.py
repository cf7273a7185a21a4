"""Answers that are quotations by construction: only what the text says next may come next.

A small model finds a sentence more often than it copies it without a slip. So of a model that
quotes each token is the most likely of those that go on with the text from where the answer stands,
and the answer begins and ends where sentences may; or it is what the model says if none answers.
Which sentence it begins with is looked at twice (`second_look.py`).
"""

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

# What a sentence may end with, its closing quotes and brackets included.
SENTENCE_ENDS = (".", "!", "?", ":", ";", "…", '"', "”", "’", "'", ")", "]")
# Where a sentence is over, as in the training: not behind what is short for something.
_OVER = re.compile(r"[.!?…][\"”’')\]]*$")
ABBREVIATION = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|Prof|Gen|Col|No|vs|etc|e\.g|i\.e|cf|Fig|[A-Z])\.$")
LONGEST_SENTENCE = 160  # tokens; the rest of a longer one is left out
# Tokens by which sentences are told apart.
OPENING = 8
Opening = tuple[int, ...]
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
        self.starts: list[int] = []  # places at which a quotation may begin, in the text's order
        self._line_ends: set[int] = set()
        last: int | None = None  # the last place that is no line end
        for page in pages:
            last = self._add_page(page, last)
        self.refusal: Opening = tuple(refusal[:OPENING])
        self.starts.append(self._add_chain(refusal, []))

    @cached_property
    def openings(self) -> dict[Opening, list[int]]:
        """The first tokens of every sentence and where such begin, in the order of the text."""
        found: dict[Opening, list[int]] = {}
        for start in self.starts:
            found.setdefault(tuple(self.sentence(start, OPENING)), []).append(start)
        return found

    def sentence(self, start: int, most: int = LONGEST_SENTENCE) -> list[int]:
        """Ids of the sentence that begins at a place, at most so many: as it would be quoted."""
        places = [start]
        while len(places) < most and not self._is_over(places):
            places.append(self.after[places[-1]][-1])  # over the end of a line as over a space
        return [self.ids[place] for place in places]

    def ends(self, place: int) -> bool:
        """Whether a quotation may end behind a place."""
        return place in self._line_ends or self._ends_sentence(place)

    def _is_over(self, places: Sequence[int]) -> bool:
        """Whether a sentence that has come over some places goes on no further."""
        last = places[-1]
        if last in self._line_ends or not self.after[last]:
            return True
        if not self._ends_sentence(last):
            return False
        then = self._name(self.ids[self.after[last][-1]])
        told = self._tokenizer.decode([self.ids[place] for place in places])
        goes_on = not then[0].isspace() or then.strip()[:1].islower()
        return bool(_OVER.search(told)) and not (goes_on or ABBREVIATION.search(told))

    def _add_page(self, page: Sequence[int], last: int | None) -> int | None:
        """Add a page behind the last place before it that is no line end; its own such place."""
        first = len(self.ids)
        self.ids += page
        self.after += [[place + 1] for place in range(first, len(self.ids))]
        gap = "\n"  # what stands between the last place and the next; pages run on as lines do
        lines: list[tuple[int, int | None, str]] = []
        begins: list[tuple[int, int]] = []  # where a quotation may begin: in the page, and as told
        for place, token in enumerate(page, first):
            name = self._name(token)
            if name.isspace() and (gap or "\n" in name):
                gap += name
                continue
            if gap:
                lines.append((place, last, gap))
            elif last is not None and self._ends_sentence(last) and name.startswith(" "):
                begins.append((place, place))
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
                begins.append((place, chain))
        self.starts += [start for _, start in sorted(begins)]
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
    """Chooses the tokens of one answer among those that quote; a `Choice`.

    Args:
        starts: places at which it may begin; the text's, if none are given.
    """

    def __init__(
        self, text: Quotable, stop_ids: frozenset[int], starts: Sequence[int] = ()
    ) -> None:
        self._text, self._stop_ids = text, stop_ids
        self._next = starts or text.starts
        self._may_end = False

    def __call__(self, logits: Tensor) -> int:
        ids = self._text.ids
        allowed = {ids[place] for place in self._next}
        if self._may_end or not self._next:  # a draft may go on behind the end
            allowed |= self._stop_ids
        among = torch.tensor(sorted(allowed), device=logits.device)
        token = int(among[logits[among].argmax()])
        here = [place for place in self._next if ids[place] == token]
        self._next = list(dict.fromkeys(n for place in here for n in self._text.after[place]))
        self._may_end = any(map(self._text.ends, here))
        return token
