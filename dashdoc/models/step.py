"""One token through the network with everything in device memory, so that a graph can replay it.

Token, length and position are read on the device and written there for the next step; all sizes
depend on the cache's capacity alone. The kernels are those of one token: the products of a layer,
the rotation into the cache, and `decode`. Quantised layers multiply by themselves.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from dashdoc.kernels.operator import has_kernels
from dashdoc.kernels.reference import rotate_class_query
from dashdoc.kernels.triton.decode import DecodeBuffers, decode
from dashdoc.kernels.triton.decode_place import place
from dashdoc.kernels.triton.decode_project import project, project_gated
from dashdoc.models.cache import DashCache
from dashdoc.models.llama import DashLlamaForCausalLM, FixedRotaryEmbedding, RoutingMeter
from dashdoc.models.quantized import QuantizedLinear

# Steps after which a meter should take their queries and counts, while one more step runs.
KEPT_STEPS = 64


class DecodeStep:
    """The next token of the one sequence in a cache, as often as it is called.

    Args:
        network: one that `has_steps`.
        cache: whose first tokens were prefilled; a step writes behind them, and is of no use once
            the cache has grown.
    """

    def __init__(self, network: DashLlamaForCausalLM, cache: DashCache) -> None:
        config = network.config
        self._network, self._layers = network, cache.layers
        self._buffers_at = _addresses(cache)
        Hq, Hkv, D = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        keys = cache.layers[0].keys
        device, L = keys.device, config.num_hidden_layers
        self.token = torch.zeros(1, dtype=torch.int64, device=device)
        self.logits = keys.new_zeros(1, config.vocab_size)
        self._length = torch.zeros(1, dtype=torch.int32, device=device)
        self._query = keys.new_zeros(L, 1, Hq, 1, D)
        self._active = torch.zeros(L, 1, Hkv, dtype=torch.int32, device=device)
        self._kept_query = keys.new_zeros(KEPT_STEPS + 1, L, Hq, D)
        self._kept_active = self._active.new_zeros(KEPT_STEPS + 1, L, Hkv)
        buffers = DecodeBuffers.allocate(keys, Hq, config.chunk_size)
        self._buffers = [replace(buffers, active=active) for active in self._active]
        attentions = [layer.self_attn for layer in network.model.layers]
        self._class_queries = torch.cat([a.indexer_q.detach().view(Hkv, D) for a in attentions])
        self._graph: torch.cuda.CUDAGraph | None = None

    def runs_over(self, network: DashLlamaForCausalLM, cache: DashCache) -> bool:
        """Whether this is the step of that network over the buffers of that cache."""
        return self._network is network and self._buffers_at == _addresses(cache)

    @torch.inference_mode()
    def begin(self, token: Tensor, length: int) -> None:
        """Put `token` [1] next, behind `length` tokens; captures the graph where there is none."""
        self._length.fill_(length)
        if self._graph is None and self.token.is_cuda:
            self._capture()
            self._length.fill_(length)
        self.token.copy_(token)

    @torch.inference_mode()
    def __call__(self) -> None:
        """Read `token` into the cache, and put the most likely one in its place."""
        if self._graph is None:
            self._run()
        else:
            self._graph.replay()

    @torch.inference_mode()
    def hand_over(self, meter: RoutingMeter, first: int, end: int) -> None:
        """Give a meter what was kept of positions `first` to `end`, `KEPT_STEPS` at most."""
        slots = torch.arange(first, end, device=self.token.device) % len(self._kept_query)
        queries = self._kept_query[slots].permute(1, 2, 0, 3).contiguous()  # [L, Hq, M, D]
        active = self._kept_active[slots].permute(1, 2, 0)  # [L, Hkv, M]
        for index, layer in enumerate(self._layers):
            complete = layer.summaries[:, :, : end // layer.chunk_size]
            meter.add(index, first, active[None, index], queries[None, index], complete)

    def _capture(self) -> None:
        """Record the launches of a step once they have all run.

        What that writes lies behind the tokens held, and is written again.
        """
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self._run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._run()
        self._graph = graph

    def _run(self) -> None:
        model = self._network.model
        position = self._length.long()  # [1], of the token that comes in
        self._length += 1
        hidden = F.embedding(self.token, model.embed_tokens.weight)  # [1, hidden size]
        cos, sin = model.rotary_emb(hidden, position[None])  # [1, 1, D]
        class_queries = self._class_queries_at(position)
        for index, layer in enumerate(model.layers):
            hidden = self._attend(hidden, index, layer, cos.view(-1), sin.view(-1), class_queries)
            hidden = self._feed_forward(hidden, layer)
        project(
            hidden,
            self._network.lm_head.weight,
            norm=model.norm.weight,
            epsilon=model.norm.variance_epsilon,
            output=self.logits,
        )
        torch.argmax(self.logits, -1, out=self.token)
        slot = position % len(self._kept_query)
        self._kept_query.index_copy_(0, slot, self._query.view(1, *self._kept_query.shape[1:]))
        self._kept_active.index_copy_(0, slot, self._active.view(1, *self._kept_active.shape[1:]))

    def _attend(
        self, hidden: Tensor, index: int, layer: LlamaDecoderLayer, cos: Tensor, sin: Tensor,
        class_queries: Tensor,
    ) -> Tensor:  # fmt: skip
        """The attention of one layer, and the residual around it: [1, hidden size]."""
        config, cache, attention = self._network.config, self._layers[index], layer.self_attn
        projections = attention.q_proj, attention.k_proj, attention.v_proj
        if isinstance(attention.q_proj, QuantizedLinear):
            normalized = layer.input_layernorm(hidden)
            projected = torch.cat([linear(normalized) for linear in projections], -1)
        else:
            projected = project(
                hidden,
                *(linear.weight for linear in projections),
                norm=layer.input_layernorm.weight,
                epsilon=layer.input_layernorm.variance_epsilon,
            )
        query = self._query[index]  # [1, Hq, 1, D]
        place(projected, cos, sin, self._length, query, cache.keys, cache.values)
        output = decode(
            query,
            cache.keys,
            cache.values,
            cache.summaries,
            class_queries[index],
            self._length,
            self._buffers[index],
            chunk_size=config.chunk_size,
            scale=config.scaling_factor,
            estimate_diagonal=config.estimate_diagonal,
            sigma=config.sigma,
            local_chunks=config.local_chunks,
        )
        if isinstance(attention.o_proj, QuantizedLinear):
            return torch.add(hidden, attention.o_proj(output.view(1, -1)))
        return project(output.view(1, -1), attention.o_proj.weight, residual=hidden)

    def _feed_forward(self, hidden: Tensor, layer: LlamaDecoderLayer) -> Tensor:
        """The MLP of one layer, and the residual around it: [1, hidden size]."""
        norm, mlp = layer.post_attention_layernorm, layer.mlp
        if isinstance(mlp.gate_proj, QuantizedLinear):
            return torch.add(hidden, mlp(norm(hidden)))
        gated = project_gated(
            hidden,
            mlp.gate_proj.weight,
            mlp.up_proj.weight,
            norm=norm.weight,
            epsilon=norm.variance_epsilon,
        )
        return project(gated, mlp.down_proj.weight, residual=hidden)

    def _class_queries_at(self, position: Tensor) -> Tensor:
        """[L, Hkv, D], those of the newest token's chunk."""
        config, queries = self._network.config, self._class_queries
        if config.rotate_head_query:
            first = position // config.chunk_size * config.chunk_size
            frequencies = self._network.model.rotary_emb.inv_freq
            queries = rotate_class_query(queries, frequencies, first[None], config.chunk_size)
        return queries.reshape(config.num_hidden_layers, -1, config.head_dim)


def has_steps(network: DashLlamaForCausalLM) -> bool:
    """Whether the kernels of one token run this network."""
    config, rotary = network.config, network.model.rotary_emb
    fixed = isinstance(rotary, FixedRotaryEmbedding) or rotary.rope_type not in (
        "dynamic",
        "longrope",
    )
    return (
        fixed
        and has_kernels(network.dtype, config.head_dim, config.chunk_size)
        and config.hidden_act == "silu"
        and not (config.attention_bias or config.mlp_bias)
    )


def step_over(network: DashLlamaForCausalLM, cache: DashCache) -> DecodeStep:
    """The step over a cache, made where there is none or the cache has grown since."""
    if cache.step is None or not cache.step.runs_over(network, cache):
        cache.step = None  # frees its memory first
        cache.step = DecodeStep(network, cache)
    return cache.step


def _addresses(cache: DashCache) -> tuple[int, int]:
    """Tells buffers from those of before they grew; they all grow at once."""
    return cache.layers[0].keys.data_ptr(), cache.capacity
