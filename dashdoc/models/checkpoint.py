"""A checkpoint folder held against the model it claims to be, before any weight is loaded.

transformers fills a missing tensor with random values and does not name a truncated file, so the
index and every shard's header are compared with the model's own tensors first.
"""

import json
import struct
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from dashdoc.errors import ModelError
from dashdoc.models.configuration import DENSE, DashLlamaConfig
from dashdoc.models.digests import check_digests
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.siblings import CLASS_QUERY, is_dense, refuse_other_attention
from dashdoc.models.transfer import tensor_places

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
AGAIN = "Fetch it again: dashdoc model pull ID, for one of the hub."


def read_config(folder: Path, overrides: dict[str, Any]) -> DashLlamaConfig:
    """The checkpoint's configuration with the user's routing on top.

    Raises:
        ModelError: no readable `config.json`, or another architecture or attention.
    """
    fields = read_fields(folder)
    try:
        return DashLlamaConfig(**{**fields, **overrides})
    except Exception as error:  # transformers validates with exceptions of several kinds
        raise ModelError(f"{folder / CONFIG} is not a usable configuration: {error}") from error


def read_routing(folder: Path) -> dict[str, Any]:
    """What the tensors say about the routing: nothing, or that a plain Llama reads everything.

    Raises:
        ModelError: no weights, or tensors of other attention.
    """
    return dict(DENSE) if is_dense(folder, read_fields(folder), listed_tensors(folder)) else {}


def read_fields(folder: Path) -> dict[str, Any]:
    """The fields of `config.json`.

    Raises:
        ModelError: as `read_config`.
    """
    path = folder / CONFIG
    if not folder.is_dir():
        raise ModelError(f"There is no checkpoint folder {folder}.")
    if not path.is_file():
        raise ModelError(f"{folder} holds no {CONFIG}: it is not a checkpoint.")
    try:
        fields = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is damaged ({error}). {AGAIN}") from error
    refuse_other_attention(folder, fields)
    kind = fields.get("model_type")
    if kind != "llama":
        raise ModelError(
            f"{path} says model_type {kind!r}; dashdoc runs Llama checkpoints with "
            "DashAttention (model_type 'llama')."
        )
    return fields


def check_checkpoint(folder: Path, config: DashLlamaConfig) -> int:
    """Compare the shards with the model's tensors; return the bytes of the weights.

    Raises:
        ModelError: names the file and the tensor, the shape expected and found, or the checksum.
    """
    expected = expected_shapes(config)
    listed = listed_tensors(folder)
    total = 0
    found: dict[str, tuple[Path, tuple[int, ...]]] = {}
    for shard in shards(folder):
        for tensor, shape in shard_shapes(shard).items():
            found[tensor] = (shard, shape)
        total += shard.stat().st_size
    for tensor, shape in expected.items():
        if tensor not in found:
            where = folder / listed.get(tensor, INDEX if (folder / INDEX).exists() else SINGLE)
            raise ModelError(
                f"{where} lacks the tensor {tensor} (expected shape {list(shape)})."
                + _advice(tensor),
                file=str(where),
                tensor=tensor,
                expected=list(shape),
            )
        shard, actual = found[tensor]
        if actual != shape:
            raise ModelError(
                f"{shard}: tensor {tensor} has shape {list(actual)}, expected {list(shape)}.",
                file=str(shard),
                tensor=tensor,
                expected=list(shape),
                found=list(actual),
            )
    check_digests(folder)
    return total


def expected_shapes(config: DashLlamaConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor a checkpoint of this configuration must hold."""
    with torch.device("meta"):
        network = DashLlamaForCausalLM(config)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if config.tie_word_embeddings:
        del shapes["lm_head.weight"]
    if config.scaling_factor == 0:  # dense: what the class queries say changes nothing
        shapes = {name: s for name, s in shapes.items() if not name.endswith(CLASS_QUERY)}
    return shapes


def shards(folder: Path) -> list[Path]:
    """The files of the weights."""
    return sorted({folder / name for name in listed_tensors(folder).values()})


def shard_shapes(shard: Path) -> dict[str, tuple[int, ...]]:
    """Shapes by tensor from a safetensors header.

    Raises:
        ModelError: the file is missing, truncated or not safetensors.
    """
    if not shard.is_file():
        raise ModelError(f"The shard {shard} is missing. {AGAIN}", file=str(shard))
    size = shard.stat().st_size
    try:
        start, places = tensor_places(shard)
        end = max((end for _, end in places.values()), default=start)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The shard {shard} has no readable header ({size:,} bytes): it is truncated or not "
            f"safetensors. {AGAIN}",
            file=str(shard),
        ) from error
    if size != end:
        raise ModelError(
            f"The shard {shard} is truncated: {size:,} bytes, its header says {end:,}. {AGAIN}",
            file=str(shard),
            bytes=size,
            expected_bytes=end,
        )
    with safe_open(shard, framework="pt") as tensors:
        return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118


def listed_tensors(folder: Path) -> dict[str, str]:
    """Tensor -> shard name, from the index or the single file."""
    index = folder / INDEX
    if index.is_file():
        try:
            listed: dict[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        except (ValueError, KeyError) as error:
            raise ModelError(f"{index} is damaged ({error}). {AGAIN}") from error
        return listed
    if (folder / SINGLE).is_file():
        return dict.fromkeys(shard_shapes(folder / SINGLE), SINGLE)
    raise ModelError(f"{folder} holds neither {INDEX} nor {SINGLE}: the weights are missing.")


def _advice(tensor: str) -> str:
    if tensor.endswith(CLASS_QUERY):
        return " Without its class queries this is no DashAttention checkpoint."
    return f" {AGAIN}"
