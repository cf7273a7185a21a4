"""`dashdoc ask --sources`: what routing read, and the quotes that were checked."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from dashdoc.cli.citations import place, show_quotes
from dashdoc.cli.sources_view import sources_view
from dashdoc.cli.terminal import Terminal
from dashdoc.measures import Answer, Citation, Passage, Routing, Sources
from tests.cli.conftest import Call
from tests.conftest import SENTENCE

PASSAGES = [
    Passage("report.pdf", 12, "x", None, 0.5, "Harbour dues are paid in full " * 9),
    Passage("notes.txt", None, None, (3, 5), 0.25, "Nobody came."),
]
SOURCES = Sources(PASSAGES, [("report.pdf", 12)], [0.0] * 30 + [0.5, 0.25, 0.25] + [0.0] * 31)


def answer(*citations: Citation) -> Answer:
    routing = Routing(1, 16, 0.0, 0.0, None, [], [], [], [])
    return Answer("Who?", "", "stop", 1, 1, 0.1, 0.1, 1.0, 1, routing, list(citations))


def drawn(names: list[str], width: int, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace")
    console = Console(file=file, width=width)
    console.print(sources_view(SOURCES, names, 640, [("p. 1", 10), ("p. 12", 300)]))
    file.flush()
    return file.buffer.getvalue().decode(encoding).splitlines()


def test_the_answer_stays_alone_on_stdout(call: Call, report: Path) -> None:
    outcome = call("ask", report, "Who signed the treaty?", "--sources")
    assert outcome.out == f"{SENTENCE} (p. 3)\n"
    assert "read most" in outcome.err
    assert outcome.err.index("read most") < outcome.err.index("first token")


def test_nothing_is_shown_unasked_or_under_quiet(call: Call, report: Path) -> None:
    assert "read most" not in call("ask", report, "Who signed?").err
    assert call("ask", report, "Who signed?", "--sources", "--quiet").err == ""


def test_json_always_holds_them(call: Call, report: Path, notes: Path) -> None:
    found = call("ask", report, notes, "-q", "Who signed?", "--json").json
    passages = found["sources"]["passages"]
    assert passages and set(passages[0]) == {"document", "page", "label", "lines", "share", "text"}
    assert {passage["document"] for passage in passages} <= {"report.pdf", "notes.txt"}
    assert all(set(page) == {"document", "page"} for page in found["sources"]["pages"])
    assert len(found["sources"]["along"]) == 64
    assert found["coverage"] == 1
    assert found["citations"][0]["exact"] is True
    assert found["citations"][0]["last_page"] == 3
    tokens = [document["tokens"] for document in found["documents"]]
    assert 0 < found["tokens"]["document"] - sum(tokens) < 20  # the opening of the turn


def test_the_tokens_of_each_document_are_in_the_table(
    call: Call, report: Path, notes: Path
) -> None:
    lines = call("ask", report, notes, "-q", "Who signed?").err.splitlines()
    assert any(line.split()[:1] == ["report.pdf"] for line in lines)
    assert any(line.split()[:1] == ["notes.txt"] for line in lines)
    assert not any(
        line.split()[:1] == ["report.pdf"]
        for line in call("ask", report, "Who signed?").err.splitlines()
    )


@pytest.mark.parametrize("width", [40, 80, 140])
def test_the_view_keeps_to_the_width(width: int) -> None:
    lines = drawn(["report.pdf", "notes.txt"], width)
    assert all(len(line) <= width for line in lines)
    assert any("report.pdf p. 12" in line and "50.0%" in line for line in lines)
    assert any("notes.txt lines 3-5" in line for line in lines)


def test_of_one_document_the_name_goes_without_saying() -> None:
    assert not any("report.pdf" in line for line in drawn(["report.pdf"], 80))


def test_the_strip_is_highest_where_most_was_read() -> None:
    strip, axis = drawn(["report.pdf"], 80)[-2:]
    assert 30 / 64 * 80 - 1 <= strip.index("█") <= 31 / 64 * 80 + 1
    assert axis.lstrip().startswith("p. 1") and "p. 12" in axis


def test_without_blocks_the_strip_is_of_digits() -> None:
    assert "9" in drawn(["report.pdf"], 80, "ascii")[-2]


def test_each_of_several_quotes_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    there = Citation("Dues are paid.", "report.pdf", 3, None, None, 4, True)
    show_quotes(answer(there, Citation("It is not there.")), ["report.pdf"], Terminal())
    first, second = capsys.readouterr().err.splitlines()
    assert first.split() == ["✓", "p.", "3-4", "Dues", "are", "paid."]
    assert second.split("  ") == ["not found in the document", "It is not there."]


def test_one_quote_is_spoken_of_only_where_it_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_quotes(answer(Citation("Dues.", "report.pdf", 3)), ["report.pdf"], Terminal())
    assert capsys.readouterr().err == ""
    show_quotes(answer(Citation("Dues.")), ["report.pdf"], Terminal())
    assert "not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("citation", "written"),
    [
        (Citation("", "a", 3, None, None, 3), "p. 3"),
        (Citation("", "a", 3, None, None, 4), "p. 3-4"),
        (Citation("", "a", 3, "iii", None, 3), 'p. 3 "iii"'),
        (Citation("", "a", None, None, (4, 4)), "line 4"),
        (Citation("", "a", None, None, (4, 6)), "lines 4-6"),
        (PASSAGES[0], 'p. 12 "x"'),
    ],
)
def test_places_as_they_are_written(citation: Citation | Passage, written: str) -> None:
    assert place(citation) == written
