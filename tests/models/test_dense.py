"""Full attention on the weights of a model that routes."""

from pathlib import Path

import pytest
import torch

from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.dense import is_dense, with_full_attention


@pytest.fixture
def model(tiny_checkpoint: Path) -> Model:
    return load_model(choose_model(str(tiny_checkpoint), device="cpu"))


def logits(model: Model, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model.network(ids).logits


def test_the_weights_are_shared(model: Model) -> None:
    full = with_full_attention(model)
    before, after = model.network.state_dict(), full.network.state_dict()
    assert before.keys() == after.keys()
    assert all(before[name].data_ptr() == after[name].data_ptr() for name in before)


def test_the_model_itself_goes_on_routing(model: Model) -> None:
    ids = torch.randint(model.config.vocab_size, (1, 300))
    before = logits(model, ids)
    full = with_full_attention(model)
    assert is_dense(full) and not is_dense(model)
    assert torch.equal(logits(model, ids), before)
    assert not torch.allclose(logits(full, ids), before)


def test_it_is_llama(model: Model) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    llama = LlamaForCausalLM(LlamaConfig(**model.config.to_dict()))
    llama.load_state_dict(model.network.state_dict(), strict=False)
    ids = torch.randint(model.config.vocab_size, (1, 300))
    with torch.inference_mode():
        expected = llama(ids).logits
    torch.testing.assert_close(logits(with_full_attention(model), ids), expected)
