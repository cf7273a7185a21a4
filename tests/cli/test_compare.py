"""`dashdoc compare`: two answers beside each other, what each took, and how far they agree."""

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dashdoc.citations import CitationFinder
from dashdoc.cli import run
from dashdoc.cli.compare_view import Run, compare_view
from dashdoc.measures import Answer, Citation, Reading, Routing
from dashdoc.prompts import NO_ANSWER
from tests.cli.conftest import Call
from tests.cli.test_processes import read_all
from tests.conftest import SENTENCE

Start = Callable[..., "subprocess.Popen[str]"]
ROUTING = Routing(4096, 16, 0.75, 0.7, None, [0.7, 0.8], [], [], [])
READING = Reading(["report.pdf"], 4, 4096, 2.0, 2048.0, 1 << 30, ROUTING)
QUESTION = "Who signed the treaty?"


def answer(text: str, page: int | None) -> Answer:
    citation = Citation(text, "report.pdf" if page else None, page=page)
    return Answer(QUESTION, text, "stop", 4100, 11, 0.1, 0.6, 20.0, 1 << 30, ROUTING, [citation])


@pytest.fixture
def runs() -> list[Run]:
    """DashAttention finds the sentence in half the time; full attention says something else."""
    everything = replace(ROUTING, sparsity=0.0)
    other = replace(answer("Otto paid " + 30 * "and paid " + "it.", None), routing=everything)
    return [
        Run("dash", READING, [answer(SENTENCE, 3)]),
        Run("full", replace(READING, seconds=4.0, routing=everything), [other]),
    ]


def drawn(runs: list[Run], width: int, *, verbosity: int = 0) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(compare_view(runs, [QUESTION], "a model", verbosity))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 90, 100, 140, 200])
def test_the_view_fits_every_width(runs: list[Run], width: int) -> None:
    lines = drawn(runs, width).splitlines()
    assert max(map(len, lines)) <= width
    headings = [line for line in lines if "DashAttention" in line]
    assert ("full attention" in headings[0]) == (width >= 90)


@pytest.mark.parametrize("width", [60, 140])
def test_it_says_what_was_answered_what_it_took_and_how_far_it_agrees(
    runs: list[Run], width: int
) -> None:
    words = " ".join(drawn(runs, width).split())
    for said in ("p. 3", "not found in the document", "2.0 s", "4.0 s", "0.60 s", "20 tokens/s"):
        assert said in words
    assert "75.0% reading, 75.0% answering" in words and "0.0% reading" in words
    assert "The answers differ" in words
    assert "Reading took 0.50 times as long, a token of an answer 1.00 times" in words


def test_the_same_answer_is_said_to_be_the_same(runs: list[Run]) -> None:
    dash, full = runs
    view = drawn([dash, replace(full, answers=dash.answers)], 100)
    assert "The answers are the same, word for word." in view


@pytest.mark.parametrize(
    ("text", "shown"), [("\n \n", "blank lines only"), (NO_ANSWER, "does not say")]
)
def test_an_answer_that_quotes_nothing_is_looked_up_nowhere(
    runs: list[Run], text: str, shown: str
) -> None:
    dash, full = runs
    told = replace(answer(text, None), citations=CitationFinder([]).cite(text))
    view = drawn([dash, replace(full, answers=[told])], 100)
    assert shown in view and "not found in the document" not in view


def test_verbose_shows_each_layer(runs: list[Run]) -> None:
    assert "each layer while answering" in drawn(runs, 100, verbosity=1)


def test_an_answer_cannot_steer_the_terminal(runs: list[Run]) -> None:
    dash, full = runs
    hostile = replace(full, answers=[replace(full.answers[0], text="\x1b[2Jgone")])
    assert "\x1b" not in drawn([dash, hostile], 100)


def test_the_bundled_model_answers_twice_over_one_parsing(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    options = ("--model", "bundled", "--device", "cpu", "--pages", "3")
    assert run(["compare", str(report), QUESTION, *options]) == 0
    captured = capsys.readouterr()
    assert QUESTION in captured.out
    assert "DashAttention" in captured.out and "full attention" in captured.out
    assert captured.err.count("Parsing") == captured.err.count("Loading") == 1
    assert captured.err.count("Reading with") == captured.err.count("Answering with") == 2


def test_json_has_both_sides_and_their_agreement(call: Call, report: Path) -> None:
    found = call("compare", report, QUESTION, "--json").json
    assert found["question"] == QUESTION
    assert found["agreement"] == {"same_words": True, "shared_words": 1.0, "same_places": True}
    for attention in ("dash", "full"):
        side = found[attention]
        assert side["answer"] == SENTENCE
        assert side["pages"] == [3]
        assert side["latency"]["reading_seconds"] > 0
        assert side["latency"]["answering_tokens_per_second"] > 0
    for while_ in ("reading", "answering"):
        sparse, full = (found[side]["sparsity"][while_]["sparsity"] for side in ("dash", "full"))
        assert 0 == full < sparse < 1
    assert found["memory"]["peak_bytes"] > 0
    assert found["model"]["routing"]["scaling_factor"] == 1
    assert found["documents"][0]["total_pages"] == 4


def test_json_of_several_questions_is_a_list(call: Call, report: Path, notes: Path) -> None:
    found = call("compare", report, notes, "-q", "Who?", "-q", "Where?", "--json").json
    assert [compared["question"] for compared in found["comparisons"]] == ["Who?", "Where?"]
    assert len(found["documents"]) == 2


def test_an_answer_that_is_cut_says_so(call: Call, report: Path) -> None:
    out = call("compare", report, QUESTION, "--max-tokens", "3").out
    assert out.count("cut at --max-tokens") == 2


def test_a_pipe_gets_the_view_without_colours(call: Call, report: Path) -> None:
    outcome = call("compare", report, QUESTION, "--quiet")
    assert outcome.err == ""
    assert "\x1b" not in outcome.out
    assert outcome.out.count(SENTENCE.split()[0]) >= 2
    assert all(line == line.rstrip() for line in outcome.out.splitlines())


@pytest.mark.parametrize(("columns", "stacked"), [(60, True), (120, False)])
def test_a_terminal_gets_the_view_that_fits_it(
    start: Start, environment: dict[str, str], notes: Path, columns: int, stacked: bool
) -> None:
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, columns, 0, 0))
    env = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8", "NO_COLOR": "1"}
    options = ("--quiet", "--max-tokens", "4")
    process = start("compare", notes, "Who?", *options, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", read_all(mine)).splitlines()
    assert process.wait(60) == 0
    assert max(map(len, lines)) <= columns
    (heading, *_) = (line for line in lines if "DashAttention" in line)
    assert ("full attention" not in heading) == stacked


def test_routing_options_reach_one_side_only(call: Call, report: Path) -> None:
    found = call("compare", report, QUESTION, "--json", "--scale", "8", "--chunk-size", "32").json
    assert found["model"]["routing"]["scaling_factor"] == 8
    assert found["dash"]["sparsity"]["reading"]["sparsity"] > 0.4
    assert found["full"]["sparsity"]["reading"]["sparsity"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "dashdoc compare DOCUMENT"),
        (("REPORT",), 2, "dashdoc compare REPORT -q"),
        (("REPORT", "NOTES", "Who?"), 2, "-q"),
        (("REPORT", " "), 2, "empty"),
        (("REPORT", "Who?", "--pages", "4-2"), 2, "--pages"),
        (("REPORT", "Who?", "--scale", "0"), 2, "--scale"),
        (("nowhere.pdf", "Who?"), 3, "nowhere.pdf"),
        (("REPORT", "Who?", "--device", "tpu"), 6, "tpu"),
        (("REPORT", "Who?", "--model", "no/such/../model"), 7, "--model"),
    ],
    ids=str,
)
def test_bad_input_ends_as_it_does_with_ask(
    call: Call, report: Path, notes: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    files = {"REPORT": str(report), "NOTES": str(notes)}
    outcome = call("compare", *(files.get(argument, argument) for argument in arguments))
    assert (outcome.code, outcome.out) == (code, "")
    assert said.replace("REPORT", str(report)) in outcome.err


def test_what_does_not_fit_is_refused_with_the_numbers(
    call: Call, report: Path, short_memory: None
) -> None:
    outcome = call("compare", report, QUESTION, "--json")
    assert outcome.code == 5
    assert outcome.json["error"]["tokens"] > outcome.json["error"]["limit"]


def test_what_is_left_out_is_left_out_for_both(
    call: Call, report: Path, short_memory: None
) -> None:
    found = call("compare", report, QUESTION, "--truncate", "tail", "--json").json
    assert found["truncation"]["cut"] == "tail"
    assert found["dash"]["tokens"]["document"] == found["full"]["tokens"]["document"]


def test_an_interrupted_answer_is_kept_and_ends_the_comparison(start: Start, notes: Path) -> None:
    process = start("compare", notes, "Go on and on", "--max-tokens", "100000", "--json")
    assert process.stderr is not None
    while "Answering" not in process.stderr.readline():
        pass
    # The stream is stopped before or after its first token, and never lost.
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    found = json.loads(out)
    assert found["dash"]["finish_reason"] == "interrupted"
    assert "full" not in found and found["agreement"] is None
