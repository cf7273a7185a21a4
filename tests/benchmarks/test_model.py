"""The benchmark of the released model: its checkpoint, its routing, what it measures and names."""

from math import prod
from pathlib import Path

import model_checkpoint
import pytest
import torch
from model_loading import measure_loading
from model_measure import (
    attention_flops,
    dense_network,
    linear_parameters,
    measure,
    prompt,
    read,
    route_by,
)
from model_profile import group_of, group_times
from model_routing import NEIGHBOURS, SampleMeter

from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.cache import DashCache
from dashdoc.models.configuration import ROUTING_PRESETS
from dashdoc.models.metering import ChunkMeter
from tests.models import released

TOKENS, PIECE = 2048, 512


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_checkpoint.write_checkpoint(tmp_path_factory.mktemp("tiny"), model_checkpoint.TINY)


@pytest.fixture
def model(folder: Path) -> Model:
    return load_model(choose_model(str(folder), device="cpu"))


def test_the_released_layout_has_its_8_billion_parameters_in_16_gigabytes() -> None:
    sizes = [prod(shape) for _, shape in model_checkpoint.shapes(model_checkpoint.RELEASED)]
    assert sum(sizes) == pytest.approx(8.19e9, rel=1e-3)
    assert 2 * sum(sizes) == pytest.approx(16.4e9, rel=2e-3)


def test_the_layout_names_the_tensors_of_a_released_checkpoint() -> None:
    named = {name for name, _ in model_checkpoint.shapes(model_checkpoint.TINY)}
    assert named == set(released.tensors())


def test_the_checkpoint_is_taken_with_the_packages_routing(model: Model, folder: Path) -> None:
    assert len(list(folder.glob("*.safetensors"))) == model_checkpoint.SHARDS
    for name, value in ROUTING_PRESETS["package"].items():
        assert getattr(model.config, name) == value
    assert model.stop_ids == {2, 8440}


@pytest.mark.parametrize("density", [0.25, 0.5])
def test_the_scale_found_gives_the_density_asked_for(model: Model, density: float) -> None:
    ids, samples = prompt(model, TOKENS), SampleMeter(model.config, TOKENS)
    read(model, ids, DashCache(model.config, TOKENS), PIECE, samples)
    scale = samples.scale_for(density)
    route_by(model, scale)
    meter = ChunkMeter(model.config)
    read(model, ids, DashCache(model.config, TOKENS), PIECE, meter)
    assert 1 - meter.routing().sparsity == pytest.approx(density, abs=0.06)


def test_a_union_lies_between_what_one_token_reads_and_what_all_read_apart(model: Model) -> None:
    meter = SampleMeter(model.config, TOKENS)
    read(model, prompt(model, TOKENS), DashCache(model.config, TOKENS), PIECE, meter)
    layers = meter.by_layer(meter.scale_for(0.3), NEIGHBOURS)
    assert len(layers) == model.config.num_hidden_layers
    for density, union in layers:
        assert density <= union <= min(1, NEIGHBOURS * density)


def test_a_reading_is_measured_with_its_answer(model: Model) -> None:
    found = measure(model, prompt(model, TOKENS), PIECE, 500.0, answer=True)
    assert 0 < found.density < 1
    assert found.first_token_seconds > 0
    assert found.ms_per_token is not None and found.ms_per_token > 0
    assert found.estimated_bytes > model.choice.weight_bytes


@torch.inference_mode()
def test_the_dense_peer_computes_the_same_without_routing(model: Model) -> None:
    network, ids = dense_network(model), prompt(model, 300)
    model.network.config.update({"scaling_factor": 0.0, "estimate_diagonal": True})
    expected, actual = model.network(ids).logits, network(ids).logits
    assert ((actual - expected).norm() / expected.norm()).item() < 1e-5


def test_loading_is_measured_beside_the_files_alone(folder: Path) -> None:
    model, found = measure_loading(choose_model(str(folder), device="cpu"), cold=True)
    assert found["bytes"] == sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert found["seconds"] > 0 and found["raw_seconds"] > 0
    assert not model.network.training


@pytest.mark.parametrize("quantize", [None, "4bit"])
def test_floors_count_what_the_shape_demands(folder: Path, quantize: str | None) -> None:
    model = load_model(choose_model(str(folder), quantize=quantize, device="cpu"))
    config = model_checkpoint.TINY
    hidden, mlp, layers = (
        config[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers")
    )
    queries, keys = 4 * 128, 2 * 128
    assert linear_parameters(model) == layers * hidden * (2 * queries + 2 * keys + 3 * mlp)
    # Two products of half the square of the tokens, an addition and a multiplication each.
    assert attention_flops(model, TOKENS, 1.0) == layers * 2 * 2 * TOKENS**2 / 2 * queries


@pytest.mark.parametrize(
    ("kernel", "group"),
    [
        ("nvjet_tst_256x128_64x4_2x1_v_bz_coopA_TNT", "linear layers"),
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64", "linear layers"),
        ("_route", "routing"),
        ("_merge", "routing"),
        ("_attend_skipping", "attention"),
        ("_gate", "gate"),
        ("_rotate", "rotary"),
        ("void at::native::vectorized_layer_norm_kernel<c10::BFloat16>", "norms"),
        ("Memcpy DtoD (Device -> Device)", "copies"),
        ("void at::native::elementwise_kernel<AddFunctor>", "other elementwise"),
    ],
)
def test_kernels_are_grouped_by_what_they_compute(kernel: str, group: str) -> None:
    assert group_of(kernel) == group


def test_times_are_summed_by_group_longest_first() -> None:
    times = group_times([("_route", 1.0), ("a gemm", 5.0), ("_merge", 2.0)])
    assert list(times.items()) == [("linear layers", 5.0), ("routing", 3.0)]
