"""Weights from safetensors straight to a device, with their bytes counted.

transformers would place them in host memory first, unless accelerate were installed, and count
tensors. Here a shard goes block by block to a GPU; otherwise it is mapped, and each tensor
converted from there to its place, or left mapped where that is its place already.
"""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import GenerationConfig
from transformers.initialization import no_init_weights
from transformers.modeling_utils import local_torch_dtype
from transformers.utils import GENERATION_CONFIG_NAME

from dashdoc.models.checkpoint import shards
from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.transfer import fill_from

OnBytes = Callable[[int, int], None]
STORED = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


@torch.no_grad()
def load_network(
    folder: Path,
    config: DashLlamaConfig,
    device: torch.device,
    dtype: torch.dtype,
    on_bytes: OnBytes | None = None,
) -> DashLlamaForCausalLM:
    """The network of a checked checkpoint; `on_bytes` gets the bytes read and in all.

    Raises:
        RuntimeError: of torch, where the device has no room.
    """
    with torch.device(device), local_torch_dtype(dtype), no_init_weights():
        # A copy: the network marks its configuration as its own.
        network = DashLlamaForCausalLM(deepcopy(config))
    network.eval()
    network.tie_weights()
    parameters = dict(network.named_parameters())
    paths = shards(folder)
    done, total = 0, sum(path.stat().st_size for path in paths)

    def count(read: int) -> None:
        nonlocal done
        done += read
        if on_bytes:
            on_bytes(done, total)

    for path in paths:
        with safe_open(path, framework="pt") as stored:
            names = list(filter(parameters.__contains__, stored.offset_keys()))
            as_stored = [
                name for name in names if STORED.get(stored.get_slice(name).get_dtype()) == dtype
            ]
            if device.type == "cuda":
                fill_from(path, {name: parameters[name] for name in as_stored}, count)
                names = [name for name in names if name not in as_stored]
            for name in names:
                tensor = stored.get_tensor(name)
                if device.type == "cpu" and name in as_stored:
                    parameters[name].data = tensor
                else:
                    parameters[name].copy_(tensor)
                count(tensor.nbytes)
    if (folder / GENERATION_CONFIG_NAME).is_file():
        network.generation_config = GenerationConfig.from_pretrained(folder)
    return network
