"""Fixtures that several parts share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import close_session, constants

import dashdoc
from tests.hub import Hub, running_hub

# Without a GPU the kernels run in Triton's interpreter, which is chosen before Triton's import.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

BUNDLED = Path(dashdoc.__file__).parent / "models" / "bundled"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
SENTENCE = "The treaty was signed by Ilse Hartmann in the old harbour."


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run side by side, and more threads make models this small slower."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights, in shards, and the tokenizer of the bundled model."""
    return save_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="session")
def speaking_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that answers everything with `SENTENCE`."""
    return save_checkpoint(tmp_path_factory.mktemp("speaking") / "checkpoint", says=SENTENCE)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.fixture
def hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine, for small files: little is read at once, and no retry waits."""
    with running_hub() as hub:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
        monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
        close_session()
        yield hub
        close_session()


def save_checkpoint(folder: Path, says: str | None = None) -> Path:
    """Save a model of two layers that routes sparsely; it says a sentence, or whatever it likes."""
    from transformers import AutoTokenizer

    from dashdoc.models.configuration import DashLlamaConfig
    from dashdoc.models.llama import DashLlamaForCausalLM

    folder.mkdir()
    for name in TOKENIZER:
        shutil.copy(BUNDLED / name, folder / name)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = DashLlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        chunk_size=16,
        max_position_embeddings=4096,
        eos_token_id=tokenizer.eos_token_id,
        dtype="float32",
    )
    network = DashLlamaForCausalLM(config)
    for depth, layer in enumerate(network.model.layers, start=1):
        # Large scores: the routing leaves chunks out, more of them in the second layer.
        torch.nn.init.normal_(layer.self_attn.indexer_q)
        torch.nn.init.normal_(layer.self_attn.q_proj.weight, std=0.3 * depth)
        torch.nn.init.normal_(layer.self_attn.k_proj.weight, std=0.3 * depth)
    if says:
        _teach(network, tokenizer, says)
    network.save_pretrained(folder, max_shard_size="200KB")
    return folder


def _teach(network: object, tokenizer: object, sentence: str) -> None:
    """Make each token of a sentence call the next one, from the end of the prompt to the stop."""
    from dashdoc.prompts import ChatFrame

    spoken = tokenizer(sentence, add_special_tokens=False)["input_ids"]
    chain = [ChatFrame(tokenizer).closing[-1], *spoken, tokenizer.eos_token_id]
    assert len(set(chain)) == len(chain), "a token that occurs twice would call two"
    for layer in network.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    words = network.model.embed_tokens.weight
    torch.nn.init.normal_(words)
    torch.nn.init.zeros_(network.lm_head.weight)
    with torch.no_grad():
        for token, following in zip(chain, chain[1:], strict=False):
            network.lm_head.weight[following] = words[token] / words[token].norm()
