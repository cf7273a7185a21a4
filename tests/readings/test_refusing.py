"""A file that is damaged or foreign is named, refused, read anew and replaced."""

import json
import shutil
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zlib import crc32

import pytest
import torch
from safetensors.torch import save_file

from dashdoc.models import Model
from dashdoc.readings import Readings
from dashdoc.readings.layout import UnusableReadingError, read_header
from tests.readings.conftest import answer, files, kept_file, read
from tests.session.conftest import pages


@pytest.fixture
def kept(babbling: Model, readings: Readings) -> Path:
    """A kept reading."""
    read(babbling, readings)
    return kept_file(readings)


def assert_read_anew(babbling: Model, readings: Readings, path: Path) -> None:
    session = read(babbling, readings)
    assert session.reading is not None and session.reading.restored_from is None
    [notice] = session.notices
    assert str(path) in notice and "read anew" in notice
    assert answer(session) == answer(read(babbling, None))
    assert files(readings.folder) == [path.name]
    again = read(babbling, readings)
    assert again.reading is not None and again.reading.restored_from
    assert again.notices == []


PLACES = {
    "the length of the header": lambda header: 0,
    "the high bytes of the length": lambda header: 7,
    "the beginning of the header": lambda header: 8,
    "the key": lambda header: 100,
    "the figures": lambda header: header.start // 2,
    "the end of the header": lambda header: header.start - 2,
    "the tokens": lambda header: header.offset("tokens") + 5,
    "the first keys": lambda header: header.offset("layers.0.keys"),
    "the last values": lambda header: header.offset("layers.1.values") + 4_001,
    "summaries": lambda header: header.offset("layers.1.summaries") + 77,
    "the checksum of the header": lambda header: header.offset("checksums"),
    "another checksum": lambda header: header.offset("checksums") + 9,
    "the last byte": lambda header: -1,
}


@pytest.mark.parametrize("bit", [0, 7])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_flipped_bit(
    babbling: Model, readings: Readings, kept: Path, place: Callable[..., int], bit: int
) -> None:
    with kept.open("rb") as file:
        header, _ = read_header(file)
    content = bytearray(kept.read_bytes())
    content[place(header)] ^= 1 << bit
    kept.write_bytes(content)
    assert_read_anew(babbling, readings, kept)


def test_no_flipped_bit_of_the_header_goes_unnoticed(kept: Path) -> None:
    content = kept.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    for place in range(8 + length):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            with pytest.raises(UnusableReadingError):
                read_header(BytesIO(flipped))


@pytest.mark.parametrize("left", [0, 5, 100, 5_000, 100_000, -1])
def test_a_truncated_file(babbling: Model, readings: Readings, kept: Path, left: int) -> None:
    kept.write_bytes(kept.read_bytes()[:left])
    assert_read_anew(babbling, readings, kept)


def test_a_file_with_more_behind_it(babbling: Model, readings: Readings, kept: Path) -> None:
    kept.write_bytes(kept.read_bytes() + b"more")
    assert_read_anew(babbling, readings, kept)


def test_a_text(babbling: Model, readings: Readings, kept: Path) -> None:
    kept.write_text("Dues are paid in coin.\n" * 1000, "utf-8")
    assert_read_anew(babbling, readings, kept)


def test_tensors_of_something_else(babbling: Model, readings: Readings, kept: Path) -> None:
    save_file({"weight": torch.ones(3, 3)}, kept)
    assert_read_anew(babbling, readings, kept)


def test_another_reading(babbling: Model, readings: Readings, kept: Path) -> None:
    read(babbling, readings, pages(4))
    [other] = (entry.path for entry in readings.entries() if entry.path != kept)
    shutil.move(other, kept)
    assert_read_anew(babbling, readings, kept)


def rewrite(path: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change the metadata of a file, and its checksum with them."""
    with path.open("rb") as file:
        old, checksums = read_header(file)
    content = path.read_bytes()
    header = json.loads(content[8 : old.start])
    change(header["__metadata__"])
    raw = json.dumps(header).encode()
    raw = struct.pack("<Q", len(raw)) + raw
    tensors = content[old.start : old.offset("checksums")]
    path.write_bytes(raw + tensors + struct.pack(f"<{1 + len(checksums)}I", crc32(raw), *checksums))


@pytest.mark.parametrize(
    "change",
    [
        lambda metadata: metadata.update(format="dashdoc reading 0"),
        lambda metadata: metadata.update(key="0" * 64),
        lambda metadata: metadata.update(about="{}"),
        lambda metadata: metadata.update(about="[]"),
        lambda metadata: metadata.pop("about"),
    ],
    ids=["another version", "another key", "no figures", "a list", "nothing about it"],
)
def test_a_sound_file_that_is_not_the_one_meant(
    babbling: Model, readings: Readings, kept: Path, change: Callable[[dict[str, str]], None]
) -> None:
    rewrite(kept, change)
    assert_read_anew(babbling, readings, kept)


def test_the_same_key_with_other_tokens(
    babbling: Model, readings: Readings, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should two readings ever have one key, the tokens themselves tell them apart."""
    monkeypatch.setattr("dashdoc.readings.store.reading_key", lambda model, ids: kept.stem)
    other = [text.replace("coin", "corn") for text in pages(3)]
    session = read(babbling, readings, other)
    assert session.reading is not None and session.reading.restored_from is None
    assert answer(session) == answer(read(babbling, None, other))


def test_a_folder_in_its_place(babbling: Model, readings: Readings, kept: Path) -> None:
    kept.unlink()
    kept.mkdir()
    session = read(babbling, readings)
    restored, saved = session.notices
    assert f"{kept} cannot be read" in restored and "could not be kept" in saved
    assert files(readings.folder) == [kept.name]
    assert answer(session) == answer(read(babbling, None))
