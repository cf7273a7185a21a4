"""The siblings of the released checkpoint: the same Llama, trained with other attention.

FullAttn is plain Llama, without class queries: it runs with a routing that reads everything.
InfLLMv2 and NSA are known by their names, or by what only they hold, and refused.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dashdoc.errors import ModelError
from dashdoc.models.configuration import ROUTING_PRESETS

CLASS_QUERY = ".self_attn.indexer_q"
_PARTS = {"q_proj", "k_proj", "v_proj", "o_proj", "indexer_q", "rotary_emb"}


def refuse_other_attention(folder: Path, fields: Mapping[str, Any]) -> None:
    """Tell from name and `config.json`, before the weights are there.

    Raises:
        ModelError: trained with attention that dashdoc does not run.
    """
    name = _name(folder)
    if name.endswith("-NSA"):
        raise _refusal(folder, "NSA")
    if name.endswith("-InfLLMv2") or "sparse_config" in fields:
        raise _refusal(folder, "InfLLMv2")


def is_dense(folder: Path, fields: Mapping[str, Any], tensors: Iterable[str]) -> bool:
    """Whether a checkpoint of these tensors is plain Llama.

    One that holds the fields of a routing but no class query has lost them: it is not.

    Raises:
        ModelError: a layer's attention has tensors of neither Llama nor DashAttention.
    """
    attention = [name for name in tensors if ".self_attn." in name]
    for name in attention:
        if name.split(".self_attn.")[1].split(".")[0] not in _PARTS:
            raise _refusal(folder, "NSA or other", f" (it has the tensor {name})")
    if any(name.endswith(CLASS_QUERY) for name in attention):
        return False
    return _name(folder).endswith("-FullAttn") or not ROUTING_PRESETS["package"].keys() & fields


def _name(folder: Path) -> str:
    """The checkpoint's own name; the hub cache stores a commit under it."""
    return folder.parent.parent.name if folder.parent.name == "snapshots" else folder.name


def _refusal(folder: Path, attention: str, seen: str = "") -> ModelError:
    return ModelError(
        f"{folder} was trained with {attention} attention{seen}, which dashdoc does not run: it "
        "runs DashAttention, and plain Llama as FullAttn."
    )
