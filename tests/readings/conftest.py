"""A model that reads, and a folder for what it has read."""

from pathlib import Path

import pytest

from dashdoc.models import Model
from dashdoc.readings import Readings
from dashdoc.session import Session
from tests.session.conftest import document, load, pages

QUESTION = "Where was it?"


@pytest.fixture(scope="module")
def babbling(tiny_checkpoint: Path) -> Model:
    """Random weights: every token of the reading moves the answer."""
    return load(tiny_checkpoint)


@pytest.fixture
def readings(tmp_path: Path) -> Readings:
    return Readings(tmp_path / "readings")


def read(model: Model, readings: Readings | None, texts: list[str] | None = None) -> Session:
    """A session that has read a document; None reads it without keeping it."""
    session = Session(model, [document(*(texts or pages(3)))])
    session.read(readings=readings)
    return session


def answer(session: Session) -> str:
    return session.ask(QUESTION, max_tokens=12).text


def files(folder: Path) -> list[str]:
    """All that lies in a folder, hidden files too."""
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def kept_file(readings: Readings) -> Path:
    [entry] = readings.entries()
    return entry.path
