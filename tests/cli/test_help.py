"""Help and versions are there at once: nothing heavy is imported for them."""

import re
import resource
import subprocess
import sys
from shlex import split

import pytest

from dashdoc.cli import cli, run
from dashdoc.cli.options import Exemplified

COMMANDS = sorted(cli.commands)
HEAVY = ("torch", "transformers", "pypdf", "triton")


@pytest.mark.parametrize("command", [None, *COMMANDS], ids=str)
def test_help_imports_nothing_heavy_and_takes_no_time(command: str | None) -> None:
    arguments = [command, "--help"] if command else ["--help"]
    program = (
        "import sys; from dashdoc.cli import run; "
        f"assert run({arguments!r}) == 0; "
        f"assert not sys.modules.keys() & set({HEAVY!r}), 'something heavy was imported'"
    )
    times = []
    for _ in range(3):
        before = processor_seconds()
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        times.append(processor_seconds() - before)
    assert min(times) < 0.3


def processor_seconds() -> float:
    """What finished child processes have used: unlike the clock, it does not see a busy machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("command", COMMANDS)
def test_h_is_help_too(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "-h"]) == 0
    assert f"Usage: dashdoc {command}" in capsys.readouterr().out


def test_truncate_says_that_it_names_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    run(["ask", "--help"])
    assert "leave OUT" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("command", [None, *COMMANDS], ids=str)
def test_help_fits_the_terminal_and_leaves_examples_whole(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str | None,
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    run([command, "--help"] if command else ["--help"])
    text, _, examples = capsys.readouterr().out.partition("\nExamples:\n")
    assert max(map(len, text.splitlines())) <= width
    described = cli.commands[command] if command else cli
    assert isinstance(described, Exemplified)
    assert described.examples
    for meaning, line in described.examples.items():
        assert f"  {meaning}:\n    {line}\n" in examples


@pytest.mark.parametrize("command", [None, *COMMANDS], ids=str)
def test_the_examples_can_be_called(command: str | None) -> None:
    described = cli.commands[command] if command else cli
    assert isinstance(described, Exemplified)
    for line in described.examples.values():
        # What the shell does before and after the call is not ours.
        call = re.split(r" [<>|] |\)", line.partition("dashdoc ")[2])[0]
        name, *arguments = split(call)
        assert command in (None, name)
        cli.commands[name].make_context(name, arguments)


def test_version_names_what_it_stands_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("dashdoc ")
    assert "torch" in out and "transformers" in out


def test_no_command_shows_the_help_and_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Commands:" in captured.err
