"""A tiny random checkpoint in exactly the released layout, written without the project's code."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

LAYERS, HEADS, KV_HEADS, HEAD_DIM, HIDDEN, MLP, VOCABULARY = 2, 4, 2, 128, 96, 160, 320
FACTORS = [0.9978 + i * (31.024 - 0.9978) / 63 for i in range(64)]


def config(**changes: Any) -> dict[str, Any]:
    """The fields of the released `config.json`, with small sizes."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": MLP,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD_DIM,
        "vocab_size": VOCABULARY,
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
        "eos_token_id": [2, 310],
        "pad_token_id": 2,
        "torch_dtype": "bfloat16",
        **changes,
    }


def tensors() -> dict[str, Tensor]:
    """Every tensor of the layout, random."""

    def normal(*shape: int) -> Tensor:
        return (0.3 * torch.randn(*shape)).to(torch.bfloat16)

    named = {
        "model.embed_tokens.weight": normal(VOCABULARY, HIDDEN),
        "model.norm.weight": 1 + normal(HIDDEN),
        "lm_head.weight": normal(VOCABULARY, HIDDEN),
    }
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        named |= {
            layer + "input_layernorm.weight": 1 + normal(HIDDEN),
            layer + "post_attention_layernorm.weight": 1 + normal(HIDDEN),
            layer + "self_attn.q_proj.weight": normal(HEADS * HEAD_DIM, HIDDEN),
            layer + "self_attn.k_proj.weight": normal(KV_HEADS * HEAD_DIM, HIDDEN),
            layer + "self_attn.v_proj.weight": normal(KV_HEADS * HEAD_DIM, HIDDEN),
            layer + "self_attn.o_proj.weight": normal(HIDDEN, HEADS * HEAD_DIM),
            layer + "self_attn.indexer_q": normal(KV_HEADS * HEAD_DIM),
            layer + "mlp.gate_proj.weight": normal(MLP, HIDDEN),
            layer + "mlp.up_proj.weight": normal(MLP, HIDDEN),
            layer + "mlp.down_proj.weight": normal(HIDDEN, MLP),
        }
    return named


def write(folder: Path, weights: dict[str, Tensor] | None = None, **changes: Any) -> Path:
    """Write `config.json`, two shards and their index."""
    weights = weights or tensors()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(**changes)))
    names = sorted(weights)
    weight_map = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        shard = f"model-{number:05}-of-00002.safetensors"
        save_file({n: weights[n] for n in part}, folder / shard, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, shard)
    total = sum(t.nbytes for t in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
