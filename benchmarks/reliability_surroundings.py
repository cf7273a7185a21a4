"""What a machine may do to a program: long files, closed pipes, no room, nothing to write to."""

import argparse
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reliability_folder import summarize, write_texts, wrong_in
from reliability_mutations import EXAMPLE, ROOT
from reliability_process import DASHDOC, Ending, clean_environment, finish

CLOSED_PIPE, USAGE = 141, 2
ROOM = 64  # KiB; a few results, and not all of them
DENSE_PAGE = 3_000  # characters


def long_pdf(options: argparse.Namespace) -> dict[str, Any]:
    """A PDF of thousands of full pages, and one of a tenth of them."""
    peaks: dict[int, Ending] = {}
    with TemporaryDirectory() as folder:
        for pages in (options.pages // 10, options.pages):
            path = Path(folder, f"{pages}.pdf")
            path.write_bytes(full_pages(pages))
            peaks[pages] = finish(["text", path], seconds=300)
    short, long = peaks.values()
    return {
        "commands": 2,
        "pages": options.pages,
        "parsing_seconds": round(long.seconds, 1),
        "peak_megabytes_of_a_tenth": round(short.peak_megabytes),
        "peak_megabytes": round(long.peak_megabytes),
        "characters": len(long.out.decode()),
        "faults": [
            f"{pages} pages: {fault}" for pages, end in peaks.items() for fault in end.faults
        ],
    }


def full_pages(count: int) -> bytes:
    """A PDF with so many pages of 40 lines, no two the same."""
    sys.path.insert(0, str(ROOT))
    from tests.documents import make_pdfs as make

    def page(number: int) -> bytes:
        words = " ".join(f"{word}{number}" for word in make.WORDS)
        lines = (words[(7 * line) % 60 :][:75] for line in range(DENSE_PAGE // 75))
        shown = b"".join(b"(%s) Tj T*\n" % line.encode() for line in lines)
        content = zlib.compress(b"BT /F1 10 Tf 12 TL 60 740 Td\n%sET" % shown)
        return make.stream(content, b"/Filter /FlateDecode")

    return make.with_contents([page(number) for number in range(1, count + 1)])


def pipes(_: argparse.Namespace) -> dict[str, Any]:
    """Readers that leave after a few bytes, and streams that were never open."""
    faults = []
    with TemporaryDirectory() as folder:
        texts = Path(folder, "texts")
        write_texts(texts, 3)
        env = clean_environment(Path(folder))
        commands = {
            "text": ["text", EXAMPLE],
            "text --json": ["text", "--json", EXAMPLE],
            "ask": ["ask", EXAMPLE, "What happened?", "--max-tokens", "64"],
            "summarize --jsonl": ["summarize", texts, "--jsonl", "--max-tokens", "12"],
        }
        for name, command in commands.items():
            ended = closed_pipe(command, Path(folder))
            faults += [f"{name}: {fault}" for fault in ended]
        for closing in ("<&-", "2>&-", "<&- 2>&-"):
            ending = finish(["text", EXAMPLE], wrapper=with_streams(closing))
            faults += [f"text {closing}: {fault}" for fault in ending.faults]
            if not ending.out:
                faults.append(f"text {closing}: no output")
        for name, command in commands.items():
            closed = finish(
                command, allowed=(USAGE,), seconds=120, env=env, wrapper=with_streams(">&-")
            )
            faults += [f"{name} >&-: {fault}" for fault in closed.faults]
    return {"commands": 2 * len(commands) + 3, "faults": faults}


def with_streams(closing: str) -> tuple[str, ...]:
    """A wrapper that closes standard streams as a shell does."""
    return ("sh", "-c", f'exec "$@" {closing}', "sh")


def closed_pipe(command: Sequence[str | Path], home: Path) -> list[str]:
    """What is wrong with a command whose reader leaves at the first byte."""
    mine, theirs = os.pipe()
    process = subprocess.Popen(
        [*DASHDOC, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=clean_environment(home),
    )
    os.close(theirs)
    os.read(mine, 1)
    os.close(mine)
    err = process.communicate(timeout=120)[1].decode()
    wrong = [] if process.returncode == CLOSED_PIPE else [f"exit code {process.returncode}"]
    return wrong + [word for word in ("Traceback", "error: ", "Exception ignored") if word in err]


def full_disk(_: argparse.Namespace) -> dict[str, Any]:
    """No room for the output, for the kept reading, and in the middle of a folder run."""
    faults = []
    with TemporaryDirectory() as place, small_disk(Path(place)) as (disk, wrapper):
        texts, summaries = Path(place, "texts"), disk / "summaries"
        write_texts(texts, files := 100)
        env = clean_environment(Path(place))

        def check(name: str, ending: Ending, said: str, wanted: str) -> None:
            faults.extend(f"{name}: {fault}" for fault in ending.faults)
            if wanted not in said:
                faults.append(f"{name}: nothing is said of {wanted!r}")

        with Path("/dev/full").open("wb") as full:
            for command in (["text", EXAMPLE], ["text", "--json", EXAMPLE], ["--help"]):
                ending = finish(command, allowed=(USAGE,), stdout=full)
                check(f"{command[0]} > /dev/full", ending, ending.err, "cannot be written")
        ask = ["ask", EXAMPLE, "What happened?", "--cache", "--max-tokens", "8"]
        filled = {**env, "XDG_CACHE_HOME": str(disk)}
        ending = finish(ask, seconds=120, env=filled, wrapper=wrapper)
        check("ask --cache", ending, ending.err, "could not be kept")

        command = summarize(texts, summaries)
        stopped = finish(command, allowed=(USAGE,), seconds=120, env=env, wrapper=wrapper)
        check("summarize", stopped, stopped.err, "cannot be written")
        kept = (summaries / "results.jsonl").read_bytes().count(b"\n")
        make_room(disk, wrapper)
        resumed = finish(command, seconds=120, env=env)
        check("summarize, resumed", resumed, resumed.err, "by an earlier run")
        faults += wrong_in(summaries, texts)
    return {
        "commands": 6,
        "disk": "RLIMIT_FSIZE" if wrapper else "tmpfs",
        "files": files,
        "kept_by_the_full_disk": kept,
        "faults": faults,
    }


@contextmanager
def small_disk(place: Path) -> Iterator[tuple[Path, Sequence[str]]]:
    """A folder with little room: a disk of its own, or a limit that a wrapper puts on each file."""
    disk = place / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}k", "tmpfs", str(disk)]
    mounted = os.geteuid() == 0 and not subprocess.run(mount, stderr=subprocess.DEVNULL).returncode
    # `ulimit -f` counts 512 bytes, as POSIX has it.
    limit = ("sh", "-c", f'ulimit -f {ROOM}; exec "$@"', "sh")
    try:
        yield disk, () if mounted else limit
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


def make_room(disk: Path, wrapper: Sequence[str]) -> None:
    """Give a disk of its own room for all that was asked for; a limit ends with its command."""
    if not wrapper:
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


def read_only_home(_: argparse.Namespace) -> dict[str, Any]:
    """A user who may write neither to the home folder nor to its cache."""
    short = ["--max-tokens", "8"]
    commands: dict[str, list[str | Path]] = {
        "text": ["text", EXAMPLE],
        "info": ["info", EXAMPLE],
        "ask": ["ask", EXAMPLE, "What happened?", *short],
        "ask --cache": ["ask", EXAMPLE, "What happened?", "--cache", *short],
        "cache ls": ["cache", "ls"],
    }
    faults = []
    with TemporaryDirectory() as folder, read_only(Path(folder, "home")) as home:
        env = clean_environment(home, XDG_CACHE_HOME=str(home))
        for name, command in commands.items():
            ending = finish(command, env=env, seconds=120)
            faults += [f"{name}: {fault}" for fault in ending.faults]
            if name == "ask --cache" and "could not be kept" not in ending.err:
                faults.append(f"{name}: nothing is said of a reading that could not be kept")
        faults += [f"{path.name} was left" for path in home.iterdir()]
    how = "read-only disk" if os.geteuid() == 0 else "no permission"
    return {"commands": len(commands), "home": how, "faults": faults}


@contextmanager
def read_only(home: Path) -> Iterator[Path]:
    """A folder nobody can write to; root, whom no permission stops, gets it on a disk like that."""
    home.mkdir(mode=0o555)
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(home)]
    mounted = os.geteuid() == 0 and not subprocess.run(mount).returncode
    try:
        yield home
    finally:
        if mounted:
            subprocess.run(["umount", str(home)], check=True)
