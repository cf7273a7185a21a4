"""A command line to call, and documents to call it with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from dashdoc.cli import run
from tests.conftest import SENTENCE

FILLER = "Harbour dues are paid in full to the port authority before notice is given."


@dataclass(frozen=True)
class Outcome:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Outcome]


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], speaking_checkpoint: Path
) -> Call:
    """Run a command line in this process, with the model that says `SENTENCE`."""
    monkeypatch.setenv("DASHDOC_MODEL", str(speaking_checkpoint))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "DASHDOC_PDF_PASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str | Path) -> Outcome:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def environment(tiny_checkpoint: Path) -> dict[str, str]:
    """The environment of a command in a process of its own, with the model that babbles."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "DASHDOC_MODEL": str(tiny_checkpoint), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def start(environment: dict[str, str]) -> Callable[..., "subprocess.Popen[str]"]:
    """Start a command in a process of its own."""

    def start(*arguments: str | Path, **options: Any) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "dashdoc", *map(str, arguments)]
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "env": environment,
            "text": True,
            **options,
        }
        return subprocess.Popen(command, **options)

    return start


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF of four pages; the third says `SENTENCE`."""
    path = tmp_path_factory.mktemp("report") / "report.pdf"
    canvas = Canvas(str(path))
    for page in range(1, 5):
        lines = [f"{FILLER} {page}.{line}" for line in range(12)]
        if page == 3:
            lines[5] = SENTENCE
        for line, text in enumerate(lines):
            canvas.drawString(60, 760 - 16 * line, text)
        canvas.showPage()
    canvas.save()
    return path


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text; its fourth line says `SENTENCE`."""
    path = tmp_path_factory.mktemp("notes") / "notes.txt"
    lines = [f"{FILLER} {line}" for line in range(20)]
    lines[3] = SENTENCE
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose free memory holds 700 tokens of documents."""
    from dashdoc.session import MAX_TOKENS, QUESTION_TOKENS

    room = 700 + QUESTION_TOKENS + MAX_TOKENS
    monkeypatch.setattr("dashdoc.models.loading.largest_context", lambda *_: room)
