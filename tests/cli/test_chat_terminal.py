"""`dashdoc chat` in a process of its own: the prompt, its keys, signals, and pipes."""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

Start = Callable[..., "subprocess.Popen[str]"]
PROMPT = "> "
UP, CTRL_A, CTRL_C, CTRL_D = "\x1b[A", "\x01", "\x03", "\x04"


class TerminalChat:
    """A chat in a terminal of its own: type, and wait for what shows."""

    def __init__(self, start: Start, *arguments: str | Path, **options: object) -> None:
        self._mine, theirs = pty.openpty()
        ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs, **options}
        self.process = start(
            "chat",
            *arguments,
            **ends,
            start_new_session=True,
            # Its own terminal: that is where the signals of the keys come from.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self._mine, text.encode())

    def until(self, text: str, *, pressing: str = "") -> str:
        """What shows up to `text`; a key can be pressed every second until then."""
        seen, end = "", monotonic() + 60
        while not seen.endswith(text):
            assert monotonic() < end, f"no {text!r} in {seen!r}"
            ready, _, _ = select.select([self._mine], [], [], 1)
            if ready:
                seen += os.read(self._mine, 1).decode("latin-1")
            else:
                self.type(pressing)
        return seen

    def code(self) -> int:
        return self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._mine)


@pytest.fixture
def terminal_chat(
    start: Start, environment: dict[str, str], notes: Path
) -> Iterator[Callable[..., TerminalChat]]:
    """Start chats about the notes; the model babbles without end."""
    chats: list[TerminalChat] = []
    env = {**environment, "TERM": "xterm", "LANG": "C.UTF-8"}

    def start_chat(*arguments: str, **options: object) -> TerminalChat:
        chats.append(TerminalChat(start, notes, *arguments, **{"env": env, **options}))
        return chats[-1]

    yield start_chat
    for chat in chats:
        chat.close()


def test_answers_come_at_the_prompt_and_ctrl_d_leaves(
    terminal_chat: Callable[..., TerminalChat],
) -> None:
    chat = terminal_chat("--max-tokens", "5")
    assert "Ctrl-D leaves" in chat.until(PROMPT)
    chat.type("Who?\n")
    assert "5 tokens in" in chat.until(PROMPT)
    chat.type(CTRL_D)
    assert chat.code() == 0


def test_ctrl_c_ends_an_answer_and_returns_to_the_prompt(
    terminal_chat: Callable[..., TerminalChat],
) -> None:
    chat = terminal_chat("--max-tokens", "100000")
    chat.until(PROMPT)
    for _ in range(2):
        chat.type("Go on and on\n")
        chat.until("Go on and on\r\n")
        chat.until(" ")  # the answer has begun
        chat.type(CTRL_C)
        assert "answer so far" in chat.until(PROMPT)
    chat.type("/pages\n")
    assert "notes.txt" in chat.until(PROMPT)
    chat.type(CTRL_D)
    assert chat.code() == 0


def test_ctrl_c_again_and_again_loses_no_chat(terminal_chat: Callable[..., TerminalChat]) -> None:
    chat = terminal_chat("--max-tokens", "100000")
    chat.until(PROMPT)
    for _ in range(3):
        chat.type("Go on and on\n")
        chat.until("Go on and on\r\n")
        chat.until(" ")
        for _ in range(20):
            chat.type(CTRL_C)
            sleep(0.005)
        chat.until(PROMPT)
    chat.type("\n/nonsense\n")
    chat.until("no command /nonsense")
    chat.until(PROMPT)
    chat.type(CTRL_D)
    assert chat.code() == 0


def test_ctrl_c_at_the_prompt_drops_the_line(
    terminal_chat: Callable[..., TerminalChat],
) -> None:
    chat = terminal_chat("--max-tokens", "5")
    chat.until(PROMPT)
    chat.type("/nonsense")
    chat.until("/nonsense")
    # Again and again: Python's readline misses an interrupt that comes while it echoes a key.
    chat.until("(Ctrl-D leaves)", pressing=CTRL_C)
    chat.type("/help\n")
    assert "no command" not in chat.until("/save FILE")
    chat.until(PROMPT)  # before it the terminal, not readline, takes the keys
    chat.type(CTRL_D)
    assert chat.code() == 0


def test_lines_are_edited_and_come_back(terminal_chat: Callable[..., TerminalChat]) -> None:
    pytest.importorskip("readline")
    chat = terminal_chat()
    chat.until(PROMPT)
    chat.type(f"nonsense{CTRL_A}/\n")
    assert "no command /nonsense" in chat.until(PROMPT)
    chat.type(f"{UP}!\n")
    assert "no command /nonsense!" in chat.until(PROMPT)


def test_an_error_at_the_prompt_does_not_count(
    terminal_chat: Callable[..., TerminalChat],
) -> None:
    chat = terminal_chat()
    chat.until(PROMPT)
    chat.type("/nonsense\n")
    chat.until(PROMPT)
    chat.type(CTRL_D)
    assert chat.code() == 0


def test_the_prompt_stays_out_of_a_file(
    terminal_chat: Callable[..., TerminalChat], tmp_path: Path
) -> None:
    with (tmp_path / "answers").open("wb") as answers:
        chat = terminal_chat("--max-tokens", "5", stdout=answers)
        chat.until(PROMPT)
        chat.type("Who?\n")
        chat.until(PROMPT)
        chat.type(CTRL_D)
        assert chat.code() == 0
    written = (tmp_path / "answers").read_text("utf-8")
    assert written.endswith("\n") and PROMPT not in written


def test_a_program_gets_each_answer_before_it_asks_again(start: Start, notes: Path) -> None:
    arguments = ("chat", notes, "--max-tokens", "5", "--jsonl", "--quiet")
    process = start(*arguments, stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    for question in ("Who?", "Where?"):
        process.stdin.write(f"{question}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["question"] == question
    process.stdin.close()
    assert process.wait(30) == 0


def test_an_interrupt_in_a_pipe_ends_with_the_answer_so_far(start: Start, notes: Path) -> None:
    arguments = ("chat", notes, "--max-tokens", "100000")
    process = start(*arguments, stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("Go on and on\nAnd on\n")
    process.stdin.flush()
    process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "answer so far" in err and "And on" not in err


def test_a_reader_that_leaves_ends_it_quietly(start: Start, notes: Path) -> None:
    process = start("chat", notes, "--quiet", "--max-tokens", "100000", stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdout.close()
    process.stdin.write("Go on and on\n")
    process.stdin.flush()
    assert process.wait(60) == 141
    assert process.stderr.read() == ""
