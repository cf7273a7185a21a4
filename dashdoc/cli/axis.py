"""The line under a strip that runs along a document: pages, or tokens where there are none."""

from collections.abc import Sequence


def axis(width: int, first: int, last: int, marks: Sequence[tuple[str, int]]) -> str:
    """Tokens `first` to `last` over `width` cells; `marks` are names with their first token.

    As many marks as fit are written, in their order.
    """
    if marks:
        places = [(int((start - first) / (last - first) * width), name) for name, start in marks]
    else:
        fifths = [first + (last - first) * part // 5 for part in range(5)]
        places = [
            (part * width // 5, f"{token:,}" if part else "token 0")
            for part, token in enumerate(fifths)
        ]
    line = ""
    gap = 0 if len(places) < 2 else max(10, width // 6)
    after = 0
    for place, name in places:
        if place >= after and place + len(name) <= width:
            line = line.ljust(place) + name
            after = max(place + gap, len(line) + 2)
    return line
