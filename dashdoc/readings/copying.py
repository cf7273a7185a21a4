"""Copies between a cache and the file of a kept reading, several blocks at once and checked."""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from dashdoc.models.transfer import ShortFileError, fill, pieces, workers
from dashdoc.readings.layout import UnusableReadingError

OnBlock = Callable[[], None]


class Block(NamedTuple):
    """A contiguous tensor, the name to call it by, and its place in the file."""

    name: str
    tensor: Tensor
    offset: int


def save_blocks(file: int, blocks: Sequence[Block]) -> list[int]:
    """Write blocks to their places in an open file; their checksums."""

    @torch.inference_mode()
    def save(block: Block) -> int:
        checksum, offset = 0, block.offset
        for piece in pieces(block.tensor):
            data = piece.cpu().numpy().data
            checksum = crc32(data, checksum)
            _write(file, data, offset)
            offset += len(data)
        return checksum

    with workers() as pool:
        return [future.result() for future in [pool.submit(save, block) for block in blocks]]


def restore_blocks(
    file: int, blocks: Sequence[Block], checksums: Sequence[int], on_block: OnBlock | None = None
) -> None:
    """Fill blocks from their places in an open file; `on_block` is called after each.

    Raises:
        UnusableReadingError: a block does not have its checksum.
    """
    found = [0] * len(blocks)

    def check(index: int, data: memoryview) -> None:
        found[index] = crc32(data, found[index])

    def compare(index: int) -> None:
        if found[index] != checksums[index]:
            raise UnusableReadingError(f"is damaged in {blocks[index].name}")
        if on_block:
            on_block()

    places = [(block.tensor, block.offset) for block in blocks]
    try:
        fill(file, places, on_piece=check, on_filled=compare)
    except ShortFileError as error:
        raise UnusableReadingError("was cut short while it was read") from error


def _write(file: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written
