"""A checkpoint with random weights in exactly the layout of the released 8B one.

    python benchmarks/model_checkpoint.py FOLDER
    python benchmarks/model_checkpoint.py FOLDER --tiny

16.4 GB in four shards. The tokenizer is that of the bundled model, whose ids the vocabulary holds.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from safetensors.torch import save_file
from torch import Tensor

from dashdoc.models.loading import BUNDLED

SHARDS = 4
STD = 0.02  # of every matrix; norms are 1
CLASS_STD = 1.0  # about as long as a key, so that a summary prefers some of its tokens
# 64 factors from the first to the last of the released list.
FACTORS = [0.9978 + i * (31.024 - 0.9978) / 63 for i in range(64)]
RELEASED: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 16384,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "vocab_size": 73448,
    "tie_word_embeddings": False,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "rope_theta": 10000.0,
    "rope_scaling": {
        "rope_type": "longrope",
        "short_factor": FACTORS,
        "long_factor": FACTORS,
        "attention_factor": 1.0,
        "original_max_position_embeddings": 32768,
    },
    "max_position_embeddings": 32768,
    "bos_token_id": 1,
    "eos_token_id": [2, 73440],
    "pad_token_id": 2,
    "torch_dtype": "bfloat16",
}
TINY: dict[str, Any] = {
    **RELEASED,
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 8448,
    "eos_token_id": [2, 8440],
}


def shapes(config: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor, in the order of the layers."""
    hidden, mlp, words = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    queries, keys = (
        config[heads] * config["head_dim"]
        for heads in ("num_attention_heads", "num_key_value_heads")
    )
    yield "model.embed_tokens.weight", (words, hidden)
    for index in range(config["num_hidden_layers"]):
        layer = f"model.layers.{index}"
        yield f"{layer}.input_layernorm.weight", (hidden,)
        yield f"{layer}.self_attn.q_proj.weight", (queries, hidden)
        yield f"{layer}.self_attn.k_proj.weight", (keys, hidden)
        yield f"{layer}.self_attn.v_proj.weight", (keys, hidden)
        yield f"{layer}.self_attn.o_proj.weight", (hidden, queries)
        yield f"{layer}.self_attn.indexer_q", (keys,)
        yield f"{layer}.post_attention_layernorm.weight", (hidden,)
        yield f"{layer}.mlp.gate_proj.weight", (mlp, hidden)
        yield f"{layer}.mlp.up_proj.weight", (mlp, hidden)
        yield f"{layer}.mlp.down_proj.weight", (hidden, mlp)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (words, hidden)


def random_weight(name: str, shape: tuple[int, ...], device: str) -> Tensor:
    """One tensor in bf16, made on the device; its name is its seed."""
    if name.endswith("norm.weight"):
        return torch.ones(shape, dtype=torch.bfloat16)
    weight = torch.empty(shape, dtype=torch.bfloat16, device=device)
    generator = torch.Generator(device).manual_seed(crc32(name.encode()))
    std = CLASS_STD if name.endswith("indexer_q") else STD
    return weight.normal_(std=std, generator=generator).cpu()


def write_checkpoint(folder: Path, config: dict[str, Any]) -> Path:
    """Write `config.json`, tokenizer, shards and index; the shards are written side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    generation = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(BUNDLED / name, folder / name)
    listed = dict(shapes(config))
    names = list(listed)
    size = -(-len(names) // SHARDS)
    parts = [names[i : i + size] for i in range(0, len(names), size)]
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def write(number: int) -> dict[str, str]:
        shard = f"model-{number + 1:05}-of-{len(parts):05}.safetensors"
        weights = {name: random_weight(name, listed[name], device) for name in parts[number]}
        save_file(weights, folder / shard, metadata={"format": "pt"})
        return dict.fromkeys(weights, shard)

    with ThreadPoolExecutor(SHARDS) as pool:
        written = pool.map(write, range(len(parts)))
        weight_map = {name: shard for part in written for name, shard in part.items()}
    total = sum(2 * torch.Size(shape).numel() for shape in listed.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true", help="the same layout in small")
    options = parser.parse_args()
    write_checkpoint(options.folder, TINY if options.tiny else RELEASED)
    total = sum(file.stat().st_size for file in options.folder.glob("*.safetensors"))
    print(f"{options.folder}: {total / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
