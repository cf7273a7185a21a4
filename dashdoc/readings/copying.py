"""Copies between a cache and the file of a kept reading, block by block and several at once.

On a CPU the file is read right into the cache. For a GPU each worker has one page-locked buffer,
so that no second copy of the cache is ever in memory.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from dashdoc.readings.layout import UnusableReadingError

PIECE = 1 << 23  # bytes: read and checked before they leave the processor's cache
WORKERS = min(8, os.cpu_count() or 1)

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
        for piece in _pieces(block.tensor):
            data = piece.cpu().numpy().data
            checksum = crc32(data, checksum)
            _write(file, data, offset)
            offset += len(data)
        return checksum

    with _workers() as pool:
        return [future.result() for future in [pool.submit(save, block) for block in blocks]]


def restore_blocks(
    file: int, blocks: Sequence[Block], checksums: Sequence[int], on_block: OnBlock | None = None
) -> None:
    """Fill blocks from their places in an open file; `on_block` is called after each.

    Raises:
        UnusableReadingError: a block does not have its checksum.
    """
    buffers = _buffers(blocks)

    # In inference mode, because a cache that the model has filled cannot be written to outside.
    @torch.inference_mode()
    def restore(block: Block, expected: int) -> None:
        with _borrowed(buffers, block.tensor) as buffer:
            checksum, offset = 0, block.offset
            for piece in _pieces(block.tensor):
                host = piece if buffer is None else buffer[: len(piece)]
                data = host.numpy().data
                _read(file, data, offset)
                checksum = crc32(data, checksum)
                if buffer is not None:
                    piece.copy_(host)
                offset += len(data)
        if checksum != expected:
            raise UnusableReadingError(f"is damaged in {block.name}")

    with _workers() as pool:
        futures: list[Future[None]] = [
            pool.submit(restore, block, checksum)
            for block, checksum in zip(blocks, checksums, strict=True)
        ]
        for future in as_completed(futures):
            future.result()
            if on_block:
                on_block()


@contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    """Threads; after an error or Ctrl-C they end with the block under way."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _buffers(blocks: Sequence[Block]) -> "SimpleQueue[Tensor]":
    """A page-locked buffer for each worker, where blocks lie on a GPU."""
    buffers: SimpleQueue[Tensor] = SimpleQueue()
    if any(block.tensor.is_cuda for block in blocks):
        for _ in range(WORKERS):
            buffers.put(torch.empty(PIECE, dtype=torch.uint8, pin_memory=True))
    return buffers


@contextmanager
def _borrowed(buffers: "SimpleQueue[Tensor]", tensor: Tensor) -> Iterator[Tensor | None]:
    """A buffer for the time of a block; on the CPU none is needed."""
    buffer = buffers.get() if tensor.is_cuda else None
    try:
        yield buffer
    finally:
        if buffer is not None:
            buffers.put(buffer)


def _pieces(tensor: Tensor) -> Sequence[Tensor]:
    """Views of the bytes of a tensor."""
    return torch.split(tensor.view(-1).view(torch.uint8), PIECE)


def _write(file: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


def _read(file: int, data: memoryview, offset: int) -> None:
    while data:
        read = os.preadv(file, [data], offset)
        if not read:
            raise UnusableReadingError("was cut short while it was read")
        data, offset = data[read:], offset + read
