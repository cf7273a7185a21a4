"""Pipes that close, streams that were never open, disks without room, homes nobody can write to."""

import sys
from pathlib import Path

import pytest
from reliability_mutations import EXAMPLE
from reliability_process import clean_environment, finish
from reliability_surroundings import USAGE, closed_pipe, full_pages, with_streams


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path, options: tuple[str, ...]) -> None:
    # More than a pipe takes in before its reader is missed.
    document = tmp_path / "long.txt"
    document.write_text("A line that is written for nobody.\n" * 30_000)
    assert closed_pipe(["text", document, *options], tmp_path) == []


@pytest.mark.parametrize("closing", ["<&-", "2>&-", "<&- 2>&-"])
def test_input_and_messages_that_were_never_open_are_not_missed(closing: str) -> None:
    ending = finish(["text", EXAMPLE], wrapper=with_streams(closing))
    assert ending.faults == ()
    assert ending.out


@pytest.mark.parametrize("closing", [">&-", "<&- >&-"])
@pytest.mark.parametrize(
    "command",
    [("text", EXAMPLE), ("text", "--json", "nowhere"), ("info",), ("completion", "bash"), ("-h",)],
    ids=lambda command: " ".join(map(str, command[:2])),
)
def test_output_for_a_stream_that_was_never_open_is_one_message(
    tmp_path: Path, command: tuple[str | Path, ...], closing: str
) -> None:
    env = clean_environment(tmp_path)  # where torch may leave a folder of its own
    wrapper = with_streams(closing)
    ending = finish(command, allowed=(USAGE,), seconds=60, env=env, wrapper=wrapper)
    assert ending.faults == ()
    assert ending.err.splitlines()[-1] == (
        "dashdoc: error: The output cannot be written: Bad file descriptor. "
        "Standard output is closed: open it, or send it to a file."
    )


def test_with_no_stream_at_all_the_exit_code_tells_that_output_was_lost() -> None:
    wrapper = with_streams("<&- >&- 2>&-")
    assert finish(["text", EXAMPLE], allowed=(USAGE,), wrapper=wrapper).code == USAGE


def test_a_command_without_output_does_not_miss_a_stream(tmp_path: Path) -> None:
    env = clean_environment(tmp_path)
    ending = finish(["cache", "rm", "--all"], env=env, wrapper=with_streams(">&-"))
    assert ending.faults == ()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is of Linux")
@pytest.mark.parametrize(
    "command",
    [("text", EXAMPLE), ("text", "--json", EXAMPLE), ("text", "--json", "nowhere"), ("--help",)],
    ids=["text", "json", "an error as json", "help"],
)
def test_output_without_room_is_one_message(command: tuple[str | Path, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        ending = finish(command, allowed=(USAGE,), stdout=full)
    assert ending.faults == ()
    assert ending.err.splitlines()[-1] == (
        "dashdoc: error: The output cannot be written: No space left on device. "
        "Make room and run it again."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is of Linux")
def test_messages_without_room_end_it_by_their_code_alone() -> None:
    with Path("/dev/full").open("wb") as full:
        ending = finish(["text", EXAMPLE], allowed=(USAGE,), stderr=full)
    assert ending.code == USAGE


def test_three_hundred_pages_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(full_pages(300))
    ending = finish(["text", path], seconds=60)
    assert ending.faults == ()
    assert ending.peak_megabytes < 100
