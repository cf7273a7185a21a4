"""The operator's one entry: prefill, chunked prefill and decoding."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from dashdoc.kernels import reference
from dashdoc.kernels.augmented import attend_augmented, fits
from dashdoc.kernels.dense import attend_dense
from dashdoc.kernels.gathered import attend_gathered

Backend = Literal["torch", "triton"]
# (query, key, value, bias, position, chunk size) -> output: stage 3.
Attend = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int], Tensor]

# Queries computed at once: enough to fill the device, few enough for a CPU's caches.
QUERY_BLOCK = {"cpu": 128, "cuda": 512}
KERNEL_DTYPES = (torch.float16, torch.bfloat16, torch.float32)


@dataclass(frozen=True)
class RoutingCounts:
    """What the routing of one call read.

    `active` [B, Hkv, M] int32: active chunks of each query, local ones included; 0 where padded.
    `reads` [B, Hkv, ceil(N / C)] int64: queries that read a chunk as one before their own.
    """

    active: Tensor
    reads: Tensor


def dash_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    class_query: Tensor,
    *,
    chunk_size: int = 64,
    scale: float = 1.0,
    estimate_diagonal: bool = False,
    sigma: float = 1e6,
    local_chunks: int = 1,
    padding: Tensor | None = None,
    summaries: Tensor | None = None,
    measure: bool = False,
    query_block: int | None = None,
    backend: Backend | None = None,
) -> tuple[Tensor, RoutingCounts | None]:
    """Adaptive sparse attention with differentiable routing (DashAttention, section 3).

    The M queries are the last M of the N key tokens: M = N is prefill, M < N a piece of a chunked
    prefill, M = 1 decoding. Memory is linear in N: queries are taken in blocks, and where
    gradients are wanted a block is computed again in the backward pass.

    Args:
        query: [B, Hq, M, D]; key, value: [B, Hkv, N, D]; rotary embedding applied to both.
        class_query: [Hkv, D], or [B, Hkv, N // C, D] (see `reference.rotate_class_query`).
        chunk_size: C, tokens; scale: the sparsity knob, higher is sparser.
        estimate_diagonal, sigma, local_chunks: the routing prior (see `reference.prior`).
        padding: [B] padded tokens at the left of each row.
        summaries: [B, Hkv, P, D] of the first P complete chunks, P at least the last query's
            chunk; computed from the keys where not given.
        measure: whether to count what is read.
        query_block: queries computed at once; what suits the device where not given.
        backend: `torch` is the definition; `triton` its kernels, which need Triton and a head
            dimension and chunk size that are powers of two from 16 on. What suits where not given:
            full attention where the scale is 0 and the prior flat.

    Returns:
        The output [B, Hq, M, D] in the query's dtype, and what was read where it was measured.

    Raises:
        ValueError: shapes that do not belong together.
    """
    _check(query, key, value, class_query, chunk_size, local_chunks, summaries)
    M, N = query.shape[2], key.shape[2]
    if backend is None and padding is None and scale == 0 and estimate_diagonal:
        everything = count_all(M, key, chunk_size) if measure else None
        return attend_dense(query, key, value), everything
    routing: dict[str, Any] = {
        "chunk_size": chunk_size,
        "scale": scale,
        "estimate_diagonal": estimate_diagonal,
        "sigma": sigma,
        "local_chunks": local_chunks,
        "padding": padding,
    }
    trained = torch.is_grad_enabled() and any(
        t is not None and t.requires_grad for t in (query, key, value, class_query, summaries)
    )
    augmented = (
        padding is None and query.is_cuda and trained and M == N and fits(query, N, chunk_size)
    )
    fitting = query.is_cuda and has_kernels(query.dtype, query.shape[-1], chunk_size)
    if backend is None:
        backend = "triton" if fitting and not augmented else "torch"
    if backend == "triton":
        return _attend_triton(query, key, value, class_query, summaries, routing, measure)
    if summaries is None:
        summaries = reference.summarize(key, class_query, chunk_size, padding)
    attend: Attend = partial(reference.attend, padding=padding)
    if augmented:
        attend, query_block = attend_augmented, N
    elif padding is None and query.is_cpu and not trained:
        attend = attend_gathered
    block: Callable[..., tuple[Tensor, Tensor]] = partial(_attend_block, attend=attend, **routing)
    if trained and attend is not attend_augmented:
        block = partial(checkpoint, block, use_reentrant=False)

    outputs, counts = [], []
    start = N - M
    for piece in torch.split(query, query_block or QUERY_BLOCK[query.device.type], dim=2):
        output, bias = block(piece, key, value, summaries, start)
        outputs.append(output)
        if measure:
            counts.append(count_reads(bias, start, chunk_size, padding))
        start += piece.shape[2]
    return torch.cat(outputs, 2), _join(counts, -(-N // chunk_size)) if measure else None


def has_kernels(dtype: torch.dtype, head_dim: int, chunk_size: int) -> bool:
    """Whether the Triton kernels take queries of such numbers and such chunks."""
    powers = all(size >= 16 and size & (size - 1) == 0 for size in (head_dim, chunk_size))
    return powers and dtype in KERNEL_DTYPES


def _attend_triton(
    query: Tensor, key: Tensor, value: Tensor, class_query: Tensor, summaries: Tensor | None,
    routing: dict[str, Any], measure: bool,
) -> tuple[Tensor, RoutingCounts | None]:  # fmt: skip
    """The operator by its kernels, in the dtype that autocast asks for."""
    from dashdoc.kernels.triton.autograd import attend_sparse, summarize

    if torch.is_autocast_enabled(query.device.type):
        dtype = torch.get_autocast_dtype(query.device.type)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
        summaries = None if summaries is None else summaries.to(dtype)
    if summaries is None:
        summaries = summarize(key, class_query, routing["chunk_size"], routing["padding"])
    attended: tuple[Tensor, RoutingCounts | None] = attend_sparse(
        query, key, value, summaries, **routing, measure=measure
    )
    return attended


def count_reads(bias: Tensor, start: int, chunk_size: int, padding: Tensor | None) -> RoutingCounts:
    """Count the active chunks in the bias [B, Hkv, M, chunks] of queries `start`, ..."""
    M, chunks = bias.shape[2:]
    position = torch.arange(start, start + M, device=bias.device)
    active = bias.detach() > -torch.inf
    if padding is not None:
        active = active & (position >= padding[:, None])[:, None, :, None]
    past = torch.arange(chunks, device=bias.device) < (position // chunk_size)[:, None]
    return RoutingCounts(active.sum(-1, dtype=torch.int32), (active & past).sum(2))


def count_all(queries: int, key: Tensor, chunk_size: int) -> RoutingCounts:
    """What the last `queries` of the keys [B, Hkv, N, D] read where nothing is left out."""
    B, Hkv, N, _ = key.shape
    start = N - queries
    active = torch.arange(start, N, device=key.device) // chunk_size + 1
    behind = torch.arange(chunk_size, N + chunk_size, chunk_size, device=key.device)
    reads = (N - behind.clamp_min(start)).clamp_min(0)
    return RoutingCounts(active.int().expand(B, Hkv, -1), reads.expand(B, Hkv, -1))


def _join(counts: list[RoutingCounts], chunks: int) -> RoutingCounts:
    """The counts of all blocks of queries, over all chunks."""
    reads = counts[0].reads.new_zeros(*counts[0].reads.shape[:2], chunks)
    for block in counts:
        reads[..., : block.reads.shape[-1]] += block.reads
    return RoutingCounts(torch.cat([block.active for block in counts], 2), reads)


def _attend_block(
    query: Tensor, key: Tensor, value: Tensor, summaries: Tensor, start: int, *,
    attend: Attend, chunk_size: int, scale: float, estimate_diagonal: bool, sigma: float,
    local_chunks: int, padding: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Stages 2 and 3 for queries `start`, `start + 1`, ...: the output and the chunks' bias."""
    end = start + query.shape[2]
    own = (end - 1) // chunk_size
    position = torch.arange(start, end, device=query.device)
    probabilities = reference.route(
        query, summaries[:, :, :own], position, chunk_size, scale, padding
    )
    bias = reference.prior(
        probabilities,
        position,
        chunk_size,
        own + 1,
        estimate_diagonal,
        sigma,
        local_chunks,
        padding,
    )
    output = attend(query, key[:, :, :end], value[:, :, :end], bias, position, chunk_size)
    return output, bias


def _check(
    query: Tensor, key: Tensor, value: Tensor, class_query: Tensor, chunk_size: int,
    local_chunks: int, summaries: Tensor | None,
) -> None:  # fmt: skip
    """Raise ValueError unless the shapes belong together."""
    B, Hq, M, D = query.shape
    _, Hkv, N, _ = key.shape

    def expect(name: str, tensor: Tensor, *shapes: tuple[int, ...]) -> None:
        if tuple(tensor.shape) not in shapes:
            wanted = " or ".join(str(list(shape)) for shape in shapes)
            raise ValueError(f"{name} has shape {list(tensor.shape)}, expected {wanted}")

    expect("key", key, (B, Hkv, N, D))
    expect("value", value, (B, Hkv, N, D))
    if Hq % Hkv:
        raise ValueError(f"{Hq} query heads cannot share {Hkv} KV heads evenly")
    if not 1 <= M <= N:
        raise ValueError(f"{M} queries for {N} keys: the queries must be the last of the keys")
    if chunk_size < 1 or local_chunks < 1:
        raise ValueError("chunk_size and local_chunks must be at least 1")
    expect("class_query", class_query, (Hkv, D), (B, Hkv, N // chunk_size, D))
    if summaries is not None:
        expect("summaries", summaries, (B, Hkv, summaries.shape[2], D))
        if summaries.shape[2] < (N - 1) // chunk_size:
            raise ValueError(
                f"{summaries.shape[2]} summaries for {N} keys, expected {(N - 1) // chunk_size}"
            )
