"""From chunks that the routing read to passages of the documents, with their pages or lines."""

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from dashdoc.layout import PlacedText
from dashdoc.measures import Passage, Sources

# The strongest chunks make the passages, and so many passages are kept.
CHUNKS = 12
PASSAGES = 5
STRETCHES = 64
# Tokens looked at on either side of a passage, to start and end it between two words.
BESIDE = 8

Decode = Callable[[Sequence[int]], str]


def find_sources(
    weights: np.ndarray, chunk_size: int, texts: Sequence[PlacedText], decode: Decode
) -> Sources:
    """Map the weights [P] of chunks to the documents.

    The strongest chunks become passages: neighbours are joined, and parted where a page ends.
    """
    # The weight in front of any token, spread evenly within a chunk.
    reached = np.concatenate(([0.0], np.cumsum(weights)))
    borders = np.arange(len(reached)) * chunk_size

    def between(first: int, last: int) -> float:
        return float(np.diff(np.interp([first, last], borders, reached))[0])

    own = sum(between(text.start, text.end) for text in texts)
    if own <= 0:
        return Sources([], [], [0.0] * STRETCHES)
    found: list[tuple[float, PlacedText, int, int]] = []
    for first, last in _strongest(weights[: -(-texts[-1].end // chunk_size)]):
        for text in texts:
            a, b = max(first * chunk_size, text.start), min(last * chunk_size, text.end)
            if a < b:
                found.append((between(a, b) / own, text, a - text.start, b - text.start))
    found.sort(key=lambda passage: -passage[0])
    pages = {(text.document.name, text.page): None for _, text, _, _ in found if text.paged}
    edges = np.linspace(texts[0].start, texts[-1].end, STRETCHES + 1)
    along = np.diff(np.interp(edges, borders, reached)) / own
    return Sources(
        passages=[_passage(*passage, decode) for passage in found[:PASSAGES]],
        pages=list(pages),
        along=[round(float(share), 6) for share in along],
    )


def _strongest(weights: np.ndarray) -> list[tuple[int, int]]:
    """Runs of neighbours among the strongest chunks, each with its end behind the last one."""
    strongest = np.argsort(-weights, kind="stable")[:CHUNKS]
    chosen = np.sort(strongest[weights[strongest] > 0]).tolist()
    runs = groupby(enumerate(chosen), key=lambda pair: pair[1] - pair[0])
    members = [[chunk for _, chunk in run] for _, run in runs]
    return [(run[0], run[-1] + 1) for run in members]


def _passage(share: float, text: PlacedText, a: int, b: int, decode: Decode) -> Passage:
    """The passage of tokens `a` to `b` of a text, without a word cut in two at either end."""
    wide = decode(text.ids[max(a - BESIDE, 0) : b + BESIDE])
    start = len(decode(text.ids[max(a - BESIDE, 0) : a]))
    end = len(decode(text.ids[max(a - BESIDE, 0) : b]))
    if _inside_word(wide, start):
        start += _to_space(wide[start:end])
    if _inside_word(wide, end):
        end -= _to_space(wide[start:end][::-1])
    said = wide[start:end]
    lines = None
    if not text.paged:
        ahead = len(said) - len(said.lstrip("\n"))
        behind = len(said) - len(said.rstrip("\n"))
        lines = (text.line(a) + ahead, text.line(b) - behind)
    return Passage(
        document=text.document.name,
        page=text.page if text.paged else None,
        label=text.label,
        lines=lines,
        share=round(share, 6),
        text=" ".join(said.replace("\ufffd", "").split()),
    )


def _inside_word(text: str, position: int) -> bool:
    around = text[max(position - 1, 0) : position + 1]
    return len(around) == 2 and not any(character.isspace() for character in around)


def _to_space(text: str) -> int:
    """Characters before the first white space; none where the text is one word."""
    return next((place for place, character in enumerate(text) if character.isspace()), 0)
