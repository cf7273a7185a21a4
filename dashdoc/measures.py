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
    """One reading of the documents into the cache; `document_tokens` is its tokens by document.

    `restored_from` is the time, in ISO 8601, of an earlier reading that was restored from disk: the
    routing is then what was measured there, the seconds are those of restoring it.
    """

    documents: list[str]
    pages: int
    tokens: int
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    routing: Routing
    truncation: Truncation | None = None
    document_tokens: list[int] = field(default_factory=list)
    restored_from: str | None = None


@dataclass(frozen=True)
class Citation:
    """A quote of the answer and where the document holds it; the place is None if it does not.

    `page` is where it starts, `last_page` where it ends. `exact` is false where only spacing,
    hyphens, quotation marks, emphasis or case differ.
    """

    quote: str
    document: str | None = None
    page: int | None = None
    label: str | None = None
    lines: tuple[int, int] | None = None
    last_page: int | None = None
    exact: bool = False


@dataclass(frozen=True)
class Passage:
    """A run of text that routing read for an answer, on one page or in lines of a text.

    `share` is its part of all that the routing turned to.
    """

    document: str
    page: int | None
    label: str | None
    lines: tuple[int, int] | None
    share: float
    text: str


@dataclass(frozen=True)
class Sources:
    """What routing read most for an answer, measured and not taken from the model's words.

    `passages` come strongest first, and so do `pages`, each by its strongest passage: document and
    1-based number. `along` is the share of equal stretches of the reading.
    """

    passages: list[Passage]
    pages: list[tuple[str, int]]
    along: list[float]


@dataclass(frozen=True)
class Answer:
    """One answer and what it took; times in seconds.

    `pages` are those of the citations, `coverage` the share of the answer's words inside quotes
    that were found. A summary has no sources.
    """

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
    coverage: float = 0.0
    sources: Sources | None = None


def to_json(measure: Any) -> Any:
    """A measure as JSON types."""
    return asdict(measure)
