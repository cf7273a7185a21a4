"""The folder of kept readings: private, bounded, and never a reason not to answer."""

import os
import resource
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from dashdoc.models import Model
from dashdoc.readings import Readings
from dashdoc.readings.store import readings_folder
from dashdoc.session import Session
from tests.readings.conftest import answer, files, kept_file, read
from tests.session.conftest import document, pages

HOUR = 3600


@pytest.fixture
def three(babbling: Model, readings: Readings) -> list[Path]:
    """Three kept readings, the first not used for longest."""
    paths: list[Path] = []
    for age in (3, 2, 1):
        read(babbling, readings, pages(age))
        [path] = {entry.path for entry in readings.entries()} - set(paths)
        used = time.time() - age * HOUR
        os.utime(path, (used, used))
        paths.append(path)
    return paths


def left(readings: Readings) -> list[Path]:
    return [entry.path for entry in readings.entries()]


def test_only_the_user_can_read_it(babbling: Model, readings: Readings) -> None:
    before = os.umask(0)
    try:
        read(babbling, readings)
    finally:
        os.umask(before)
    assert stat.S_IMODE(readings.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept_file(readings).stat().st_mode) == 0o600


def test_a_folder_that_was_open_to_others_is_closed(babbling: Model, readings: Readings) -> None:
    readings.folder.mkdir(mode=0o755)
    read(babbling, readings)
    assert stat.S_IMODE(readings.folder.stat().st_mode) == 0o700


def test_it_lies_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert readings_folder() == tmp_path / "dashdoc" / "readings"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert readings_folder() == tmp_path / ".cache" / "dashdoc" / "readings"


def test_any_reader_of_safetensors_can_look_into_it(babbling: Model, readings: Readings) -> None:
    session = read(babbling, readings)
    tensors = load_file(kept_file(readings))
    assert tensors["layers.1.keys"].equal(session._cache.tensors(session.tokens)["layers.1.keys"])
    assert len(tensors["tokens"]) == session.tokens


def test_it_says_what_it_holds(babbling: Model, readings: Readings) -> None:
    session = read(babbling, readings)
    [entry] = readings.entries()
    assert entry.about is not None and session.reading is not None
    assert entry.about["model"] == babbling.name
    assert entry.about["reading"]["documents"] == ["report.pdf"]
    assert entry.about["reading"]["tokens"] == session.tokens
    assert entry.path.stem.startswith(entry.id)
    again = read(babbling, readings).reading
    assert again is not None and again.restored_from == entry.about["read_at"]


def test_restoring_is_using(babbling: Model, readings: Readings, three: list[Path]) -> None:
    assert left(readings) == three[::-1]
    read(babbling, readings, pages(3))
    assert left(readings) == [three[0], three[2], three[1]]


def test_pruning_leaves_what_was_used_last(readings: Readings, three: list[Path]) -> None:
    sizes = [path.stat().st_size for path in three]
    assert readings.prune(sum(sizes)) == []
    assert [entry.path for entry in readings.prune(sum(sizes) - 1)] == three[:1]
    assert [entry.path for entry in readings.prune(0)] == [three[2], three[1]]
    assert files(readings.folder) == []


def test_after_saving_the_limit_holds(
    babbling: Model, readings: Readings, three: list[Path]
) -> None:
    readings.limit = sum(path.stat().st_size for path in three)
    session = read(babbling, readings, [*pages(1), "One more."])
    assert session.notices == []
    remaining = left(readings)
    assert remaining[1:] == [three[2], three[1]]
    assert sum(path.stat().st_size for path in remaining) <= readings.limit


def test_a_reading_over_the_limit_is_not_kept_and_removes_nothing(
    babbling: Model, readings: Readings, three: list[Path]
) -> None:
    readings.limit = max(path.stat().st_size for path in three)
    session = read(babbling, readings, pages(9))
    [notice] = session.notices
    assert "not kept" in notice and "GB" in notice
    assert left(readings) == three[::-1]


def test_what_another_process_removes_is_no_error(readings: Readings, three: list[Path]) -> None:
    entries = readings.entries()
    three[1].unlink()
    removed = readings.remove(entries)
    assert [entry.path for entry in removed] == [three[2], three[0]]
    assert readings.entries() == []


def test_a_reading_that_is_removed_while_it_is_restored_is_restored(
    babbling: Model, readings: Readings
) -> None:
    expected = answer(read(babbling, readings))
    session = Session(babbling, [document(*pages(3))])
    reading = session.read(lambda *_: readings.remove(readings.entries()), readings=readings)
    assert reading.restored_from
    assert answer(session) == expected
    assert readings.entries() == []


def test_what_a_killed_process_left_is_removed_after_a_day(
    babbling: Model, readings: Readings
) -> None:
    readings.folder.mkdir()
    old, fresh = (readings.folder / f".tmp{name}.part" for name in ("old", "fresh"))
    for partial, hours in ((old, 25), (fresh, 23)):
        partial.write_bytes(b"half")
        os.utime(partial, (time.time() - hours * HOUR,) * 2)
    read(babbling, readings)
    assert files(readings.folder) == [fresh.name, kept_file(readings).name]


def test_a_folder_that_cannot_be_made(babbling: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", "utf-8")
    readings = Readings(tmp_path / "file" / "readings")
    session = read(babbling, readings)
    assert all(str(readings.folder) in notice for notice in session.notices)
    assert "could not be kept" in session.notices[-1]
    assert answer(session) == answer(read(babbling, None))


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Files cannot grow beyond 50,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_nothing_half_written(babbling: Model, readings: Readings) -> None:
    session = read(babbling, readings)
    [notice] = session.notices
    assert f"could not be kept in {readings.folder}: File too large" in notice
    assert files(readings.folder) == []
    assert answer(session) == answer(read(babbling, None))
