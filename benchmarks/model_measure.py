"""Reading and answering through the network, timed; transformers' dense Llama beside it."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.cache_utils import DynamicCache

from dashdoc.models import Model
from dashdoc.models.cache import DashCache
from dashdoc.models.checkpoint import read_fields
from dashdoc.models.generation import Decoding, forward
from dashdoc.models.llama import CACHE_ARGUMENT, RoutingMeter
from dashdoc.models.metering import ChunkMeter
from dashdoc.models.quantized import QuantizedLinear
from dashdoc.models.weighing import AnswerMeter

ANSWER_TOKENS = 64  # a detected repetition may end it at 48
WARM_TOKENS = 8  # before the clock starts: a graph is captured with the first
ORDINARY = 3  # the first id that is no special token


@dataclass(frozen=True)
class Timed:
    """One reading and the answer after it; times in seconds and milliseconds, memory in bytes.

    `peak_bytes` is all that torch had allocated at once; `estimated_bytes` what dashdoc says
    before it starts.
    """

    tokens: int
    piece: int
    scale: float
    density: float
    first_token_seconds: float
    ms_per_token: float | None
    peak_bytes: int
    estimated_bytes: int


def prompt(model: Model, tokens: int) -> Tensor:
    """Random ids [1, N]."""
    generator = torch.Generator().manual_seed(tokens)
    ids = torch.randint(ORDINARY, model.config.vocab_size, (1, tokens), generator=generator)
    return ids.to(model.device)


def read(
    model: Model, ids: Tensor, cache: DashCache, piece: int, meter: RoutingMeter | None
) -> Tensor:
    """Prefill as a session does; the logits after the last token."""
    cache.rewind(0)
    for start in range(0, ids.shape[1], piece):
        logits = forward(model.network, ids[:, start : start + piece], cache, meter)
    return logits


def route_by(model: Model, scale: float) -> None:
    """Set the scale of a loaded network."""
    model.network.config.scaling_factor = scale


def measure(model: Model, ids: Tensor, piece: int, scale: float, *, answer: bool) -> Timed:
    """Time to the first token, peak memory, and the time of each further token."""
    tokens = ids.shape[1]
    route_by(model, scale)
    cache = DashCache(model.config, tokens + ANSWER_TOKENS)
    _reset_peak(model.device)
    meter = ChunkMeter(model.config)
    began = time.perf_counter()
    logits = read(model, ids, cache, piece, meter)
    int(logits.argmax(-1))
    first = time.perf_counter() - began
    peak = _peak(model.device)
    choice = model.choice
    estimated = choice.weight_bytes + choice.cache_bytes(tokens) + choice.workspace_bytes(tokens)
    return Timed(
        tokens=tokens,
        piece=piece,
        scale=scale,
        density=1 - meter.routing().sparsity,
        first_token_seconds=first,
        ms_per_token=answering_ms(model, cache, logits) if answer else None,
        peak_bytes=peak,
        estimated_bytes=estimated,
    )


def answering_ms(model: Model, cache: DashCache, logits: Tensor) -> float:
    """Milliseconds a token, with the routing weighed as for a question."""
    tokens = cache.length
    meter = AnswerMeter(model.config, known=tokens, answered=tokens)
    decoding = Decoding(model.network, cache, logits, frozenset(), ANSWER_TOKENS, meter)
    stamps = [time.perf_counter() for _ in decoding]
    return (stamps[-1] - stamps[WARM_TOKENS]) / (len(stamps) - WARM_TOKENS - 1) * 1e3


def measure_dense(model: Model, ids: Tensor, answer_tokens: int = 16) -> dict[str, Any]:
    """transformers' Llama with SDPA on the same weights: the whole prompt at once, eager."""
    network = dense_network(model)
    _reset_peak(model.device)

    @torch.inference_mode()
    def step(part: Tensor, cache: DynamicCache) -> Tensor:
        output = network(part, logits_to_keep=1, use_cache=True, **{CACHE_ARGUMENT: cache})
        return output.logits[:, -1].argmax(-1, keepdim=True)  # type: ignore[no-any-return]

    cache = DynamicCache(config=network.config)
    began = time.perf_counter()
    token = step(ids, cache)
    int(token)
    first = time.perf_counter() - began
    peak = _peak(model.device)
    stamps = []
    for _ in range(answer_tokens):
        token = step(token, cache)
        int(token)
        stamps.append(time.perf_counter())
    return {
        "tokens": ids.shape[1],
        "first_token_seconds": first,
        "ms_per_token": (stamps[-1] - stamps[3]) / (len(stamps) - 4) * 1e3,
        "peak_bytes": peak,
    }


def dense_network(model: Model) -> LlamaForCausalLM:
    """A plain Llama that shares the weights."""
    config = LlamaConfig(**read_fields(model.choice.folder), attn_implementation="sdpa")
    with torch.device("meta"):
        network = LlamaForCausalLM(config)
    weights = model.network.state_dict()
    network.load_state_dict({name: weights[name] for name in network.state_dict()}, assign=True)
    network.model.rotary_emb = type(network.model.rotary_emb)(config).to(model.device)
    return network.eval()


def linear_parameters(model: Model) -> int:
    """Parameters that every token of a prompt is multiplied with."""
    shapes = (
        module.shape if isinstance(module, QuantizedLinear) else module.weight.shape
        for module in model.network.model.layers.modules()
        if isinstance(module, (nn.Linear, QuantizedLinear))
    )
    return sum(shape.numel() for shape in shapes)


def attention_flops(model: Model, tokens: int, density: float) -> float:
    """Operations on active chunks of the causal triangle, all layers."""
    config = model.config
    width = config.num_attention_heads * config.head_dim
    return 2 * float(tokens) ** 2 * width * config.num_hidden_layers * density


def copy_rate() -> float:
    """Bytes a second that the GPU's memory moves, read and written."""
    from attention_measure import median_ms

    source = torch.empty(1 << 30, dtype=torch.int8, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.nbytes / median_ms(lambda: target.copy_(source)) * 1e3


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        torch.cuda.synchronize(device)


def _peak(device: torch.device) -> int:
    from dashdoc.models.memory import peak_bytes

    return peak_bytes(device)
