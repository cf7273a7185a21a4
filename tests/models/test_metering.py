"""The meter: its figures are those of a count token by token, however the counting is cut up."""

import itertools

import pytest
import torch
from torch import Tensor

from dashdoc.measures import Routing
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.metering import AUTHORS_FIRST_TOKEN, STRETCHES, ChunkMeter

LAYERS, HEADS = 3, 2


def random_counts(tokens: int, C: int, start: int = 0, batch: int = 1) -> Tensor:
    """[L, B, Hkv, M]: each token reads between one and all of its chunks."""
    readable = torch.arange(start, start + tokens) // C + 1
    share = torch.rand(LAYERS, batch, HEADS, tokens)
    return (share * readable).floor().clamp_min(1).int()


def measured(active: Tensor, C: int, pieces: list[int] | None = None, start: int = 0) -> Routing:
    config = DashLlamaConfig(
        num_hidden_layers=LAYERS, num_attention_heads=4, num_key_value_heads=HEADS, chunk_size=C
    )
    meter = ChunkMeter(config)
    for piece in active.split(pieces or active.shape[-1], -1):
        for layer in range(LAYERS):
            meter.add(layer, start, piece[layer], torch.empty(0), torch.empty(0))
        start += piece.shape[-1]
    return meter.routing()


def dense(tokens: int, C: int) -> Tensor:
    readable = torch.arange(tokens) // C + 1
    return readable.int().expand(LAYERS, 1, HEADS, tokens).contiguous()


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("tokens", "C"), [(1, 16), (15, 16), (16, 16), (333, 16), (5000, 64)])
def test_the_figures_are_those_of_a_count_token_by_token(tokens: int, C: int, batch: int) -> None:
    active = random_counts(tokens, C, batch=batch)
    routing = measured(active, C)
    readable = (torch.arange(tokens) // C + 1).double()
    skipped = 1 - active.double().sum((1, 3)) / (batch * readable.sum())  # [L, Hkv]
    assert routing.tokens == batch * tokens
    assert routing.chunk_size == C
    assert routing.sparsity == pytest.approx(skipped.mean().item(), abs=1e-12)
    assert routing.per_layer == pytest.approx(skipped.mean(1).tolist(), abs=1e-12)
    assert sum(routing.per_head, []) == pytest.approx(skipped.flatten().tolist(), abs=1e-12)
    mean = 1 - (active / readable).mean().item()
    assert routing.sparsity_token_mean == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("C", [16, 64])
def test_the_authors_figure_divides_by_the_whole_length(C: int) -> None:
    tokens = AUTHORS_FIRST_TOKEN + 777
    active = random_counts(tokens, C)
    late = active[..., AUTHORS_FIRST_TOKEN:].double().mean().item()
    assert measured(active, C).sparsity_authors == pytest.approx(1 - C * late / tokens)


def test_dense_attention_at_16k_scores_37_percent_by_the_authors_figure() -> None:
    assert measured(dense(16_384, 64), 64).sparsity_authors == pytest.approx(0.37, abs=0.005)


@pytest.mark.parametrize(("tokens", "told"), [(4095, False), (4096, False), (4097, True)])
def test_the_authors_figure_wants_more_than_4096_tokens(tokens: int, told: bool) -> None:
    assert (measured(dense(tokens, 64), 64).sparsity_authors is not None) is told


@pytest.mark.parametrize("tokens", [1, 16, 100, 3000])
def test_dense_routing_has_sparsity_zero(tokens: int) -> None:
    routing = measured(dense(tokens, 16), 16)
    assert routing.sparsity == routing.sparsity_token_mean == 0
    assert {0.0} == {*routing.per_layer, *sum(routing.per_head, []), *sum(routing.along, [])}


@pytest.mark.parametrize("start", [0, 5, 4090])
@pytest.mark.parametrize("pieces", [[400], [16] * 25, [1] * 400, [7, 64, 300, 29]])
def test_counting_in_pieces_gives_the_same_figures(pieces: list[int], start: int) -> None:
    active = random_counts(400, 16, start)
    assert measured(active, 16, pieces, start) == measured(active, 16, start=start)


@pytest.mark.parametrize("start", [0, 1000])
@pytest.mark.parametrize("tokens", [1, 100, 16 * STRETCHES, 5000])
def test_the_stretches_add_up_to_the_layer(tokens: int, start: int) -> None:
    C = 16
    routing = measured(random_counts(tokens, C, start), C, start=start)
    position = torch.arange(start, start + tokens)
    readable = [
        int((position[(position >= first) & (position < last)] // C + 1).sum())
        for first, last in itertools.pairwise(routing.edges)
    ]
    assert sum(readable) == int((position // C + 1).sum())  # the edges leave no token out
    assert len(readable) == min(STRETCHES, (start + tokens - 1) // C - start // C + 1)
    for layer, along in zip(routing.per_layer, routing.along, strict=True):
        weighed = sum(s * share for s, share in zip(along, readable, strict=True)) / sum(readable)
        assert weighed == pytest.approx(layer, abs=1e-12)


def test_the_edges_are_where_chunks_begin() -> None:
    edges = measured(random_counts(5000, 16), 16).edges
    assert edges[0] == 0 and edges[-1] >= 5000
    assert edges == sorted(set(edges))
    assert {edge % 16 for edge in edges} == {0}
