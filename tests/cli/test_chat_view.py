"""What a chat shows beside its answers, on every terminal."""

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from dashdoc.cli.chat_commands import COMMANDS
from dashdoc.cli.chat_view import help_view, markdown, pages_view, reading_line
from dashdoc.documents import Document, Page
from dashdoc.measures import Answer, Citation, Reading, Routing

ROUTING = Routing(1, 64, 0.9, 0.9, None, [0.9], [[0.9]], [[0.9]], [0, 64])
PAGES = tuple(Page(number, "Dues are paid.") for number in range(1, 41))
PAPER = Document("a paper with a long name – für Müller.pdf", "pdf", PAGES, 40, True, "hash")
NOTES = Document("notes.txt", "text", (Page(1, "Dues."),), 1, False, "hash")


def answer(*citations: Citation) -> Answer:
    return Answer("Who?", "Dues are paid.", "stop", 9, 3, 0.1, 0.2, 30.0, 1, ROUTING, [*citations])


def drawn(view: RenderableType, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(view)
    return console.file.getvalue().splitlines()


def test_the_first_line_says_whether_the_document_was_read_or_restored() -> None:
    read = Reading(["a.pdf"], 40, 9000, 2.0, 4500.0, 1, ROUTING)
    line = "a.pdf: 40 pages, 9,000 tokens read in 2.0 s, sparsity 90.0%."
    assert reading_line(read, by_hand=False) == line
    restored = replace(read, restored_from="2026-01-01T12:00:00+00:00")
    first, second = reading_line(restored, by_hand=True).splitlines()
    assert "restored in 2.0 s" in first
    assert second == "/help lists the commands, Ctrl-D leaves."


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_views_fit_every_width(width: int) -> None:
    cited = answer(*(Citation("q", PAPER.name, page=page) for page in range(1, 41, 2)))
    rows = [(command.usage(name), command.help) for name, command in COMMANDS.items()]
    for view in (pages_view([PAPER, NOTES], [cited]), help_view(rows)):
        lines = drawn(view, width)
        assert max(map(len, lines)) <= width
    shown = "".join("".join(drawn(pages_view([PAPER, NOTES], [cited]), width)).split())
    assert "39" in shown and "notes.txt" in shown


def test_cited_pages_are_counted_once_and_in_order() -> None:
    answers = [
        answer(Citation("q", PAPER.name, page=7), Citation("q", NOTES.name, lines=(4, 6))),
        answer(Citation("q", PAPER.name, page=3, last_page=4), Citation("nowhere")),
        answer(Citation("q", PAPER.name, page=7), Citation("q", NOTES.name, lines=(1, 1))),
    ]
    _, paper, notes = drawn(pages_view([PAPER, NOTES], answers), 100)
    assert paper.split("40")[1].strip() == "3-4, 7"
    assert notes.split("-", 1)[1].strip() == "lines 1, 4-6"


def test_a_saved_chat_names_the_document_of_each_answer() -> None:
    saved = markdown([PAPER, NOTES], [answer(Citation("q", NOTES.name, lines=(4, 6)))])
    assert saved.startswith(f"# {PAPER.name}, notes.txt\n\n## Who?\n\nDues are paid. (notes.txt")
    assert saved.endswith("lines 4-6)\n")
