"""Loading: straight to its place, exactly, counted, and with one message where memory ends."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dashdoc.errors import DeviceError
from dashdoc.models import ModelChoice, choose_model, load_model
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.loading import BUNDLED
from dashdoc.models.weights import load_network
from tests.models import released

CPU = torch.device("cpu")
LARGE = {"hidden_size": 512, "intermediate_size": 8192, "vocab_size": 32_000}
# The peak of anonymous memory: mapped files are no part of it, the system drops them at need.
MEASURE = """
import sys
from dashdoc.models import choose_model
from dashdoc.models.weights import load_network

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) << 10

choice = choose_model(sys.argv[1], device="cpu")
before, seen = anonymous(), []
network = load_network(
    choice.folder, choice.config, choice.device, choice.dtype,
    lambda done, total: seen.append(anonymous()),
)
print(choice.weight_bytes, max(seen) - before)
"""


@pytest.fixture
def tiny(tiny_checkpoint: Path) -> ModelChoice:
    return choose_model(str(tiny_checkpoint), device="cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_network_is_that_of_transformers(tmp_path: Path, dtype: torch.dtype) -> None:
    for folder in (BUNDLED, released.write(tmp_path)):
        choice = choose_model(str(folder), device="cpu")
        ours = load_network(folder, choice.config, CPU, dtype)
        peer = DashLlamaForCausalLM.from_pretrained(folder, config=choice.config, dtype=dtype)
        assert not ours.training
        for mine, its in (
            (dict(ours.named_parameters()), dict(peer.named_parameters())),
            (dict(ours.named_buffers()), dict(peer.named_buffers())),
        ):
            assert mine.keys() == its.keys()
            for name, tensor in mine.items():
                assert tensor.dtype == its[name].dtype and torch.equal(tensor, its[name]), name
        tied = ours.lm_head.weight is ours.model.embed_tokens.weight
        assert tied == choice.config.tie_word_embeddings


def test_the_bytes_are_counted_up_to_all(tiny: ModelChoice) -> None:
    counts: list[tuple[int, int]] = []
    load_model(tiny, lambda done, total: counts.append((done, total)))
    assert counts == sorted(counts) and len({total for _, total in counts}) == 1
    stored = [load_file(path) for path in tiny.folder.glob("*.safetensors")]
    assert counts[-1][0] == sum(t.nbytes for shard in stored for t in shard.values())
    assert counts[-1][0] == pytest.approx(counts[-1][1], rel=0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="measured through /proc")
@pytest.mark.parametrize(("stored", "copies"), [(torch.float32, 0), (torch.bfloat16, 1)])
def test_the_host_holds_no_second_copy(tmp_path: Path, stored: torch.dtype, copies: int) -> None:
    """240 MB of weights on a CPU: mapped as they are stored, or converted into one copy."""
    folder = large_checkpoint(tmp_path, stored)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder)], capture_output=True, text=True, check=True
    )
    weights, taken = map(int, run.stdout.split())
    assert weights > 200e6
    assert taken == pytest.approx(copies * weights, abs=10e6)


def large_checkpoint(folder: Path, stored: torch.dtype) -> Path:
    """Enough weights to see in a process's memory."""
    hidden, mlp, vocabulary = LARGE.values()
    sizes = {released.HIDDEN: hidden, released.MLP: mlp, released.VOCABULARY: vocabulary}
    weights = {
        name: torch.rand([sizes.get(size, size) for size in tensor.shape]).to(stored)
        for name, tensor in released.tensors().items()
    }
    return released.write(folder, weights, torch_dtype=str(stored).split(".")[1], **LARGE)


def test_weights_that_do_not_fit_are_refused_before_they_are_read(
    tiny: ModelChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashdoc.models.loading.free_bytes", lambda device: tiny.weight_bytes - 1)
    with pytest.raises(DeviceError, match="GiB are free") as caught:
        load_model(tiny, lambda done, total: pytest.fail("a weight was read"))
    assert caught.value.exit_code == 6
    assert caught.value.details == {
        "needed_bytes": tiny.weight_bytes,
        "free_bytes": tiny.weight_bytes - 1,
    }
    assert "--model bundled" in caught.value.message


@pytest.mark.skipif(sys.platform != "linux", reason="limits its own memory")
def test_a_cpu_that_runs_out_of_memory_is_exit_6(tmp_path: Path) -> None:
    """The limit is the system's own, and the exception torch's own."""
    program = (
        "import resource, sys; from dashdoc.cli import run; import dashdoc.models; "
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20),) * 2); "
        "sys.exit(run(['ask', sys.argv[1], 'Who?', '--model', sys.argv[2]]))"
    )
    folder = large_checkpoint(tmp_path, torch.bfloat16)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).symlink_to(BUNDLED / name)
    (tmp_path / "notes.txt").write_text("The treaty was signed by Ilse Hartmann.")
    arguments = [str(tmp_path / "notes.txt"), str(folder)]
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 6, run.stderr
    assert "need 0.22 GiB on cpu" in run.stderr
