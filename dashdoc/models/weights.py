"""Weights from safetensors straight to a device, with their bytes counted.

transformers would place them in host memory first, unless accelerate were installed, and count
tensors. Here a shard goes block by block to a GPU; otherwise it is mapped, and each tensor
converted from there to its place, or left mapped where that is its place already. A weight that is
to be quantised is on the device alone, and gone before the next.
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
from dashdoc.models.quantized import Quantization, QuantizedLinear, put_quantized
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
    quantization: Quantization | None = None,
) -> DashLlamaForCausalLM:
    """The network of a checked checkpoint; `on_bytes` gets the bytes read and in all.

    Raises:
        RuntimeError: of torch, where the device has no room.
    """
    network = _empty_network(config, device, dtype, quantization)
    parameters = dict(network.named_parameters())
    quantized = {
        f"{name}.weight": module
        for name, module in network.named_modules()
        if isinstance(module, QuantizedLinear)
    }
    paths = shards(folder)
    done, total = 0, sum(path.stat().st_size for path in paths)

    def count(read: int) -> None:
        nonlocal done
        done += read
        if on_bytes:
            on_bytes(done, total)

    for path in paths:
        with safe_open(path, framework="pt") as stored:
            present = stored.offset_keys()
            for name in filter(quantized.__contains__, present):
                tensor = stored.get_tensor(name)
                quantized[name].quantize(tensor.to(device, dtype))
                count(tensor.nbytes)
            names = list(filter(parameters.__contains__, present))
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


def _empty_network(
    config: DashLlamaConfig,
    device: torch.device,
    dtype: torch.dtype,
    quantization: Quantization | None,
) -> DashLlamaForCausalLM:
    """The network with room on the device for its weights, but for those to be quantised."""
    with torch.device("meta"), local_torch_dtype(dtype), no_init_weights():
        # A copy: the network marks its configuration as its own.
        network = DashLlamaForCausalLM(deepcopy(config))
    if quantization:
        put_quantized(network, quantization)
    network.to_empty(device=device)
    with torch.device(device):  # its frequencies are computed, not loaded
        network.model.rotary_emb = type(network.model.rotary_emb)(network.config)
    network.eval()
    network.tie_weights()
    return network
