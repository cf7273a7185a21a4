"""`dashdoc model`: nothing is downloaded or removed without consent, and what it says."""

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dashdoc.cli.terminal import Terminal
from dashdoc.models.hub import cached_folder
from dashdoc.released import RELEASED
from tests.cli.conftest import Call
from tests.conftest import SENTENCE
from tests.hub import Hub

NAME = "someone/tiny"
Says = Callable[[str], None]


@pytest.fixture
def published(hub: Hub, speaking_checkpoint: Path) -> Hub:
    hub.publish(NAME, speaking_checkpoint)
    hub.publish(RELEASED, speaking_checkpoint)
    return hub


@pytest.fixture
def user_says(monkeypatch: pytest.MonkeyPatch) -> Says:
    """Somebody sits at the terminal, and types."""

    def says(text: str) -> None:
        monkeypatch.setattr(Terminal, "interactive", True)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return says


# pull


@pytest.mark.parametrize("name", [NAME, None])
def test_pull_shows_what_it_takes_and_prints_the_folder(
    call: Call, published: Hub, hub_cache: Path, name: str | None
) -> None:
    outcome = call("model", "pull", *filter(None, [name]), "--yes")
    folder = cached_folder(name or RELEASED)
    assert (outcome.code, outcome.out) == (0, f"{folder}\n")
    for words in (name or RELEASED, folder.name, "MiB", "free", str(hub_cache)):
        assert words in outcome.err


def test_without_a_terminal_pull_wants_yes(call: Call, published: Hub) -> None:
    outcome = call("model", "pull", NAME)
    assert (outcome.code, outcome.out, published.served) == (2, "", 0)
    assert f"dashdoc model pull {NAME} --yes" in outcome.err


def test_at_a_terminal_pull_asks(call: Call, published: Hub, user_says: Says) -> None:
    user_says("y\n")
    outcome = call("model", "pull", NAME)
    assert outcome.code == 0 and "Download it? [y/N]" in outcome.err
    assert outcome.out == f"{cached_folder(NAME)}\n"


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no_is_the_default(call: Call, published: Hub, user_says: Says, answer: str) -> None:
    user_says(answer)
    outcome = call("model", "pull", NAME)
    assert (outcome.code, outcome.out, published.served) == (0, "", 0)
    assert "Nothing was downloaded" in outcome.err


def test_leaving_at_the_question_is_exit_130(call: Call, published: Hub, user_says: Says) -> None:
    user_says("")
    assert call("model", "pull", NAME).code == 130
    assert published.served == 0


def test_what_is_there_needs_no_consent(call: Call, published: Hub) -> None:
    call("model", "pull", NAME, "--yes")
    outcome = call("model", "pull", NAME)
    assert (outcome.code, outcome.out) == (0, f"{cached_folder(NAME)}\n")


def test_a_cut_pull_is_exit_7_and_goes_on(call: Call, published: Hub) -> None:
    published.left = 5000
    outcome = call("model", "pull", NAME, "--yes")
    assert (outcome.code, outcome.out) == (7, "")
    assert "was cut" in outcome.err and f"dashdoc model pull {NAME}" in outcome.err
    published.left = None
    outcome = call("model", "pull", NAME, "--yes")
    assert outcome.code == 0 and "of it there already" in outcome.err


def test_a_pull_in_a_terminal_of_its_own(
    published: Hub, hub_cache: Path, environment: dict[str, str]
) -> None:
    """With the environment that a user sets, a bar, and the answer typed."""
    mine, theirs = pty.openpty()
    settings = {"HF_ENDPOINT": published.url, "HF_HUB_CACHE": str(hub_cache), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dashdoc", "model", "pull", NAME],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**environment, **settings},
        text=True,
    )
    os.close(theirs)
    shown = ""
    while "[y/N]" not in shown:
        shown += os.read(mine, 1024).decode()
    os.write(mine, b"y\n")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f"{cached_folder(NAME)}\n")
    assert f"Downloading {NAME}" in shown + os.read(mine, 100_000).decode()
    os.close(mine)


# path


def test_path_prints_the_folder(call: Call, published: Hub) -> None:
    call("model", "pull", "--yes")
    outcome = call("model", "path")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{cached_folder(RELEASED)}\n", "")


def test_the_path_of_what_is_not_there_says_how_to_get_it(call: Call, hub_cache: Path) -> None:
    outcome = call("model", "path", NAME)
    assert (outcome.code, outcome.out) == (7, "")
    assert f"dashdoc model pull {NAME}" in outcome.err and str(hub_cache) in outcome.err


# rm


def test_rm_says_what_it_frees(call: Call, published: Hub, user_says: Says) -> None:
    call("model", "pull", NAME, "--yes")
    user_says("y\n")
    outcome = call("model", "rm", NAME)
    assert outcome.code == 0 and outcome.out == ""
    assert "MiB)? [y/N]" in outcome.err and "MiB are free again" in outcome.err
    assert call("model", "path", NAME).code == 7


def test_rm_keeps_what_it_may_not_remove(call: Call, published: Hub, user_says: Says) -> None:
    call("model", "pull", NAME, "--yes")
    outcome = call("model", "rm", NAME)
    assert outcome.code == 2 and f"dashdoc model rm {NAME} --yes" in outcome.err
    user_says("n\n")
    assert "Nothing was removed" in call("model", "rm", NAME).err
    assert call("model", "path", NAME).code == 0


def test_rm_removes_only_what_was_named(call: Call, published: Hub) -> None:
    """Also where another model is a copy of it, with the same commit."""
    for name in (NAME, RELEASED):
        assert call("model", "pull", name, "--yes").code == 0
    assert call("model", "rm", NAME, "--yes").code == 0
    assert call("model", "path", RELEASED).code == 0
    assert call("model", "rm", NAME, "--yes").code == 7


# Models of the hub in other commands


def test_a_model_that_is_not_there_is_never_downloaded_unasked(
    call: Call, published: Hub, report: Path
) -> None:
    outcome = call("ask", report, "Who?", "--model", NAME)
    assert (outcome.code, outcome.out, published.served) == (7, "", 0)
    assert f"dashdoc model pull {NAME}" in outcome.err


def test_at_a_terminal_it_is_offered(
    call: Call, published: Hub, report: Path, user_says: Says
) -> None:
    user_says("y\n")
    outcome = call("ask", report, "Who signed?", "--model", NAME, "--json")
    assert outcome.code == 0 and "Download it?" in outcome.err
    assert outcome.json["answer"] == SENTENCE
    assert outcome.json["model"]["revision"] == cached_folder(NAME).name


def test_offered_and_declined_it_is_missing(
    call: Call, published: Hub, report: Path, user_says: Says
) -> None:
    user_says("n\n")
    outcome = call("ask", report, "Who?", "--model", NAME)
    assert (outcome.code, published.served) == (7, 0)
    assert "dashdoc: error:" in outcome.err
