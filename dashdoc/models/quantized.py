"""Linear layers whose weights are kept in 8 or 4 bits, by bitsandbytes.

Only those of the decoder layers: embeddings, norms, output layer and class queries stay as they
are. A product takes the number format of its input, to which a weight is restored for its time;
on a GPU, 4 bits are multiplied with a few tokens as they are.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from dashdoc.errors import UsageError
from dashdoc.models.configuration import DashLlamaConfig

Quantization = Literal["8bit", "4bit"]

# Values in a row that share a scale: their largest, in fp32.
BLOCK = 64
SCALE_BYTES = 4


class QuantizedLinear(nn.Module):
    """`nn.Linear` over the codes of a weight [N, K], with a scale for each `BLOCK` of its values.

    Args:
        linear: the layer that it stands for; of its weight only the shape is taken.
    """

    bits: ClassVar[int]
    codes: Tensor  # uint8
    scales: Tensor  # [N * K / BLOCK] fp32

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.shape = linear.weight.shape
        self.bias = linear.bias

    def quantize(self, weight: Tensor) -> None:
        """Take the codes of a weight [N, K], on its device."""
        raise NotImplementedError


class Linear8bit(QuantizedLinear):
    """With codes [N, K] for numbers at equal distances."""

    bits = 8
    levels: Tensor  # [256] fp32

    def quantize(self, weight: Tensor) -> None:
        functional = _bitsandbytes().functional
        levels = functional.create_linear_map(signed=True).to(weight.device)
        codes, state = functional.quantize_blockwise(weight, code=levels, blocksize=BLOCK)
        self.register_buffer("codes", codes)
        self.register_buffer("scales", state.absmax)
        self.register_buffer("levels", levels)

    def forward(self, x: Tensor) -> Tensor:
        functional = _bitsandbytes().functional
        state = functional.QuantState(self.scales, code=self.levels, blocksize=BLOCK, dtype=x.dtype)
        return F.linear(x, functional.dequantize_blockwise(self.codes, state), self.bias)


class Linear4bit(QuantizedLinear):
    """With codes [N * K / 2, 1] for the quantiles of a normal distribution (NF4), two a byte."""

    bits = 4

    def quantize(self, weight: Tensor) -> None:
        functional = _bitsandbytes().functional
        codes, state = functional.quantize_4bit(weight, blocksize=BLOCK, quant_type="nf4")
        self.register_buffer("codes", codes)
        self.register_buffer("scales", state.absmax)

    def forward(self, x: Tensor) -> Tensor:
        library = _bitsandbytes()
        state = library.functional.QuantState(
            self.scales, shape=self.shape, blocksize=BLOCK, quant_type="nf4", dtype=x.dtype
        )
        product: Tensor = library.matmul_4bit(x, self.codes, state, bias=self.bias)
        return product


LINEAR: dict[Quantization, type[QuantizedLinear]] = {"8bit": Linear8bit, "4bit": Linear4bit}


def put_quantized(network: LlamaForCausalLM, quantization: Quantization) -> None:
    """Put layers without weights in place of the linear ones of the decoder layers."""
    for module in list(network.model.layers.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, LINEAR[quantization](child))


def saved_bytes(config: DashLlamaConfig, dtype: torch.dtype, quantization: Quantization) -> int:
    """Bytes that quantised weights take less than those in `dtype`."""
    queries = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    rows = 2 * queries + 2 * keys + 3 * config.intermediate_size
    weights = config.num_hidden_layers * config.hidden_size * rows
    width = LINEAR[quantization].bits / 8 + SCALE_BYTES / BLOCK
    return int(weights * (dtype.itemsize - width))


def restored_bytes(config: DashLlamaConfig, dtype: torch.dtype) -> int:
    """Bytes of the largest weight, restored to `dtype` for its product."""
    rows = max(config.intermediate_size, config.num_attention_heads * config.head_dim)
    return int(config.hidden_size * rows * dtype.itemsize)


def check_library() -> None:
    """Raises UsageError: bitsandbytes is not installed."""
    if find_spec("bitsandbytes") is None:
        raise UsageError(
            "--quantize needs bitsandbytes, which is not installed here. To get it: "
            "pip install bitsandbytes (the extra dashdoc[quantized])."
        )


@cache
def _bitsandbytes() -> Any:
    """The library, imported when first used: that takes seconds."""
    with _nothing_fetched():
        import bitsandbytes
    return bitsandbytes


@contextmanager
def _nothing_fetched() -> Iterator[None]:
    """Hide the package `kernels`, with which bitsandbytes would fetch a kernel from the hub."""
    missing = object()
    kernels: Any = sys.modules.get("kernels", missing)
    logger = logging.getLogger("bitsandbytes")
    level = logger.level
    sys.modules["kernels"] = None  # type: ignore[assignment]
    logger.setLevel(logging.ERROR)  # it would warn of that
    try:
        yield
    finally:
        logger.setLevel(level)
        del sys.modules["kernels"]
        if kernels is not missing:
            sys.modules["kernels"] = kernels
