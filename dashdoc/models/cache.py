"""The cache of one reading: keys, values and chunk summaries, preallocated and rewindable."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from dashdoc.models.configuration import DashLlamaConfig

if TYPE_CHECKING:
    from dashdoc.models.step import DecodeStep

# (keys from a chunk's first token on [B, Hkv, n * C, D], that chunk's number) -> [B, Hkv, n, D]
Summarize = Callable[[Tensor, int], Tensor]


class DashCacheLayer(CacheLayerMixin):
    """One layer: keys, values [B, Hkv, capacity, D] and summaries [B, Hkv, capacity / C, D]."""

    is_croppable = True

    def __init__(self, capacity: int, chunk_size: int) -> None:
        super().__init__()
        self.capacity = -(-capacity // chunk_size) * chunk_size
        self.chunk_size = chunk_size
        self.length = 0
        self.summarized = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        B, H, _, D = key_states.shape
        self.keys = key_states.new_empty(B, H, self.capacity, D)
        self.values = value_states.new_empty(B, H, self.capacity, D)
        self.summaries = key_states.new_empty(B, H, self.capacity // self.chunk_size, D)
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Append [B, Hkv, M, D] and return all keys and values so far, as views."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self.length = self.length, self.length + key_states.shape[2]
        self.reserve(self.length)
        self.keys[:, :, start : self.length] = key_states
        self.values[:, :, start : self.length] = value_states
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def update_summaries(self, summarize: Summarize) -> Tensor:
        """Summarise the chunks completed since the last call; return all [B, Hkv, P, D]."""
        complete = self.length // self.chunk_size
        if complete > self.summarized:
            fresh = self.keys[:, :, self.summarized * self.chunk_size : complete * self.chunk_size]
            self.summaries[:, :, self.summarized : complete] = summarize(fresh, self.summarized)
            self.summarized = complete
        return self.summaries[:, :, :complete]

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens, in new buffers where the old ones hold fewer."""
        if tokens > self.capacity:
            self._grow(max(tokens, self.capacity * 5 // 4))

    def rewind(self, length: int) -> None:
        """Forget everything after the first `length` tokens; whole chunks keep their summaries."""
        self.length = min(self.length, length)
        self.summarized = min(self.summarized, self.length // self.chunk_size)

    def crop(self, tokens_to_remove: int) -> None:
        self.rewind(max(self.length - abs(tokens_to_remove), 0))

    def reset(self) -> None:
        self.rewind(0)

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def _grow(self, capacity: int) -> None:
        """Move to buffers of a larger capacity, tokens."""
        self.capacity = -(-capacity // self.chunk_size) * self.chunk_size
        for name, size in (
            ("keys", self.capacity),
            ("values", self.capacity),
            ("summaries", self.capacity // self.chunk_size),
        ):
            old = getattr(self, name)
            new = old.new_empty(*old.shape[:2], size, old.shape[-1])
            new[:, :, : old.shape[2]] = old
            setattr(self, name, new)


class DashCache(Cache):
    """One `DashCacheLayer` a layer.

    Args:
        config: of the model.
        capacity: tokens to make room for at once; the cache grows when they do not suffice.

    `step` is what decodes over these buffers, kept for the next answer.
    """

    step: "DecodeStep | None" = None

    def __init__(self, config: DashLlamaConfig, capacity: int) -> None:
        super().__init__(
            layers=[
                DashCacheLayer(capacity, config.chunk_size) for _ in range(config.num_hidden_layers)
            ]
        )

    @property
    def length(self) -> int:
        """Tokens held."""
        return int(self.layers[0].length)

    @property
    def capacity(self) -> int:
        """Tokens that the buffers hold."""
        return int(self.layers[0].capacity)

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens, in every layer."""
        for layer in self.layers:
            layer.reserve(tokens)

    def rewind(self, length: int) -> None:
        """Forget everything after the first `length` tokens, in every layer."""
        for layer in self.layers:
            layer.rewind(length)

    def allocate(self, config: DashLlamaConfig, device: torch.device, dtype: torch.dtype) -> None:
        """Make the buffers that the first forward pass makes otherwise."""
        nothing = torch.empty(
            1, config.num_key_value_heads, 0, config.head_dim, device=device, dtype=dtype
        )
        for layer in self.layers:
            if not layer.is_initialized:
                layer.lazy_initialization(nothing, nothing)

    def tensors(self, length: int) -> dict[str, Tensor]:
        """Keys, values [Hkv, N, D] and summaries [Hkv, P, D] of the first `length` tokens.

        They are views, by name, of the first row of the batch; each head is contiguous.
        """
        found = {}
        for index, layer in enumerate(self.layers):
            complete = length // layer.chunk_size
            for name, rows in (("keys", length), ("values", length), ("summaries", complete)):
                found[f"layers.{index}.{name}"] = getattr(layer, name)[0, :, :rows]
        return found

    def fill(self, length: int) -> None:
        """Take the first `length` tokens, written to the buffers, as held."""
        for layer in self.layers:
            layer.length, layer.summarized = length, length // layer.chunk_size


def cache_bytes(config: DashLlamaConfig, tokens: int, dtype: torch.dtype) -> int:
    """Bytes of keys, values and summaries for a context of `tokens`."""
    row = config.num_key_value_heads * config.head_dim * dtype.itemsize
    rows = 2 * tokens + tokens // config.chunk_size
    return int(config.num_hidden_layers * row * rows)
