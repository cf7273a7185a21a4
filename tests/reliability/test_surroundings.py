"""Pipes that close, streams that were never open, disks without room, homes nobody can write to."""

import sys
from pathlib import Path

import pytest
from reliability_mutations import EXAMPLE
from reliability_process import finish
from reliability_surroundings import USAGE, closed_pipe, full_pages


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path, options: tuple[str, ...]) -> None:
    # More than a pipe takes in before its reader is missed.
    document = tmp_path / "long.txt"
    document.write_text("A line that is written for nobody.\n" * 30_000)
    assert closed_pipe(["text", document, *options], tmp_path) == []


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_never_open_is_not_missed(closing: str) -> None:
    wrapper = ("sh", "-c", f'exec "$@" {closing}', "sh")
    ending = finish(["text", EXAMPLE], wrapper=wrapper)
    assert ending.faults == ()
    assert bool(ending.out) == (">&-" not in closing.replace("2>&-", ""))


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
