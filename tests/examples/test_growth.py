"""A deeper network that begins as a shallower one."""

import pytest
import torch
from tokenizers import Tokenizer

from dashdoc.models.llama import DashLlamaForCausalLM
from examples.train_bundled.growth import grown
from examples.train_bundled.recipe import configuration

TOKENIZER = "dashdoc/models/bundled/tokenizer.json"
SIZES = {"hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}


def network(layers: int, neurons: int) -> DashLlamaForCausalLM:
    sizes = SIZES | {"num_hidden_layers": layers, "intermediate_size": neurons}
    return DashLlamaForCausalLM(configuration(Tokenizer.from_file(TOKENIZER), **sizes)).eval()


def grow(small: DashLlamaForCausalLM, large: DashLlamaForCausalLM) -> None:
    large.load_state_dict(grown(small, large, torch.randint(8192, (2, 50))))


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_new_layers_change_nothing_at_first(layers: int) -> None:
    small, large = network(2, 48), network(layers, 48)
    grow(small, large)
    tokens = torch.randint(8192, (1, 100))
    with torch.no_grad():
        torch.testing.assert_close(large(tokens).logits, small(tokens).logits)


def test_new_layers_learn() -> None:
    large = network(4, 48)
    grow(network(2, 48), large)
    large(torch.randint(8192, (1, 100))).logits.square().sum().backward()
    for layer in large.model.layers[1:3]:
        for last in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
            assert not last.any() and last.grad is not None and last.grad.any()


@pytest.mark.parametrize("part", ["gate_proj", "down_proj"])
def test_the_neurons_that_add_most_are_kept(part: str) -> None:
    small, large = network(2, 48), network(4, 32)
    kept = sorted(torch.randperm(48)[:32].tolist())
    faint = torch.full((48, 1), 1e-4)
    faint[kept] = 1
    with torch.no_grad():
        for layer in small.model.layers:
            layer.mlp.get_submodule(part).weight *= faint if part == "gate_proj" else faint.T
            # Large, but at work in no text.
            layer.mlp.up_proj.weight[[n for n in range(48) if n not in kept]] *= 10
    grow(small, large)
    for mine, theirs in ((0, 0), (3, 1)):
        grew, began = large.model.layers[mine].mlp, small.model.layers[theirs].mlp
        assert torch.equal(grew.up_proj.weight, began.up_proj.weight[kept])
        assert torch.equal(grew.down_proj.weight, began.down_proj.weight[:, kept])
    tokens = torch.randint(8192, (1, 100))
    with torch.no_grad():
        torch.testing.assert_close(large(tokens).logits, small(tokens).logits, atol=1e-3, rtol=0)
