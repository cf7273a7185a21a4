"""What was measured while it happened: plain dataclasses that serialise to JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FinishReason = Literal["stop", "length", "repetition", "interrupted"]


@dataclass(frozen=True)
class Routing:
    """How sparse the routing was over a run of tokens; every figure counts whole chunks.

    `sparsity` is the share of the causal triangle that was skipped, the headline.
    `sparsity_token_mean` is the plain mean over tokens. `sparsity_authors` is the figure of the
    authors' example, which divides by the whole length; None below 4,096 tokens.
    `along` is the sparsity of each layer over equal stretches of the run, [layers][stretches];
    stretch i covers tokens `edges[i]` to `edges[i + 1]`.
    """

    tokens: int
    chunk_size: int
    sparsity: float
    sparsity_token_mean: float
    sparsity_authors: float | None
    per_layer: list[float]
    per_head: list[list[float]]
    along: list[list[float]]
    edges: list[int]


@dataclass(frozen=True)
class Truncation:
    """What was left out on request: which part, how many tokens, which pages lost text."""

    cut: Literal["head", "tail", "middle"]
    tokens: int
    pages: dict[str, str]


@dataclass(frozen=True)
class Reading:
    """One reading of the documents into the cache."""

    documents: list[str]
    pages: int
    tokens: int
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    routing: Routing
    truncation: Truncation | None = None


@dataclass(frozen=True)
class Citation:
    """A quote of the answer and where the document holds it; the place is None if it does not."""

    quote: str
    document: str | None
    page: int | None
    label: str | None
    lines: tuple[int, int] | None


@dataclass(frozen=True)
class Answer:
    """One answer and what it took; times in seconds."""

    question: str
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    tokens: int
    first_token_seconds: float
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    routing: Routing
    citations: list[Citation] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)


def to_json(measure: Any) -> Any:
    """A measure as JSON types."""
    return asdict(measure)
