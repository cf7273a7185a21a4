"""What only a process of its own shows: signals, pipes, encodings, a terminal."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]
COLOR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


@pytest.fixture(scope="session")
def long_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.txt"
    path.write_text("Dues are paid to the port authority by either side.\n" * 4000, "utf-8")
    return path


def test_the_exit_code_reaches_the_shell(start: Start) -> None:
    process = start("text", "nowhere.pdf")
    assert process.wait(30) == 3


def test_the_first_interrupt_keeps_the_answer_so_far(start: Start, notes: Path) -> None:
    process = start("ask", notes, "Go on and on", "--max-tokens", "100000")
    assert process.stdout is not None
    first = process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (first + out).endswith("\n")
    assert "answer so far" in err
    assert "peak memory" in err
    assert "Traceback" not in err


def test_an_interrupt_while_reading_is_one_line(start: Start, long_text: Path) -> None:
    process = start("ask", long_text, "Who?")
    assert process.stderr is not None
    while "Reading" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "dashdoc: error: Interrupted."
    assert "Traceback" not in err


@pytest.mark.parametrize("buffering", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_reader_that_leaves_ends_it_quietly(
    start: Start, environment: dict[str, str], long_text: Path, buffering: str
) -> None:
    process = start("text", long_text, env={**environment, "PYTHONUNBUFFERED": buffering})
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == "dashdoc: Parsing " + str(long_text) + "\n"


def test_a_reader_that_leaves_ends_the_answer(start: Start, notes: Path) -> None:
    process = start("ask", notes, "Go on and on", "--max-tokens", "100000", "--quiet")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == ""


def test_a_terminal_that_is_not_utf8_gets_what_it_can_show(
    start: Start, environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "foreign.txt"
    path.write_text("Hafen 港 – fünf → sechs", encoding="utf-8")
    narrow = {**environment, "PYTHONIOENCODING": "cp1252"}
    process = start("text", path, env=narrow, encoding="cp1252")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Hafen ? – fünf ? sechs" in out


@pytest.mark.parametrize(
    ("extra", "options", "colored"),
    [({}, (), True), ({"NO_COLOR": "1"}, (), False), ({}, ("--color", "never"), False)],
    ids=["color", "NO_COLOR", "never"],
)
def test_a_terminal_gets_a_bar(
    start: Start,
    environment: dict[str, str],
    long_text: Path,
    extra: dict[str, str],
    options: tuple[str, ...],
    colored: bool,
) -> None:
    mine, theirs = pty.openpty()
    env = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8", **extra}
    process = start("text", long_text, *options, stderr=theirs, stdout=subprocess.DEVNULL, env=env)
    os.close(theirs)
    seen = read_all(mine)
    assert process.wait(30) == 0
    assert "Parsing" in seen
    assert "\x1b[?25l" in seen and "\x1b[?25h" in seen, "the cursor is hidden and shown again"
    assert bool(COLOR.search(seen)) == colored


def test_a_dumb_terminal_gets_lines(start: Start, environment: dict[str, str], notes: Path) -> None:
    mine, theirs = pty.openpty()
    env = {**environment, "TERM": "dumb"}
    process = start("text", notes, stderr=theirs, stdout=subprocess.DEVNULL, env=env)
    os.close(theirs)
    seen = read_all(mine)
    assert process.wait(30) == 0
    assert "\x1b" not in seen
    assert "Parsing" in seen


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("dashdoc")
    if not script.exists():
        pytest.skip("the package is not installed")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("dashdoc ")


def read_all(terminal: int) -> str:
    """What comes out of a terminal until its last writer is gone."""
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(terminal)
    return b"".join(pieces).decode("utf-8", "replace")
