"""Where the quotes of an answer stand, as it is written behind the answer and below it."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from dashdoc.cli.colors import GOOD, WARNING
from dashdoc.cli.terminal import Terminal
from dashdoc.measures import Answer, Citation, Passage

MISSING = "not found in the document"


def places(answer: Answer, documents: Sequence[str], check: str = "") -> str:
    """` (p. 12)`, ` (lines 3-5)` or ` (name.pdf p. 12)`; empty where no quote was found.

    `check` is put behind an answer whose every quote was found.
    """
    found: dict[str, list[str]] = {}
    for citation in answer.citations:
        if citation.document is not None:
            spots = found.setdefault(citation.document, [])
            if (spot := place(citation)) not in spots:
                spots.append(spot)
    if not found:
        return ""
    named = [
        f"{name} {', '.join(spots)}" if len(documents) > 1 else ", ".join(spots)
        for name, spots in found.items()
    ]
    checked = all(citation.document is not None for citation in answer.citations)
    return f" ({'; '.join(named)}{f' {check}' if check and checked else ''})"


def place(found: Citation | Passage) -> str:
    """`p. 12`, `p. 12-13`, `p. 12 "x"` or `lines 3-5`."""
    if found.page is not None:
        last = found.last_page if isinstance(found, Citation) else None
        span = f"-{last}" if last not in (None, found.page) else ""
        printed = f' "{found.label}"' if found.label else ""
        return f"p. {found.page}{span}{printed}"
    if found.lines is None:
        return ""
    first, last = found.lines
    return f"line {first}" if first == last else f"lines {first}-{last}"


def named_place(found: Citation | Passage, documents: Sequence[str]) -> str:
    """The place, with the document's name where there are several."""
    return f"{found.document} {place(found)}" if len(documents) > 1 else place(found)


def show_quotes(answer: Answer, documents: Sequence[str], terminal: Terminal) -> None:
    """Say of each quote where it was found, and of one alone only if it was not."""
    if len(answer.citations) > 1:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        check = "✓ " if terminal.stderr.encoding.startswith("utf") else ""
        for citation in answer.citations:
            if citation.document is None:
                said = Text(MISSING, WARNING)
            else:
                said = Text.assemble((check, GOOD), named_place(citation, documents))
            table.add_row(said, Text(" ".join(citation.quote.split()), "dim"))
        terminal.show(table)
    elif answer.citations and answer.citations[0].document is None:
        terminal.note(f"The answer was {MISSING} word for word, so no page is given.")
