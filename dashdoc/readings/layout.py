"""The file of a kept reading: safetensors, with every byte under a checksum.

    length       of the header: 8 bytes, little endian
    header       JSON: where each tensor lies, and as `__metadata__` `format`, `key`, and `about`:
                 a JSON object of `model`, `read_at` and `reading`, its measures with the routing
    tokens       I32 [N]: the ids that were read
    layers.{i}.keys, layers.{i}.values [Hkv, N, D] and layers.{i}.summaries [Hkv, N / C, D]
    checksums    U32: CRC-32 of length and header, of the tokens, then of each head of each tensor

The header is known before the tensors are copied and the checksums after it, so that the file is
written in one go. Any reader of safetensors can look into it.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

FORMAT = "dashdoc reading 1"
ABOUT = {"model", "read_at", "reading"}
TOKENS, CHECKSUMS = "tokens", "checksums"
# Longer than any header that was ever written: a foreign file must not fill the memory.
LONGEST_HEADER = 1 << 26
_WIDTHS = {"I32": 4, "U32": 4, "F32": 4, "F16": 2, "BF16": 2}

# Name -> safetensors' name of the dtype, and shape.
Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
Places = dict[str, dict[str, Any]]


class UnusableReadingError(Exception):
    """A file is no kept reading, is damaged, or holds another one; the message says which."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself; `start` is where its tensors begin."""

    key: str
    about: dict[str, Any]
    places: Places
    start: int

    def offset(self, tensor: str) -> int:
        """Where a tensor begins in the file."""
        return self.start + int(self.places[tensor]["data_offsets"][0])


def place(tensors: Shapes) -> Places:
    """Tensors one behind the other, and behind them their checksums."""
    blocks = 1 + sum(shape[0] if len(shape) == 3 else 1 for _, shape in tensors.values())
    places, end = Places(), 0
    for name, (dtype, shape) in {**tensors, CHECKSUMS: ("U32", (blocks,))}.items():
        start, end = end, end + math.prod(shape) * _WIDTHS[dtype]
        places[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    return places


def encode_header(key: str, about: Mapping[str, Any], places: Places) -> bytes:
    """Length and header."""
    metadata = {"format": FORMAT, "key": key, "about": json.dumps(about)}
    header = json.dumps({"__metadata__": metadata, **places}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header


def file_size(header: bytes, places: Places) -> int:
    """Bytes of the whole file."""
    return len(header) + int(places[CHECKSUMS]["data_offsets"][1])


def read_header(file: BinaryIO) -> tuple[Header, list[int]]:
    """The header, and the checksums of the tensors' blocks.

    Raises:
        UnusableReadingError: not a kept reading, of another version, truncated or damaged.
    """
    raw = file.read(8)
    if len(raw) < 8 or (length := struct.unpack("<Q", raw)[0]) > LONGEST_HEADER:
        raise UnusableReadingError("is not a kept reading")
    raw += file.read(length)
    try:
        places = json.loads(raw[8:])
        metadata = places.pop("__metadata__")
        version, about = metadata["format"], json.loads(metadata["about"])
        header = Header(metadata["key"], about, places, len(raw))
        size, start = file_size(raw, places), header.offset(CHECKSUMS)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise UnusableReadingError("is not a kept reading") from error
    if version != FORMAT or not set(about) >= ABOUT:
        raise UnusableReadingError("is of another version")
    if (found := file.seek(0, 2)) != size:
        raise UnusableReadingError(f"has {found:,} bytes instead of {size:,}")
    file.seek(max(start, 0))  # it may still be anything
    if file.read(4) != struct.pack("<I", crc32(raw)):
        raise UnusableReadingError("is damaged in its header")
    return header, [checksum for (checksum,) in struct.iter_unpack("<I", file.read())]


def read_about(path: Path) -> dict[str, Any] | None:
    """What a file says of its reading; None if it cannot be used."""
    try:
        with path.open("rb") as file:
            return read_header(file)[0].about
    except (OSError, UnusableReadingError):
        return None
