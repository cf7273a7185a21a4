"""What the attention benchmark compares: each side is prepared once and called many times."""

import functools
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from attention_measure import Call
from attention_workload import CHUNK, DEVICE, DTYPE, GROUP, HEAD_DIM, KV_HEADS, QUERY_HEADS, Inputs
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from dashdoc.kernels import dash_attention

CUDNN, FLASH2 = SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION


def absent(peer: Path | None) -> dict[str, str]:
    """The sides that cannot be measured here, and why."""
    found = {}
    if peer is None:
        found["published"] = "no checkout was given with --peer"
    if find_spec("flash_attn_interface") is None:
        found["FlashAttention-3"] = "flash_attn_interface is not installed"
    if find_spec("infllm_v2") is None:
        found["InfLLMv2"] = "infllm_v2 is not installed"
    return found


def ours(inputs: Inputs, options: dict[str, Any]) -> Call:
    """The whole operator, stage 1 and routing included."""
    tensors = (inputs.query, inputs.key, inputs.value, inputs.class_query)
    return lambda: dash_attention(*tensors, **options, backend="triton")[0]


def ours_routing(inputs: Inputs, options: dict[str, Any]) -> Call:
    """Summaries and stage 2 alone, in the pieces that the operator takes."""
    from dashdoc.kernels.triton.autograd import summarize
    from dashdoc.kernels.triton.forward import must_weigh, piece_tokens
    from dashdoc.kernels.triton.pieces import Routing, route_pieces
    from dashdoc.kernels.triton.tiles import tile_for

    query, key, tile = inputs.query, inputs.key, tile_for(GROUP)
    weigh = must_weigh(options["estimate_diagonal"], options["sigma"])
    piece = piece_tokens(query, key, CHUNK, tile, weigh)

    routing = Routing(**options, local_chunks=1)

    def call() -> Tensor:
        summaries = summarize(key, inputs.class_query, CHUNK)
        lengths = [
            part.selection.lengths
            for part in route_pieces(
                query, inputs.tokens, summaries, routing, tile, piece, weigh=weigh
            )
        ]
        return lengths[-1]

    return call


def ours_decoding(inputs: Inputs, options: dict[str, Any]) -> tuple[Call, Tensor]:
    """The newest token of each row; and where the call leaves how many chunks it read [B, Hkv]."""
    from dashdoc.kernels.triton.autograd import summarize
    from dashdoc.kernels.triton.decode import DecodeBuffers, decode

    query, key, value = inputs.query, inputs.key, inputs.value
    summaries = summarize(key, inputs.class_query, CHUNK)
    buffers = DecodeBuffers.allocate(key, QUERY_HEADS, CHUNK)
    B, N = key.shape[0], inputs.tokens
    length = torch.full((B,), N, dtype=torch.int32, device=key.device)

    def call() -> Tensor:
        return decode(
            query,
            key,
            value,
            summaries,
            inputs.class_query,
            length,
            buffers,
            **options,
            local_chunks=1,
        )

    return call, buffers.active


def ready(call: Call) -> Callable[[], Call]:
    """For a side that has been prepared."""
    return lambda: call


def dense(inputs: Inputs, backend: SDPBackend) -> Call:
    """PyTorch's attention by one backend, causal; KV heads are repeated where it wants them so."""
    query, key, value = inputs.query, inputs.key, inputs.value
    grouped = shares_heads(backend, training=query.requires_grad)
    causal = query.shape[2] > 1
    if not grouped:
        key, value = (tensor.repeat_interleave(GROUP, 1) for tensor in (key, value))

    def call() -> Tensor:
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(
                query, key, value, is_causal=causal, enable_gqa=grouped
            )

    return call


@functools.cache
def shares_heads(backend: SDPBackend, training: bool) -> bool:
    """Whether a backend takes fewer KV heads than query heads, backward too if training."""

    def heads(number: int) -> Tensor:
        shape = (1, number, 2 * CHUNK, HEAD_DIM)
        return torch.randn(shape, device=DEVICE, dtype=DTYPE, requires_grad=training)

    query, key = heads(QUERY_HEADS), heads(KV_HEADS)
    try:
        with sdpa_kernel(backend):
            output = F.scaled_dot_product_attention(
                query, key, key, is_causal=True, enable_gqa=True
            )
        if training:
            torch.autograd.grad(output.sum(), (query, key))
    except RuntimeError:
        return False
    return True


def flash3(inputs: Inputs) -> Call:
    """FlashAttention-3, in the layout that it reads: [B, N, H, D]."""
    flash_attn_func = import_module("flash_attn_interface").flash_attn_func
    tensors = [_tokens_first(t) for t in (inputs.query, inputs.key, inputs.value)]

    def call() -> Tensor:
        output = flash_attn_func(*tensors, causal=True)
        first: Tensor = output[0] if isinstance(output, tuple) else output
        return first

    return call


def infllm(inputs: Inputs, density: float) -> Call:
    """InfLLMv2's attention over as many blocks as ours reads; their selection is not counted.

    Blocks are spread evenly over the past, so that neighbours share nearly all of them.
    """
    attend = import_module("infllm_v2").infllmv2_attn_varlen_func
    query, key, value = (
        _tokens_first(t).flatten(0, 1) for t in (inputs.query, inputs.key, inputs.value)
    )
    N = inputs.tokens
    blocks = max(1, round(density * N / CHUNK))
    own = torch.arange(N, device=DEVICE)[:, None] // CHUNK
    place = torch.arange(blocks, device=DEVICE)
    spread = place * own // max(blocks - 1, 1)
    every = torch.where(place <= own, place, -1)
    chosen = torch.where(own < blocks, every, spread).to(torch.int32)
    chosen = chosen.expand(KV_HEADS, N, blocks).contiguous()
    ends = torch.tensor([0, N], dtype=torch.int32, device=DEVICE)

    def call() -> Tensor:
        output: Tensor = attend(query, key, value, ends, ends, N, N, causal=True, topk_idx=chosen)
        return output

    return call


def published(inputs: Inputs, options: dict[str, Any], peer: Path) -> Call:
    """The authors' Triton package, from a checkout of theirs."""
    if str(peer) not in sys.path:
        sys.path.insert(0, str(peer))
    precision = torch.get_float32_matmul_precision()
    dash_attn = import_module("dash_attn").dash_attn
    torch.set_float32_matmul_precision(precision)  # which that import changes
    module = dash_attn(
        chunk_size=CHUNK,
        enable_gqa=True,
        estimate_diagonal=options["estimate_diagonal"],
        scaling_factor=options["scale"],
        max_chunks=inputs.tokens // CHUNK,
        sigma=options["sigma"],
    )
    tensors = (inputs.query, inputs.key, inputs.value, inputs.class_query)

    def call() -> Tensor:
        output: Tensor = module.prefill(*tensors)
        return output

    return call


def backward(forward: Callable[[Inputs], Call], inputs: Inputs) -> Call:
    """The gradients of the inputs of what `forward` prepares, its graph kept from call to call."""
    names = ("query", "key", "value", "class_query")
    leaves = Inputs(*(getattr(inputs, name).detach().requires_grad_() for name in names))
    output = forward(leaves)()
    grad = torch.randn_like(output)
    tensors = [getattr(leaves, name) for name in names]

    def call() -> Tensor:
        return torch.autograd.grad(output, tensors, grad, retain_graph=True, allow_unused=True)[0]

    return call


def _tokens_first(tensor: Tensor) -> Tensor:
    return tensor.transpose(1, 2).contiguous()
