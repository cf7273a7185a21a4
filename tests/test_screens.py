"""The screens in docs/screens/: what a terminal shows in the end, fetching nothing."""

import re
import runpy
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCREENS = ROOT / "docs" / "screens"
MADE = runpy.run_path(str(ROOT / "docs" / "make_screens.py"))
NAMES = ["ask", "chat", "compare", "info", "routing", "summarize"]


def words(text: str) -> list[str]:
    return text.replace("\xa0", " ").split()


def pictured(name: str) -> str:
    """The text of a picture; the first one is the title of the window."""
    _, *texts = re.findall(
        r"<text [^>]*>([^<]*)</text>", (SCREENS / f"{name}.svg").read_text("utf-8")
    )
    return unescape(" ".join(texts))


def test_a_bar_that_was_drawn_over_is_gone() -> None:
    bar = "\x1b[?25l\rReading 1\r\x1b[2KReading 2\r\n\x1b[1A\x1b[2K\x1b[?25h"
    output = f"note\r\n{bar}\x1b[1mdone\x1b[0m\r\n"
    assert MADE["shown"](output) == "note\n\x1b[1mdone\x1b[0m"


def test_a_screen_does_not_say_where_it_was_made() -> None:
    assert MADE["shown"](f"folder {ROOT}/dashdoc") == "folder ~/dashdoc/dashdoc"


def test_the_same_screen_gives_the_same_picture() -> None:
    first, second = (MADE["picture"]("info", "\x1b[1mMachine\x1b[0m") for _ in range(2))
    assert first == second


def test_every_screen_is_there() -> None:
    assert sorted(MADE["SCREENS"]) == [path.stem for path in sorted(SCREENS.iterdir())] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_small_and_fetches_nothing(name: str) -> None:
    picture = (SCREENS / f"{name}.svg").read_text("utf-8")
    assert len(picture) < 100_000
    assert not re.search(r"@font-face|@import|\bhref=|url\((?!#)", picture)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_shows_its_command(name: str) -> None:
    command, typed = MADE["SCREENS"][name]
    seen = " ".join(words(pictured(name)))
    assert seen.startswith(f"$ {command}")
    assert all(line in seen for line in typed)


def test_the_readme_begins_with_the_screen_of_ask() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    first = re.search(r"^    \$ .*?(?=^\S)", readme, re.MULTILINE | re.DOTALL)
    assert first
    assert words(first[0]) == words(pictured("ask")), "run: python docs/make_screens.py ask"
