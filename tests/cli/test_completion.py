"""Shell completion: what may follow, and the scripts that ask for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete

from dashdoc.cli import cli
from dashdoc.cli.completion import COMPLETE_VARIABLE
from tests.cli.conftest import Call

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


def completions(*words: str) -> list[CompletionItem[str]]:
    """What may stand for the last of these words."""
    *before, begun = words
    return BashComplete(cli, {}, "dashdoc", COMPLETE_VARIABLE).get_completions(before, begun)


def values(*words: str) -> list[str]:
    return [item.value for item in completions(*words)]


def test_commands_are_completed() -> None:
    assert values("") == sorted(cli.commands)
    assert values("su") == ["summarize"]


def test_options_are_completed() -> None:
    assert values("ask", "--ma") == ["--max-tokens"]
    assert "--jsonl" in values("chat", "--")
    assert "--json" not in values("chat", "--")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--routing", ["package", "paper"]),
        ("--truncate", ["head", "tail", "middle"]),
        ("--model", ["auto", "bundled"]),
        ("--device", ["cpu", "cuda"]),
        ("--color", ["auto", "always", "never"]),
    ],
)
def test_names_are_completed(option: str, expected: list[str]) -> None:
    assert values("ask", option, "") == expected
    assert values("ask", option, expected[0][:3]) == [expected[0]]


@pytest.mark.parametrize(
    "command", ["ask", "chat", "compare", "info", "routing", "summarize", "text"]
)
def test_documents_are_files_for_the_shell_to_complete(command: str) -> None:
    assert [(item.type, item.value) for item in completions(command, "rep")] == [("file", "rep")]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("ask", "a.pdf", "b"), "file"),
        (("routing", "a.pdf", "--export", ""), "file"),
        (("summarize", "papers", "--output-dir", ""), "dir"),
        (("ask", "--model", "./check"), "dir"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_so_are_other_files_and_folders(words: tuple[str, ...], kind: str) -> None:
    assert [item.type for item in completions(*words)] == [kind]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_that_of_the_shell(call: Call, shell: str) -> None:
    outcome = call("completion", shell)
    assert outcome.code == 0
    assert outcome.out.strip() == (
        SHELLS[shell](cli, {}, "dashdoc", COMPLETE_VARIABLE).source().strip()
    )
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in outcome.out


def test_another_shell_is_exit_2(call: Call) -> None:
    outcome = call("completion", "tcsh")
    assert outcome.code == 2
    assert "fish" in outcome.err


@pytest.mark.parametrize(
    ("line", "completed"), [("dashdoc su", "summarize"), ("dashdoc ask --routing pap", "paper")]
)
def test_bash_completes_with_it(line: str, completed: str) -> None:
    bash, script = shutil.which("bash"), Path(sys.executable).with_name("dashdoc")
    if not bash or not script.exists():
        pytest.skip("no bash, or the package is not installed")
    words = line.split()
    program = (
        'eval "$(dashdoc completion bash)"; compopt() { :; }; '
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
        'COMPREPLY=(); _dashdoc_completion dashdoc; echo "${COMPREPLY[@]}"'
    )
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", program],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == completed
