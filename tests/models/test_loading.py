"""From a name to a model: where it is looked for, which routing it gets, and how it fails."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dashdoc.errors import DeviceError, ModelError
from dashdoc.models import choose_model, load_model
from dashdoc.models.configuration import ROUTING_PRESETS
from dashdoc.models.loading import BUNDLED
from dashdoc.released import RELEASED
from tests.models import released

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def store(hub: Path, name: str, checkpoint: Path) -> Path:
    """Lay a checkpoint into a hub cache as a download does."""
    repository = hub / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(checkpoint, repository / "snapshots" / COMMIT))


# Where it is looked for


def test_the_bundled_model_comes_with_the_package() -> None:
    model = load_model(choose_model("bundled", device="cpu"))
    assert (model.name, model.choice.folder, model.choice.notices) == ("bundled", BUNDLED, ())
    assert model.network.lm_head.weight.dtype == torch.float32
    assert model.tokenizer.eos_token_id in model.stop_ids
    assert model.load_seconds > 0


def test_a_folder_is_loaded(tiny_checkpoint: Path) -> None:
    model = load_model(choose_model(str(tiny_checkpoint), device="cpu"))
    assert model.choice.folder == tiny_checkpoint
    assert not model.network.training
    assert {parameter.device.type for parameter in model.network.parameters()} == {"cpu"}


def test_a_folder_in_the_home_directory_is_found(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tiny_checkpoint.parent))
    assert choose_model("~/checkpoint").folder == tiny_checkpoint


@pytest.mark.parametrize("name", ["someone/tiny", RELEASED, "Some.one/tiny-v1.5-8B"])
def test_a_hub_id_is_found_in_the_hub_cache(
    hub_cache: Path, tiny_checkpoint: Path, name: str
) -> None:
    snapshot = store(hub_cache, name, tiny_checkpoint)
    choice = choose_model(name, device="cpu")
    assert (choice.name, choice.folder) == (name, snapshot)
    load_model(choice)


def test_what_the_cache_holds_in_part_is_named(hub_cache: Path, tiny_checkpoint: Path) -> None:
    snapshot = store(hub_cache, "someone/tiny", tiny_checkpoint)
    shard = sorted(snapshot.glob("*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(ModelError, match=f"{shard.name} is missing"):
        choose_model("someone/tiny", device="cpu")


@pytest.mark.parametrize("name", ["someone/tiny", RELEASED, "someone/tiny-v1.5-8B"])
def test_offline_and_not_cached_names_the_way_out(hub_cache: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        choose_model(name, device="cpu")
    assert caught.value.exit_code == 7
    for word in (name, str(hub_cache), "offline", f"dashdoc model pull {name}"):
        assert word in caught.value.message


@pytest.mark.parametrize(
    "name",
    ["nonsense", "a/b/c", "./nowhere", "/no/where", "~/nowhere", "a b/c", "a--b/c", "a/"],
)
def test_a_name_that_can_be_nothing_is_refused(hub_cache: Path, name: str) -> None:
    with pytest.raises(ModelError, match="not a hub id") as caught:
        choose_model(name, device="cpu")
    assert name in caught.value.message
    assert "--model bundled" in caught.value.message


def test_a_file_is_no_checkpoint(
    hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path("models/weights.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="There is no checkpoint folder"):
        choose_model("models/weights.gguf", device="cpu")


def test_without_a_gpu_auto_is_the_bundled_model_and_says_so() -> None:
    choice = choose_model("auto", device="cpu")
    assert (choice.name, choice.folder) == ("bundled", BUNDLED)
    (notice,) = choice.notices
    assert "bundled" in notice and RELEASED in notice


def test_loading_is_silent(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """In a process of its own, with the environment that a user sets."""
    store(tmp_path, "someone/tiny", tiny_checkpoint)
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    script = "import dashdoc; dashdoc.load_model('someone/tiny')"
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# Where it runs


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is present")
@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_gpu_that_is_absent_is_an_error_of_the_device(device: str) -> None:
    with pytest.raises(DeviceError, match="No CUDA device") as caught:
        choose_model("bundled", device=device)
    assert caught.value.exit_code == 6
    assert "--device cpu" in caught.value.message


@pytest.mark.parametrize("device", ["tpu", "mps", "meta", "", "cpu:x"])
def test_a_device_that_is_none_is_one_too(device: str) -> None:
    with pytest.raises(DeviceError, match="no device"):
        choose_model("bundled", device=device)


# Which routing it gets


def routing(config: object) -> dict[str, object]:
    return {name: getattr(config, name) for name in ROUTING_PRESETS["package"]}


@pytest.mark.parametrize("preset", ["package", "paper"])
def test_a_preset_is_the_whole_routing(tmp_path: Path, preset: str) -> None:
    folder = released.write(tmp_path, chunk_size=32, scaling_factor=3.0, sigma=5.0)
    choice = choose_model(str(folder), routing=preset, device="cpu")
    assert routing(choice.config) == ROUTING_PRESETS[preset]
    assert choice.notices == ()


def test_the_paper_preset_is_that_of_the_authors_benchmarks(tmp_path: Path) -> None:
    config = choose_model(str(released.write(tmp_path)), routing="paper", device="cpu").config
    assert (config.chunk_size, config.local_chunks, config.sigma) == (16, 2, 1e8)
    assert config.scaling_factor == pytest.approx(0.16 * 1.4427)
    assert config.estimate_diagonal and config.rotate_head_query


def test_without_a_preset_the_checkpoints_own_routing_holds(tmp_path: Path) -> None:
    folder = released.write(tmp_path, chunk_size=32, scaling_factor=3.0, sigma=5.0)
    config = choose_model(str(folder), device="cpu").config
    assert (config.chunk_size, config.scaling_factor, config.sigma) == (32, 3.0, 5.0)


@pytest.mark.parametrize("preset", [None, "package", "paper"])
def test_single_values_win_over_preset_and_checkpoint(tmp_path: Path, preset: str | None) -> None:
    folder = released.write(tmp_path, chunk_size=32, scaling_factor=3.0)
    choice = choose_model(str(folder), routing=preset, scale=0.5, chunk_size=8, device="cpu")
    expected = ROUTING_PRESETS[preset] if preset else routing(choice.config)
    assert routing(choice.config) == {**expected, "scaling_factor": 0.5, "chunk_size": 8}


def test_the_routing_reaches_the_network(tiny_checkpoint: Path) -> None:
    choice = choose_model(str(tiny_checkpoint), scale=0.5, chunk_size=8, device="cpu")
    for layer in load_model(choice).network.model.layers:
        config = layer.self_attn.config
        assert (config.scaling_factor, config.chunk_size) == (0.5, 8)


@pytest.mark.parametrize("preset", ["package", "paper"])
def test_a_preset_on_the_bundled_model_draws_a_notice(preset: str) -> None:
    (notice,) = choose_model("bundled", routing=preset, device="cpu").notices
    assert f"'{preset}'" in notice and "its own routing" in notice


# What is told before a weight is loaded


def test_the_bytes_of_the_weights_are_those_on_the_device(tiny_checkpoint: Path) -> None:
    model = load_model(choose_model(str(tiny_checkpoint), device="cpu"))
    loaded = sum(parameter.nbytes for parameter in model.network.parameters())
    assert model.choice.weight_bytes == pytest.approx(loaded, rel=0.05)


def test_weights_stored_in_half_the_precision_count_double_on_a_cpu() -> None:
    choice = choose_model("bundled", device="cpu")
    stored = sum(file.stat().st_size for file in BUNDLED.glob("*.safetensors"))
    assert choice.weight_bytes == 2 * stored


def test_every_stop_token_of_the_checkpoint_ends_an_answer(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))
    generation = folder / "generation_config.json"
    fields = json.loads(generation.read_text())
    generation.write_text(json.dumps({**fields, "eos_token_id": [2, 310]}))
    assert load_model(choose_model(str(folder), device="cpu")).stop_ids == {2, 310}
