"""What a chat shows beside its answers, and how it is saved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dashdoc.cli.citations import places
from dashdoc.cli.figures import counted, percent, seconds
from dashdoc.measures import Answer, Reading

if TYPE_CHECKING:
    from dashdoc.documents import Document


def reading_line(reading: Reading, *, by_hand: bool) -> str:
    """What was read, and how to go on for those who type."""
    size = counted(reading.tokens, "token")
    if reading.pages:
        size = f"{counted(reading.pages, 'page')}, {size}"
    names, sparsity = ", ".join(reading.documents), percent(reading.routing.sparsity)
    done = "restored" if reading.restored_from else "read"
    said = f"{names}: {size} {done} in {seconds(reading.seconds)}, sparsity {sparsity}."
    return f"{said}\n/help lists the commands, Ctrl-D leaves." if by_hand else said


def answer_line(answer: Answer) -> str:
    """The figures of one answer."""
    first, sparsity = seconds(answer.first_token_seconds), percent(answer.routing.sparsity)
    written = f"{counted(answer.tokens, 'token')} in {seconds(answer.seconds)}"
    return f"{written}, first after {first}, sparsity {sparsity}"


def pages_view(documents: Sequence["Document"], answers: Sequence[Answer]) -> Table:
    """For each document, the pages or lines that answers have cited, of all that it has."""
    from dashdoc.documents.page_selection import compact

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("document", "pages", "cited so far"):
        table.add_column(heading, overflow="fold")
    citations = [citation for answer in answers for citation in answer.citations]
    for document in documents:
        here = [citation for citation in citations if citation.document == document.name]
        spans = [(c.page, c.last_page or c.page) for c in here if c.page is not None]
        spans += [citation.lines for citation in here if citation.lines]
        numbers = {number for first, last in spans for number in range(first, last + 1)}
        cited = compact(sorted(numbers)) or "-"
        if document.paged:
            read, total = len(document.pages), document.total_pages
            pages = f"{read:,}" if read == total else f"{read:,} of {total:,}"
            table.add_row(document.name, pages, cited)
        else:
            table.add_row(document.name, "-", f"lines {cited}" if numbers else cited)
    return table


def help_view(rows: Sequence[tuple[str, str]]) -> RenderableType:
    """The commands, and the keys."""
    grid = Table.grid(padding=(0, 2))
    for usage, meaning in rows:
        grid.add_row(Text(usage, "bold"), meaning)
    return Group(grid, Text("Ctrl-C ends an answer, Ctrl-D leaves.", "dim"))


def markdown(documents: Sequence["Document"], answers: Sequence[Answer]) -> str:
    """The questions as headings, the answers with their places below."""
    names = [document.name for document in documents]
    parts = [f"# {', '.join(names)}"]
    for answer in answers:
        cut = "" if answer.finish_reason == "stop" else f" ({answer.finish_reason})"
        parts += [f"## {answer.question}", f"{answer.text}{places(answer, names)}{cut}"]
    return "\n\n".join(parts) + "\n"
