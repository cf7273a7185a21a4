"""Where the quotes of an answer stand, as it is written behind the answer."""

from collections.abc import Sequence

from dashdoc.cli.terminal import Terminal
from dashdoc.measures import Answer, Citation


def places(answer: Answer, documents: Sequence[str]) -> str:
    """` (p. 12)`, ` (lines 3-5)` or ` (name.pdf, p. 12)`; empty where no quote was found."""
    found: dict[str, list[str]] = {}
    for citation in answer.citations:
        if citation.document is not None:
            spots = found.setdefault(citation.document, [])
            if (spot := _spot(citation)) not in spots:
                spots.append(spot)
    if not found:
        return ""
    if len(documents) == 1:
        return f" ({', '.join(*found.values())})"
    return f" ({'; '.join(', '.join([name, *spots]) for name, spots in found.items())})"


def note_missing(answer: Answer, terminal: Terminal) -> None:
    """Say which quotes the documents do not hold."""
    missing = [citation.quote for citation in answer.citations if citation.document is None]
    if missing and len(answer.citations) == 1:
        terminal.note(
            "The answer was not found word for word in the document, so no page is given."
        )
    else:
        for quote in missing:
            terminal.note(f'This quote was not found in the document: "{quote}"')


def _spot(citation: Citation) -> str:
    if citation.page is not None:
        printed = f' "{citation.label}"' if citation.label else ""
        return f"p. {citation.page}{printed}"
    if citation.lines is None:
        return ""
    first, last = citation.lines
    return f"line {first}" if first == last else f"lines {first}-{last}"
