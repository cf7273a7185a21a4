"""Heads that are taught to look where the answer stands, as the operator asks them."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from dashdoc.kernels.reference import attend, prior, route, summarize
from dashdoc.models.fused import rotated
from dashdoc.models.llama import DashLlamaForCausalLM
from examples.train_bundled import looking
from examples.train_bundled.finding import NOTHING, SENTENCE, WORD
from examples.train_bundled.looking import attention, looked
from examples.train_bundled.recipe import configuration
from examples.train_bundled.tasks import ANSWER_READER, IGNORED, TEXT

TOKENIZER = Path("dashdoc/models/bundled/tokenizer.json")
LENGTH, QUERY_HEADS, D, C = 100, 4, 16, 8  # two query heads a KV head


@pytest.fixture
def model() -> DashLlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 3}
    heads = {"num_attention_heads": QUERY_HEADS, "num_key_value_heads": 2, "head_dim": D}
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    made = DashLlamaForCausalLM(configuration(tokenizer, **sizes, **heads, chunk_size=C))
    for layer in made.model.layers:
        torch.nn.init.normal_(layer.self_attn.indexer_q)
        torch.nn.init.normal_(layer.self_attn.q_proj.weight)
        torch.nn.init.normal_(layer.self_attn.k_proj.weight)
    return made


@pytest.mark.parametrize("head", range(QUERY_HEADS))
def test_a_head_attends_as_the_operator_does_with_softmax_for_entmax(
    model: DashLlamaForCausalLM, head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, hidden = model.model.layers[1].self_attn, torch.randn(1, LENGTH, 32)
    positions = torch.arange(LENGTH)
    angles = model.model.rotary_emb(hidden, positions[None])
    told = attention(layer, head, hidden, angles, positions[None]).exp()  # [1, T, T]

    monkeypatch.setattr("dashdoc.kernels.reference.entmax15", lambda scores: scores.softmax(-1))
    query = layer.q_proj(hidden).view(1, LENGTH, -1, D)[:, :, [head]]
    key = layer.k_proj(hidden).view(1, LENGTH, -1, D)[:, :, [head // 2]]
    query, key = (t.transpose(1, 2) for t in rotated(query, key, angles))
    value = torch.randn(1, 1, LENGTH, D)
    summaries = summarize(key, layer.indexer_q.view(-1, D)[[head // 2]], C)
    wanted = route(query, summaries, positions, C, layer.config.scaling_factor)
    bias = prior(wanted, positions, C, -(-LENGTH // C), False, 1.0, 1)
    expected = attend(query, key, value, bias, positions, C)[:, 0]
    torch.testing.assert_close(told @ value[:, 0], expected, atol=1e-4, rtol=1e-4)


def test_a_head_learns_to_look_at_what_is_sought_and_readers_are_told(
    model: DashLlamaForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "HEADS", {1: (2, SENTENCE), 2: (3, WORD), 3: (0, WORD)})
    states = [torch.randn(2, LENGTH, 32, requires_grad=True) for _ in range(4)]
    kinds = torch.full((2, LENGTH), TEXT)
    kinds[:, 70:] = IGNORED
    kinds[:, 90:] = ANSWER_READER
    sentences = torch.tensor([[[89], [89]], [[40], [12]]])
    words = torch.tensor([[[89, 90], [89, 0]], [[33, 34], [8, NOTHING]]])
    first, shares = looked(model, states, kinds, (sentences, words))
    assert shares.keys() == {"head_1", "head_2"}
    first.backward()
    assert [state.grad is not None for state in states] == [False, True, True, False]

    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        loss, shares = looked(model, states, kinds, (sentences, words))
        loss.backward()
        optimizer.step()
    assert loss < 0.1 * first and shares == {"head_1": 1, "head_2": 1}
    for layer, heads in ((1, [2]), (2, [3])):  # no other head was asked
        learned = model.model.layers[layer].self_attn.q_proj.weight.grad.view(QUERY_HEADS, -1)
        assert [head for head in range(QUERY_HEADS) if learned[head].any()] == heads


def test_a_batch_in_which_nothing_is_sought_teaches_no_head(
    model: DashLlamaForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "HEADS", {1: (2, SENTENCE)})
    states = [torch.randn(1, LENGTH, 32) for _ in range(4)]
    nothing = torch.tensor([[[0]], [[NOTHING]]])
    loss, _ = looked(model, states, torch.full((1, LENGTH), TEXT), (nothing, nothing))
    loss.backward()
    assert loss == 0 and not model.model.layers[1].self_attn.q_proj.weight.grad.any()
