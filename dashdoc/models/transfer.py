"""Bytes of a file straight into tensors, several at once.

On a CPU the file is read right into them. For a GPU each worker has one page-locked buffer, so that
disk and bus are kept busy and host memory holds little more than those buffers.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import torch
from torch import Tensor

PIECE = 1 << 23  # bytes: what is done with them is done before they leave the processor's cache
TURN = 1 << 26  # bytes of a large tensor that one worker fills at a time
WORKERS = min(8, os.cpu_count() or 1)

OnPiece = Callable[[int, memoryview], None]
OnFilled = Callable[[int], None]


class ShortFileError(OSError):
    """A file ends before its last tensor does."""


def fill_from(path: Path, tensors: Mapping[str, Tensor], on_bytes: Callable[[int], None]) -> None:
    """Fill tensors from those of a safetensors file by their names; `on_bytes` gets what came.

    Raises:
        OSError: the file cannot be read; ShortFileError: it ends early.
    """
    places = [
        (turn, offset + i * TURN)
        for name, (offset, _) in tensor_places(path)[1].items()
        if name in tensors
        for i, turn in enumerate(_split(tensors[name], TURN))
    ]
    with path.open("rb") as file:
        fill(file.fileno(), places, on_filled=lambda index: on_bytes(len(places[index][0])))


def fill(
    file: int,
    places: Sequence[tuple[Tensor, int]],
    *,
    on_piece: OnPiece | None = None,
    on_filled: OnFilled | None = None,
) -> None:
    """Fill contiguous tensors from their offsets in an open file.

    Args:
        on_piece: gets a place's number and its next bytes, in the worker that read them.
        on_filled: gets the number of a place that is filled, in the caller's thread.

    Raises:
        OSError: the file cannot be read; ShortFileError: it ends early.
    """
    buffers = _buffers([tensor for tensor, _ in places])

    # In inference mode, because a cache that the model has filled cannot be written to outside.
    @torch.inference_mode()
    def fill_place(index: int) -> int:
        tensor, offset = places[index]
        with _borrowed(buffers, tensor) as buffer:
            for piece in pieces(tensor):
                host = piece if buffer is None else buffer[: len(piece)]
                data = host.numpy().data
                _read(file, data, offset)
                if on_piece:
                    on_piece(index, data)
                if buffer is not None:
                    piece.copy_(host)
                offset += len(data)
        return index

    with workers() as pool:
        futures: list[Future[int]] = [pool.submit(fill_place, i) for i in range(len(places))]
        for future in as_completed(futures):
            index = future.result()
            if on_filled:
                on_filled(index)


def pieces(tensor: Tensor) -> Sequence[Tensor]:
    """Views of the bytes of a contiguous tensor."""
    return _split(tensor, PIECE)


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """Threads; after an error or Ctrl-C they end with what is under way."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def tensor_places(path: Path) -> tuple[int, dict[str, tuple[int, int]]]:
    """Where the tensors of a safetensors file begin, and where each of them begins and ends.

    Raises:
        struct.error, ValueError, KeyError, TypeError, AttributeError: it has no such header.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(min(length, path.stat().st_size)))
    start = 8 + length
    return start, {
        name: (start + entry["data_offsets"][0], start + entry["data_offsets"][1])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def _split(tensor: Tensor, size: int) -> Sequence[Tensor]:
    return torch.split(tensor.detach().view(-1).view(torch.uint8), size)


def _buffers(tensors: Sequence[Tensor]) -> "SimpleQueue[Tensor]":
    """A page-locked buffer for each worker, where tensors lie on a GPU."""
    buffers: SimpleQueue[Tensor] = SimpleQueue()
    if any(tensor.is_cuda for tensor in tensors):
        for _ in range(WORKERS):
            buffers.put(torch.empty(PIECE, dtype=torch.uint8, pin_memory=True))
    return buffers


@contextmanager
def _borrowed(buffers: "SimpleQueue[Tensor]", tensor: Tensor) -> Iterator[Tensor | None]:
    """A buffer for the time of a place; on the CPU none is needed."""
    buffer = buffers.get() if tensor.is_cuda else None
    try:
        yield buffer
    finally:
        if buffer is not None:
            buffers.put(buffer)


def _read(file: int, data: memoryview, offset: int) -> None:
    while data:
        read = os.preadv(file, [data], offset)
        if not read:
            raise ShortFileError("the file ends early")
        data, offset = data[read:], offset + read
