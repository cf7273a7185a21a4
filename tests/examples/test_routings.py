"""The routings of the comparison do what their papers define: token by token, in float64."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import flex_attention

from dashdoc.models.configuration import DashLlamaConfig
from examples.compare_routings import chosen as chosen_module
from examples.compare_routings import nsa as nsa_module
from examples.compare_routings.chosen import attend_chosen, choose_chunks
from examples.compare_routings.layer import ChunkedAttention
from examples.compare_routings.nsa import WINDOW_CHUNKS, NativeSparseAttention, in_window
from examples.compare_routings.topk import TopKAttention, route_top_k

C, D, HKV, G, SIZE = 8, 16, 2, 2, 24
LENGTHS = (5, 8, 61, 96)


class Reads:
    """Keeps how many chunks each token read."""

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, key: Tensor) -> None:
        self.active = active


def layer_of(kind: type[ChunkedAttention], top_k: int = 3) -> ChunkedAttention:
    torch.manual_seed(0)
    config = DashLlamaConfig(
        hidden_size=SIZE,
        num_attention_heads=HKV * G,
        num_key_value_heads=HKV,
        head_dim=D,
        chunk_size=C,
    )
    layer = kind(config, 0, top_k).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.4)
    return layer


def inputs(N: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Hidden states, and the rotation of each position."""
    torch.manual_seed(N)
    angles = torch.arange(N)[:, None] * 100.0 ** -(torch.arange(0, D, 2) / D)
    angles = torch.cat((angles, angles), -1)[None].double()
    return torch.randn(2, N, SIZE, dtype=torch.float64), (angles.cos(), angles.sin())


def turned(vector: Tensor, tables: tuple[Tensor, Tensor], position: int) -> Tensor:
    """Llama's rotary embedding of one vector."""
    first, second = vector.chunk(2)
    half = torch.cat((-second, first))
    return vector * tables[0][0, position] + half * tables[1][0, position]


def softmax_read(query: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
    weights = torch.stack([query @ key / math.sqrt(D) for key in keys]).softmax(0)
    return sum(w * v for w, v in zip(weights, values, strict=True))


def best(scores: list[Tensor], own: int, top_k: int) -> list[int]:
    """The first chunk and the one before the own, then those of the highest scores; the own."""
    order = sorted(range(own), key=lambda c: (c not in (0, own - 1), -scores[c].item()))
    return sorted({*order[:top_k], own})


def naive_top_k(layer: ChunkedAttention, hidden: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    rows = []
    for x in hidden:
        q, k, v = (p(x).view(len(x), -1, D) for p in (layer.q_proj, layer.k_proj, layer.v_proj))
        q, k = (
            [[turned(h, tables, t) for h in heads] for t, heads in enumerate(z)] for z in (q, k)
        )
        for t in range(len(x)):
            own, outputs = t // C, []
            for h in range(HKV):
                group = range(h * G, (h + 1) * G)
                scores = []
                if own:
                    kernels = [
                        (c, torch.stack([k[u][h] for u in range(start, start + C // 2)]).mean(0))
                        for c in range(own)
                        for start in (c * C, c * C + C // 4, c * C + C // 2)
                    ]
                    weights = sum(
                        torch.stack(
                            [q[t][i] @ kernel / math.sqrt(D) for _, kernel in kernels]
                        ).softmax(0)
                        for i in group
                    )
                    scores = [
                        max(w for w, (chunk, _) in zip(weights, kernels, strict=True) if chunk == c)
                        for c in range(own)
                    ]
                read = [u for u in range(t + 1) if u // C in best(scores, own, layer.top_k)]
                outputs += [
                    softmax_read(q[t][i], [k[u][h] for u in read], [v[u][h] for u in read])
                    for i in group
                ]
            rows.append(layer.o_proj(torch.cat(outputs)))
    return torch.stack(rows).view(len(hidden), -1, SIZE)


def naive_nsa(layer: ChunkedAttention, hidden: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    assert isinstance(layer, NativeSparseAttention)
    rows = []

    def compressed(module: nn.Module, heads: list[Tensor]) -> Tensor:
        weights = module.place_logits.softmax(0)
        mean = sum(
            w * (x + place)
            for w, x, place in zip(weights, heads, module.place_embedding, strict=True)
        )
        return mean + module.mlp(mean)

    for x in hidden:
        N = len(x)

        def heads(projection: nn.Linear, x: Tensor = x) -> Tensor:
            return projection(x).view(len(x), -1, D)

        q = [[turned(h, tables, t) for h in row] for t, row in enumerate(heads(layer.q_proj))]
        k, v = heads(layer.k_proj), heads(layer.v_proj)
        branches = {}
        for name, key, value in (
            ("selected", layer.selected_k_proj, layer.selected_v_proj),
            ("window", layer.window_k_proj, layer.window_v_proj),
        ):
            keys = [[turned(h, tables, t) for h in row] for t, row in enumerate(heads(key))]
            branches[name] = (keys, heads(value))
        gates = layer.gate(x).sigmoid().view(N, -1, 3)
        for t in range(N):
            own, outputs = t // C, []
            for h in range(HKV):
                spans = [range(c * C, (c + 1) * C) for c in range(own)]
                keys = [
                    turned(compressed(layer.compress_key, [k[u, h] for u in span]), tables, span[0])
                    for span in spans
                ]
                values = [
                    compressed(layer.compress_value, [v[u, h] for u in span]) for span in spans
                ]
                group = range(h * G, (h + 1) * G)
                scores = [torch.zeros(()) for _ in spans]
                coarse = {i: torch.zeros(D, dtype=torch.float64) for i in group}
                for i in group if own else ():
                    logits = torch.stack([q[t][i] @ key / math.sqrt(D) for key in keys])
                    scores = [s + w for s, w in zip(scores, logits.softmax(0), strict=True)]
                    coarse[i] = softmax_read(q[t][i], keys, values)
                chunks = {
                    "selected": best(scores, own, layer.top_k),
                    "window": list(range(own - WINDOW_CHUNKS + 1, own + 1)),
                }
                for i in group:
                    output = gates[t, i, 0] * coarse[i]
                    for gate, (name, (near, far)) in zip(
                        gates[t, i, 1:], branches.items(), strict=True
                    ):
                        read = [u for u in range(t + 1) if u // C in chunks[name]]
                        output = output + gate * softmax_read(
                            q[t][i], [near[u][h] for u in read], [far[u, h] for u in read]
                        )
                    outputs.append(output)
            rows.append(layer.o_proj(torch.cat(outputs)))
    return torch.stack(rows).view(len(hidden), -1, SIZE)


NAIVE = {TopKAttention: naive_top_k, NativeSparseAttention: naive_nsa}


@pytest.mark.parametrize("N", LENGTHS)
@pytest.mark.parametrize("kind", NAIVE, ids=lambda kind: kind.__name__)
def test_a_layer_is_what_loops_over_tokens_give(kind: type[ChunkedAttention], N: int) -> None:
    layer, (hidden, tables) = layer_of(kind), inputs(N)
    actual, _ = layer(hidden, tables)
    torch.testing.assert_close(actual, NAIVE[kind](layer, hidden, tables))


@pytest.mark.parametrize("kind", NAIVE, ids=lambda kind: kind.__name__)
def test_so_are_its_gradients(kind: type[ChunkedAttention]) -> None:
    layer, (hidden, tables) = layer_of(kind), inputs(45)
    hidden.requires_grad_()
    upstream = torch.randn_like(hidden)
    wanted = [hidden, *layer.parameters()]
    actual = torch.autograd.grad((layer(hidden, tables)[0] * upstream).sum(), wanted)
    naive = NAIVE[kind](layer, hidden, tables)
    expected = torch.autograd.grad((naive * upstream).sum(), wanted)
    for ours, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("top_k", [2, 3, 50])
@pytest.mark.parametrize("kind", NAIVE, ids=lambda kind: kind.__name__)
def test_a_token_reads_as_many_chunks_as_there_are_up_to_a_fixed_number(
    kind: type[ChunkedAttention], top_k: int
) -> None:
    reads, (hidden, tables) = Reads(), inputs(90)
    layer_of(kind, top_k)(hidden, tables, meter=reads)
    own = torch.arange(90) // C
    least = own.clamp_max(top_k) + 1
    if kind is TopKAttention:
        assert (reads.active == least).all()
    else:  # the window may hold others
        assert (reads.active >= least).all()
        assert (reads.active <= (least + WINDOW_CHUNKS - 2).minimum(own + 1)).all()


def test_the_first_and_the_latest_chunks_are_always_read() -> None:
    scores = torch.rand(1, 1, 80, 10)
    scores[..., 0] = -1
    read = choose_chunks(scores, torch.arange(80), C, top_k=3, local_chunks=2)
    own = torch.arange(80) // C
    assert read[0, 0, :, 0].all()
    for back in (0, 1):
        assert read[0, 0].gather(1, (own - back).clamp_min(0)[:, None]).all()
    assert not read[0, 0][torch.arange(10) > own[:, None]].any()


@pytest.mark.parametrize("kind", NAIVE, ids=lambda kind: kind.__name__)
def test_what_comes_later_changes_nothing(kind: type[ChunkedAttention]) -> None:
    layer, (hidden, tables) = layer_of(kind), inputs(70)
    before, _ = layer(hidden, tables)
    hidden[:, 50:] = torch.randn_like(hidden[:, 50:])
    after, _ = layer(hidden, tables)
    torch.testing.assert_close(before[:, :50], after[:, :50])


def test_reading_everything_is_full_attention() -> None:
    layer, (hidden, _) = layer_of(TopKAttention, top_k=100), inputs(61)
    query, key = (layer.heads(p, hidden) for p in (layer.q_proj, layer.k_proj))
    everything = torch.ones(2, HKV, 61, 8, dtype=torch.bool)
    actual = attend_chosen(query, key, key, everything, C)
    expected = nn.functional.scaled_dot_product_attention(
        query, key, key, is_causal=True, enable_gqa=True
    )
    torch.testing.assert_close(actual, expected)


def test_the_fused_attention_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen_module, "_flex_attention", flex_attention)
    torch.manual_seed(0)
    query = torch.randn(1, HKV * G, 128, D)
    key, value = torch.randn(1, HKV, 128, D), torch.randn(1, HKV, 128, D)
    read = route_top_k(query, key, C, 4)
    actual = chosen_module._attend_fused(query, key, value, read, C)
    torch.testing.assert_close(actual, attend_chosen(query, key, value, read, C))


def test_the_tiles_of_a_window_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen_module, "_flex_attention", flex_attention)
    torch.manual_seed(0)
    query = torch.randn(1, HKV * G, 256, D)
    key, value = torch.randn(1, HKV, 256, D), torch.randn(1, HKV, 256, D)
    read = in_window(torch.arange(256), 256 // C, C).expand(1, HKV, -1, -1)
    tiles = nsa_module._window(256, C, query.device)
    actual = chosen_module.attend_tiles(query, key, value, tiles)
    torch.testing.assert_close(actual, attend_chosen(query, key, value, read, C))
