"""Several processes with one folder, and processes that end while they save."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dashdoc.models import Model
from dashdoc.readings import Readings
from tests.readings.conftest import answer, files, kept_file, read

# Reads, says when it begins to save, and then waits as long before each write as it is told.
READER = """
import os, sys, time
from pathlib import Path
from dashdoc.readings import Readings
from tests.readings.conftest import read
from tests.session.conftest import load

checkpoint, folder, pause = sys.argv[1:]
write = os.pwrite

def slowly(*arguments):
    time.sleep(float(pause))
    return write(*arguments)

def begin():
    print("saving", flush=True)
    sys.stdin.readline()

os.pwrite = slowly
session = read(load(Path(checkpoint)), Readings(Path(folder), on_save=begin))
print(session.notices, flush=True)
"""
Start = Callable[[float], "subprocess.Popen[str]"]


@pytest.fixture
def start(tiny_checkpoint: Path, readings: Readings) -> Start:
    """Start a process that reads, up to where it begins to save."""

    def start(pause: float) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", READER, tiny_checkpoint, readings.folder, str(pause)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "saving\n"
        return process

    return start


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def wait_for_partial(readings: Readings, process: "subprocess.Popen[str]") -> Path:
    """Until the process has begun to write."""
    while process.poll() is None:
        for partial in readings.folder.glob(".*.part"):
            if partial.stat().st_size:
                return partial
    raise AssertionError(process.communicate())


def test_two_processes_save_the_same_reading_at_once(
    babbling: Model, readings: Readings, start: Start
) -> None:
    processes = [start(0.01), start(0.01)]
    for process in processes:
        go_on(process)
    assert [process.communicate(timeout=60)[0] for process in processes] == ["[]\n", "[]\n"]
    assert files(readings.folder) == [kept_file(readings).name]
    session = read(babbling, readings)
    assert session.reading is not None and session.reading.restored_from
    assert answer(session) == answer(read(babbling, None))


def test_a_process_that_is_killed_while_it_saves_leaves_no_reading(
    babbling: Model, readings: Readings, start: Start
) -> None:
    process = start(0.5)
    go_on(process)
    partial = wait_for_partial(readings, process)
    process.kill()
    process.communicate()
    assert files(readings.folder) == [partial.name]
    assert readings.entries() == []
    session = read(babbling, readings)
    assert session.reading is not None and session.reading.restored_from is None
    assert session.notices == []
    os.utime(partial, (0, 0))
    read(babbling, readings, ["Another."])
    assert not partial.exists()


def test_an_interrupt_while_saving_leaves_nothing(readings: Readings, start: Start) -> None:
    process = start(0.2)
    go_on(process)
    wait_for_partial(readings, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert out == "" and err.splitlines()[-1] == "KeyboardInterrupt"
    assert files(readings.folder) == []


def test_what_is_removed_while_it_is_saved_is_not_kept(readings: Readings, start: Start) -> None:
    process = start(0.2)
    go_on(process)
    wait_for_partial(readings, process)
    readings.clear()
    out, _ = process.communicate(timeout=60)
    assert "could not be kept" in out and process.returncode == 0
    assert files(readings.folder) == []
