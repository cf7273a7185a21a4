"""Which tokens of a reading are a page's own text, and on which line of a text a token stands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashdoc.documents import Document
from dashdoc.prompts import ChatFrame, Segment


@dataclass(frozen=True)
class Gap:
    """Tokens that were left out in front of token `place` of a segment."""

    place: int
    ids: Sequence[int]


@dataclass(frozen=True)
class PlacedText:
    """The own text of one page, without its marker: tokens `start` to `end` of the reading.

    `first_line` is the line that its first token stands on.
    """

    document: Document
    page: int
    label: str | None
    start: int
    ids: Sequence[int]
    first_line: int
    gap: Gap
    frame: ChatFrame

    @property
    def end(self) -> int:
        return self.start + len(self.ids)

    @property
    def paged(self) -> bool:
        return self.document.paged

    def line(self, token: int) -> int:
        """The 1-based line on which a token of the text stands, in a text without pages."""
        left_out = self.gap.ids if token >= self.gap.place else ()
        before = self.first_line + _line_ends(self.ids[:token], self.frame)
        return before + _line_ends(left_out, self.frame)


def place_texts(
    documents: Sequence[Document],
    segments: Sequence[Segment],
    ids: Sequence[Sequence[int]],
    gaps: dict[int, Gap],
    frame: ChatFrame,
) -> list[PlacedText]:
    """The own texts of all segments, as far as they are in the reading.

    Args:
        ids: the tokens of each segment that are read; gaps: what each segment has lost.
    """
    found, offset = [], len(frame.opening)
    pages = [{page.number: page for page in document.pages} for document in documents]
    for index, (segment, read) in enumerate(zip(segments, ids, strict=True)):
        page = pages[segment.document][segment.page]
        gap = gaps.get(index, Gap(len(read), ()))
        marker = len(frame.plain(segment.marker))
        lost = min(max(marker - gap.place, 0), len(gap.ids))
        marker -= lost
        if marker < len(read):
            stripped = len(page.text) - len(page.text.lstrip())
            found.append(
                PlacedText(
                    document=documents[segment.document],
                    page=segment.page,
                    label=page.label,
                    start=offset + marker,
                    ids=read[marker:],
                    first_line=1 + page.text.count("\n", 0, stripped),
                    gap=Gap(max(gap.place - marker, 0), gap.ids[lost:]),
                    frame=frame,
                )
            )
        offset += len(read)
    return found


def _line_ends(ids: Sequence[int], frame: ChatFrame) -> int:
    """Line ends in the text of tokens; each kind of token is looked at once."""
    kinds, counts = np.unique(np.asarray(ids, np.int64), return_counts=True)
    ends = [frame.text([kind]).count("\n") for kind in kinds.tolist()]
    return int(np.dot(counts, ends)) if ends else 0
