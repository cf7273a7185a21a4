"""Whether documents fit into one context, told before a weight is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashdoc.documents import Document
from dashdoc.documents.page_selection import compact
from dashdoc.errors import DashdocError, DoesNotFitError
from dashdoc.prompts import ChatFrame, segments

if TYPE_CHECKING:
    from dashdoc.models import ModelChoice


@dataclass(frozen=True)
class Room:
    """The memory of the device before the weights are there, and the context that fits then."""

    free_bytes: int
    largest_context: int


@dataclass(frozen=True)
class Estimate:
    """What reading some documents would take; `limit` is the most tokens that fit.

    `problem` says what does not fit and what would help, in the words of the error.
    """

    tokens: int
    limit: int
    cache_bytes: int
    workspace_bytes: int
    needed_bytes: int
    fits: bool
    beyond_training: bool
    problem: str | None


def measure_room(choice: "ModelChoice") -> Room:
    """What is free now, and what it holds beside the weights."""
    from dashdoc.models.memory import free_bytes
    from dashdoc.session import MAX_TOKENS, QUESTION_TOKENS

    free = free_bytes(choice.device)
    context = choice.largest_context(free - choice.weight_bytes)
    return Room(free, max(context - QUESTION_TOKENS - MAX_TOKENS, 0))


def estimate(choice: "ModelChoice", documents: Sequence[Document], room: Room) -> Estimate:
    """Count the tokens and the memory; only the tokenizer is loaded."""
    opening, lengths = _count(choice, documents)
    tokens = opening + sum(lengths)
    cache, workspace = choice.cache_bytes(tokens), choice.workspace_bytes(tokens)
    problem = None
    try:
        _check(choice, documents, opening, lengths, room)
    except DashdocError as error:
        problem = error.message
    return Estimate(
        tokens=tokens,
        limit=room.largest_context,
        cache_bytes=cache,
        workspace_bytes=workspace,
        needed_bytes=choice.weight_bytes + cache + workspace,
        fits=problem is None,
        beyond_training=tokens > choice.trained_tokens,
        problem=problem,
    )


def check_fits(choice: "ModelChoice", documents: Sequence[Document]) -> None:
    """Refuse what the loaded model would refuse, before it is loaded.

    Raises:
        DeviceError: the weights alone do not fit.
        DoesNotFitError: as `does_not_fit`.
    """
    room = measure_room(choice)
    # A token has a byte at least: most documents need not be counted twice.
    if sum(len(segment.text.encode()) for segment in segments(documents)) > room.largest_context:
        _check(choice, documents, *_count(choice, documents), room)


def does_not_fit(
    documents: Sequence[Document], lengths: Sequence[int], opening: int, room: int, memory: str
) -> DoesNotFitError:
    """The error with its numbers: tokens, those that fit, the last page of them.

    Args:
        lengths: tokens of each of the documents' `segments`.
        opening: tokens in front of them.
        room: tokens that fit.
        memory: what they need and what there is, in words.
    """
    names = ", ".join(document.name for document in documents)
    tokens = opening + sum(lengths)
    numbers: dict[str, object] = {"tokens": tokens, "limit": room}
    message = f"{names}: {tokens:,} tokens, but memory holds {room:,} ({memory})."
    filled, fitting = opening, []
    for segment, length in zip(segments(documents), lengths, strict=True):
        filled += length
        if filled > room:
            break
        fitting.append(segment)
    if fitting and documents[fitting[-1].document].paged:
        last = fitting[-1]
        numbers["last_page_that_fits"] = last.page
        if len(documents) == 1:
            pages = compact(segment.page for segment in fitting)
            message += f" Pages {pages} would fit: --pages {pages.replace(' ', '')}."
        else:
            message += f" All up to page {last.page} of {documents[last.document].name} would fit."
    message += " To leave a part out: --truncate tail."
    return DoesNotFitError(message, **numbers)


def memory_needed(choice: "ModelChoice", tokens: int, free: int) -> str:
    """What a context takes beside the weights, and what of `free` bytes it may take."""
    from dashdoc.models.memory import RESERVE

    needed = choice.cache_bytes(tokens) + choice.workspace_bytes(tokens)
    return (
        f"cache and workspace need {needed / 2**30:.2f} GiB beside the weights, "
        f"{max(free, 0) * RESERVE / 2**30:.2f} GiB on {choice.device} may be taken"
    )


def _check(
    choice: "ModelChoice",
    documents: Sequence[Document],
    opening: int,
    lengths: Sequence[int],
    room: Room,
) -> None:
    from dashdoc.models.loading import check_weights_fit

    check_weights_fit(choice, room.free_bytes)
    tokens = opening + sum(lengths)
    if tokens > room.largest_context:
        memory = memory_needed(choice, tokens, room.free_bytes - choice.weight_bytes)
        raise does_not_fit(documents, lengths, opening, room.largest_context, memory)


def _count(choice: "ModelChoice", documents: Sequence[Document]) -> tuple[int, list[int]]:
    """Tokens in front of the documents, and of each of their segments."""
    from transformers import AutoTokenizer

    frame = ChatFrame(AutoTokenizer.from_pretrained(choice.folder))
    lengths = [len(frame.plain(segment.text)) for segment in segments(documents)]
    return len(frame.opening), lengths
