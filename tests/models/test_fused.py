"""The fused layers compute what transformers' own do, and train as they do."""

from pathlib import Path
from statistics import median

import pytest
import torch

from dashdoc.models import fused
from dashdoc.models.cache import DashCache
from dashdoc.models.checkpoint import read_config
from dashdoc.models.generation import forward
from dashdoc.models.llama import DashLlamaForCausalLM
from tests.models import released

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TOKENS = 70


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> DashLlamaForCausalLM:
    folder = released.write(tmp_path_factory.mktemp("released"), chunk_size=16)
    config = read_config(folder, {})
    network = DashLlamaForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32)
    return network.to(DEVICE).eval()


@pytest.mark.parametrize("pieces", [[TOKENS], [40, 29, 1]])
def test_a_network_of_fused_layers_gives_the_logits_of_plain_ones(
    network: DashLlamaForCausalLM, pieces: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU the kernels run in the interpreter."""
    errors = []
    for _ in range(3):
        ids = torch.randint(3, released.VOCABULARY, (1, TOKENS), device=DEVICE)
        logits = []
        for fuses in (True, False):
            monkeypatch.setattr(fused, "fuses", lambda _, fuses=fuses: fuses)
            cache = DashCache(network.config, TOKENS)
            for piece in ids.split(pieces, 1):
                last = forward(network, piece, cache)
            logits.append(last)
        errors.append(((logits[0] - logits[1]).norm() / logits[1].norm()).item())
    # The median: where a chunk's probability is next to zero its logarithm makes much of roundings.
    assert median(errors) < 1e-5


def test_where_gradients_are_wanted_nothing_is_written_over() -> None:
    tensor = torch.ones(1, device=DEVICE)
    assert not fused.fuses(tensor)
    with torch.inference_mode():
        assert fused.fuses(tensor) == tensor.is_cuda
        assert not fused.fuses(tensor.double())


def test_another_activation_keeps_transformers_mlp(network: DashLlamaForCausalLM) -> None:
    config = read_config(Path(network.name_or_path), {"hidden_act": "gelu"})
    with torch.device("meta"):
        layers = DashLlamaForCausalLM(config).model.layers
    assert not any(isinstance(layer.mlp, fused.FusedMLP) for layer in layers)
