"""Whether documents fit into one context, told before a weight is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashdoc.documents import Document
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
    """What reading some documents would take; `limit` is the most tokens that fit."""

    tokens: int
    limit: int
    cache_bytes: int
    workspace_bytes: int
    needed_bytes: int
    fits: bool
    beyond_training: bool


def measure_room(choice: "ModelChoice") -> Room:
    """What is free now, and what it holds beside the weights."""
    from dashdoc.models.memory import free_bytes
    from dashdoc.session import MAX_TOKENS, QUESTION_TOKENS

    free = free_bytes(choice.device)
    context = choice.largest_context(free - choice.weight_bytes)
    return Room(free, max(context - QUESTION_TOKENS - MAX_TOKENS, 0))


def estimate(choice: "ModelChoice", documents: Sequence[Document], room: Room) -> Estimate:
    """Count the tokens and the memory; only the tokenizer is loaded."""
    from transformers import AutoTokenizer

    from dashdoc.kernels.operator import QUERY_BLOCK
    from dashdoc.models.cache import cache_bytes
    from dashdoc.models.memory import workspace_bytes

    frame = ChatFrame(AutoTokenizer.from_pretrained(choice.folder))
    texts = [segment.text for segment in segments(documents)]
    tokens = len(frame.opening) + sum(len(frame.plain(text)) for text in texts)
    cache = cache_bytes(choice.config, tokens, choice.dtype)
    block = QUERY_BLOCK[choice.device.type]
    workspace = workspace_bytes(choice.config, tokens, choice.prefill_piece, block)
    return Estimate(
        tokens=tokens,
        limit=room.largest_context,
        cache_bytes=cache,
        workspace_bytes=workspace,
        needed_bytes=choice.weight_bytes + cache + workspace,
        fits=tokens <= room.largest_context,
        beyond_training=tokens > choice.trained_tokens,
    )
