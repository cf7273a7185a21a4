"""A cache into the file of a kept reading, and back."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any
from zlib import crc32

import torch
from torch import Tensor

from dashdoc.models.cache import DashCache
from dashdoc.readings.copying import Block, restore_blocks, save_blocks
from dashdoc.readings.layout import (
    CHECKSUMS,
    TOKENS,
    Header,
    UnusableReadingError,
    encode_header,
    file_size,
    place,
    read_header,
)

if TYPE_CHECKING:
    from dashdoc.models import Model

_DTYPES = {
    torch.int32: "I32",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
}


class ReadingWriter:
    """The first tokens of a cache as a file of `bytes` bytes, nothing of which is copied before."""

    def __init__(
        self, key: str, about: dict[str, Any], ids: Sequence[int], cache: DashCache
    ) -> None:
        self._tensors = _tensors(torch.tensor(ids, dtype=torch.int32), cache)
        places = place(_shapes(self._tensors))
        self._encoded = encode_header(key, about, places)
        self._header = Header(key, about, places, len(self._encoded))
        self.bytes = file_size(self._encoded, places)

    def write(self, file: int) -> None:
        """Fill an open file.

        Raises:
            OSError: the disk is full, or fails.
        """
        blocks = _blocks(self._tensors, self._header)
        checksums = [crc32(self._encoded), *save_blocks(file, blocks)]
        with os.fdopen(os.dup(file), "wb") as opened:
            opened.write(self._encoded)
            opened.seek(self._header.offset(CHECKSUMS))
            opened.write(pack(f"<{len(checksums)}I", *checksums))


def restore_reading(
    path: Path,
    key: str,
    model: "Model",
    ids: Sequence[int],
    cache: DashCache,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Fill an empty cache with the reading of `ids`; what the file says about it.

    Raises:
        UnusableReadingError: the file is foreign, damaged, or holds another reading.
        OSError: it is not there, or cannot be read.
    """
    with path.open("rb") as file:
        header, checksums = read_header(file)
        cache.allocate(model.config, model.device, model.choice.dtype)
        found = torch.empty(len(ids), dtype=torch.int32)
        tensors = _tensors(found, cache)
        if header.key != key or header.places != place(_shapes(tensors)):
            raise UnusableReadingError("holds another reading")
        blocks = _blocks(tensors, header)
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            if on_progress:
                on_progress(len(ids) * done // len(blocks), len(ids))

        restore_blocks(file.fileno(), blocks, checksums, count)
    if found.tolist() != list(ids):
        raise UnusableReadingError("holds another reading")
    cache.fill(len(ids))
    return header.about


def _tensors(ids: Tensor, cache: DashCache) -> dict[str, Tensor]:
    return {TOKENS: ids, **cache.tensors(len(ids))}


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: (_DTYPES[t.dtype], tuple(t.shape)) for name, t in tensors.items()}


def _blocks(tensors: dict[str, Tensor], header: Header) -> list[Block]:
    """The tokens, and each head of each tensor: in the cache heads lie apart."""
    blocks = []
    for name, tensor in tensors.items():
        offset = header.offset(name)
        for part in tensor if tensor.dim() == 3 else [tensor]:
            blocks.append(Block(name, part, offset))
            offset += part.nbytes
    return blocks
