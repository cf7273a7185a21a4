"""Weights in 8 or 4 bits: which of them, how exact, how large, and that they work with the rest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import dashdoc
from dashdoc.errors import UsageError
from dashdoc.kernels.triton import decode, decode_project
from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.ahead import tokens_ahead
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.dense import with_full_attention
from dashdoc.models.quantized import (
    LINEAR,
    Quantization,
    QuantizedLinear,
    put_quantized,
    restored_bytes,
    saved_bytes,
)
from dashdoc.readings.keys import reading_key
from dashdoc.released import RELEASED
from dashdoc.session import Session
from tests.models import released
from tests.models.sequences import Sequence, assert_same, make
from tests.models.test_loading import store
from tests.models.test_weights import large_checkpoint
from tests.session.conftest import document

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = (EXAMPLES / "state-department-homes.txt").read_text(encoding="utf-8").splitlines()
TEXT = "\n".join(LINES[:20])
# Relative error of the logits, with room above what was measured.
ERRORS: dict[Quantization, float] = {"8bit": 0.04, "4bit": 0.45}
MEASURE = """
import sys
import bitsandbytes
from dashdoc.models import choose_model
from dashdoc.models.weights import load_network

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) << 10

choice = choose_model(sys.argv[1], quantize="4bit", device="cpu")
before, seen = anonymous(), []
network = load_network(
    choice.folder, choice.config, choice.device, choice.dtype,
    lambda done, total: seen.append(anonymous()), choice.quantization,
)
print(choice.weight_bytes, max(seen) - before)
"""


@pytest.fixture(scope="module")
def plain() -> Model:
    return load_model(choose_model("bundled", device="cpu"))


@pytest.fixture(scope="module", params=LINEAR)
def model(request: pytest.FixtureRequest) -> Model:
    return load_model(choose_model("bundled", quantize=request.param, device="cpu"))


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual - expected).norm() / expected.norm()).item()


# What is quantised


def test_all_linear_layers_of_the_decoder_are_quantised_and_nothing_else(
    model: Model, plain: Model
) -> None:
    quantization = model.choice.quantization
    assert quantization is not None
    replaced = {
        name
        for name, module in model.network.named_modules()
        if isinstance(module, LINEAR[quantization])
    }
    linear = {
        name
        for name, module in plain.network.named_modules()
        if isinstance(module, nn.Linear) and name != "lm_head"
    }
    assert replaced == linear and len(linear) == 7 * model.config.num_hidden_layers
    kept, before = model.network.state_dict(), plain.network.state_dict()
    unquantised = before.keys() - {f"{name}.weight" for name in linear}
    assert any(name.endswith("indexer_q") for name in unquantised)
    for name in unquantised:
        assert torch.equal(kept[name], before[name]), name


@pytest.mark.parametrize("quantization", LINEAR)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_is_close_to_what_it_stands_for(
    quantization: Quantization, dtype: torch.dtype
) -> None:
    """With a bias, and rows that no block divides."""
    linear = nn.Linear(200, 48, dtype=dtype)
    layer = LINEAR[quantization](linear)
    layer.quantize(linear.weight.detach())
    x = torch.randn(2, 5, 200, dtype=dtype)
    with torch.inference_mode():
        assert layer(x).dtype == dtype
        error = relative_error(layer(x).float(), linear(x).float())
    assert error < {"8bit": 0.02, "4bit": 0.15}[quantization]


# What it costs


@torch.inference_mode()
def test_logits_stay_close(model: Model, plain: Model) -> None:
    ids = torch.tensor([model.tokenizer(TEXT)["input_ids"]])
    error = relative_error(model.network(ids).logits, plain.network(ids).logits)
    assert 0 < error < ERRORS[model.choice.quantization]


def test_a_stated_fact_is_still_found(model: Model) -> None:
    fact = "The harbour bridge was opened by Ilse Hartmann in May 1931."
    session = Session(model, [document(TEXT, f"{LINES[30]}\n{fact}\n{LINES[31]}", TEXT)])
    answer = session.ask("Who opened the harbour bridge?", max_tokens=40)
    assert "Ilse Hartmann" in answer.text
    assert answer.pages == [2]


def test_the_bytes_told_are_those_held(model: Model) -> None:
    layers = [m for m in model.network.modules() if isinstance(m, QuantizedLinear)]
    held = sum(parameter.nbytes for parameter in model.network.parameters())
    held += sum(layer.codes.nbytes + layer.scales.nbytes for layer in layers)
    assert model.choice.weight_bytes == pytest.approx(held, rel=2e-3)


@pytest.mark.parametrize(("quantization", "gigabytes"), [("8bit", 9.3), ("4bit", 5.5)])
def test_the_released_weights_take_a_half_and_a_third(
    quantization: Quantization, gigabytes: float
) -> None:
    config = DashLlamaConfig(
        hidden_size=4096,
        intermediate_size=16384,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=2,
        head_dim=128,
    )
    saved = saved_bytes(config, torch.bfloat16, quantization)
    assert (16.4e9 - saved) / 1e9 == pytest.approx(gigabytes, abs=0.05)


def test_the_workspace_has_room_for_one_weight(model: Model, plain: Model) -> None:
    room = model.choice.workspace_bytes(1000) - plain.choice.workspace_bytes(1000)
    largest = max(p.nbytes for p in plain.network.model.layers.parameters())
    assert room == restored_bytes(model.config, torch.float32) == largest


@pytest.mark.skipif(sys.platform != "linux", reason="measured through /proc")
def test_no_weight_stays_whole_while_others_are_read(tmp_path: Path) -> None:
    """They are 240 MB as a CPU has them otherwise, 110 MB of that in layers."""
    folder = large_checkpoint(tmp_path, torch.bfloat16)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder)],
        # What is freed goes back to the system at once.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"},
        capture_output=True,
        text=True,
        check=True,
    )
    weights, taken = map(int, run.stdout.split())
    assert weights < 150e6
    assert taken == pytest.approx(weights, abs=10e6)


def test_what_does_not_fit_as_it_is_may_fit_in_fewer_bits(
    hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a card between the two, which this machine need not have."""
    folder = store(hub_cache, RELEASED, released.write(tmp_path / "checkpoint"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a small card")
    stored = sum(shard.stat().st_size for shard in folder.glob("*.safetensors"))
    monkeypatch.setattr("dashdoc.models.loading.free_bytes", lambda _: stored)
    (notice,) = choose_model().notices
    assert "--quantize 4bit" in notice
    choice = choose_model(quantize="4bit")
    assert choice.name == RELEASED and choice.weight_bytes * 1.2 < stored


# How it works with the rest


@pytest.mark.parametrize("quantization", LINEAR)
def test_decoding_ahead_is_the_plain_path(
    quantization: Quantization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "PROGRAMS", 2)
    monkeypatch.setattr(decode_project, "ROWS", 16)
    network = quantised(make(scaling_factor=4.0), quantization)
    one, other = Sequence(network), Sequence(network)
    ahead = list(tokens_ahead(network, other.cache, other.logits, 8, other.meter))
    assert ahead == one.plainly(8)
    assert_same(other, one)


def quantised(network: nn.Module, quantization: Quantization) -> nn.Module:
    weights = network.state_dict()
    put_quantized(network, quantization)
    for name, module in network.named_modules():
        if isinstance(module, QuantizedLinear):
            module.quantize(weights[f"{name}.weight"])
    return network


def test_full_attention_shares_the_codes(model: Model) -> None:
    full = with_full_attention(model)
    before, after = model.network.state_dict(), full.network.state_dict()
    assert any(name.endswith("codes") for name in before)
    assert all(before[name].data_ptr() == after[name].data_ptr() for name in before)


def test_kept_readings_tell_the_weights_apart(model: Model, plain: Model) -> None:
    assert reading_key(model, [1, 2]) != reading_key(plain, [1, 2])


def test_it_is_asked_for_by_name_from_python() -> None:
    model = dashdoc.load_model("bundled", quantize="8bit")
    assert model.choice.quantization == "8bit"


# The library


def test_without_the_library_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UsageError, match="pip install bitsandbytes") as caught:
        choose_model("bundled", quantize="4bit", device="cpu")
    assert caught.value.exit_code == 2
    choose_model("bundled", device="cpu")


def test_the_library_fetches_nothing_and_says_nothing(tmp_path: Path) -> None:
    """On some CPUs it would, where the package `kernels` is installed."""
    mark = tmp_path / "fetched"
    (tmp_path / "kernels.py").write_text(f"def get_kernel(*_, **__): open({str(mark)!r}, 'w')")
    script = (
        "import dashdoc; dashdoc.load_model('bundled', quantize='4bit'); "
        "import kernels; kernels.get_kernel"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert not mark.exists()
