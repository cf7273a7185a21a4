"""The released checkpoint's siblings: FullAttn runs, densely; the others are refused by name."""

from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from dashdoc.errors import ModelError, UsageError
from dashdoc.models import choose_model
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward
from dashdoc.models.metering import ChunkMeter
from dashdoc.models.weights import load_network
from tests.models import released


def plain(folder: Path, **changes: object) -> Path:
    """The layout of FullAttn: no class queries."""
    weights = {n: t for n, t in released.tensors().items() if not n.endswith("indexer_q")}
    return released.write(folder, weights, **changes)


@torch.inference_mode()
def test_a_plain_llama_gives_the_logits_of_transformers_and_skips_nothing(tmp_path: Path) -> None:
    folder = plain(tmp_path / "MiniCPM-4-8B-FullAttn")
    choice = choose_model(str(folder), device="cpu")
    network = load_network(folder, choice.config, choice.device, torch.float32)
    ids = torch.randint(3, released.VOCABULARY, (1, 777))
    cache, meter = DashCache(choice.config, 777), ChunkMeter(choice.config)
    for piece in ids.split(256, dim=1):
        logits = forward(network, piece, cache, meter)
    peer = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    expected = peer(ids).logits[:, -1]
    assert (logits - expected).norm() / expected.norm() < 1e-5
    assert meter.routing().sparsity == 0


def test_that_nothing_is_skipped_is_said(tmp_path: Path) -> None:
    (notice,) = choose_model(str(plain(tmp_path / "llama")), device="cpu").notices
    assert "no class queries" in notice and "dense" in notice


@pytest.mark.parametrize("routing", [{"routing": "paper"}, {"scale": 0.5}], ids=str)
def test_a_plain_llama_takes_no_routing(tmp_path: Path, routing: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="attention is dense"):
        choose_model(str(plain(tmp_path / "llama")), device="cpu", **routing)


def test_a_checkpoint_with_a_routing_that_lost_its_class_queries_is_broken(tmp_path: Path) -> None:
    folder = plain(tmp_path / "llama", chunk_size=64, scaling_factor=1.0)
    with pytest.raises(ModelError, match="no DashAttention checkpoint"):
        choose_model(str(folder), device="cpu")


def test_the_name_fullattn_says_so_whatever_the_config_holds(tmp_path: Path) -> None:
    folder = plain(tmp_path / "MiniCPM-4-8B-FullAttn", chunk_size=64, scaling_factor=1.0)
    assert choose_model(str(folder), device="cpu").config.scaling_factor == 0


@pytest.mark.parametrize("attention", ["InfLLMv2", "NSA"])
@pytest.mark.parametrize("model_type", ["llama", "minicpm"])
def test_other_attention_is_refused_by_name(
    tmp_path: Path, attention: str, model_type: str
) -> None:
    folder = plain(tmp_path / f"MiniCPM-4-8B-{attention}", model_type=model_type)
    with pytest.raises(ModelError, match=f"trained with {attention} attention") as caught:
        choose_model(str(folder), device="cpu")
    assert caught.value.exit_code == 7


def test_infllmv2_is_known_by_its_config_too(tmp_path: Path) -> None:
    folder = plain(tmp_path / "renamed", sparse_config={"kernel_size": 32, "kernel_stride": 16})
    with pytest.raises(ModelError, match="InfLLMv2"):
        choose_model(str(folder), device="cpu")


def test_nsa_is_known_by_its_tensors_too(tmp_path: Path) -> None:
    strange = "model.layers.0.self_attn.compress_key"
    folder = released.write(tmp_path / "renamed", {**released.tensors(), strange: torch.zeros(3)})
    with pytest.raises(ModelError, match=f"NSA .*{strange}"):
        choose_model(str(folder), device="cpu")


def test_rotary_buffers_of_older_checkpoints_are_no_other_attention(tmp_path: Path) -> None:
    buffers = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(3)}
    folder = released.write(tmp_path / "older", {**released.tensors(), **buffers})
    choose_model(str(folder), device="cpu")


def test_a_folder_below_one_of_such_a_name_is_its_own(tmp_path: Path) -> None:
    choose_model(str(released.write(tmp_path / "compared-with-NSA" / "ours")), device="cpu")
