"""The cache: whatever is appended is there, and what is forgotten leaves no trace."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import reference
from dashdoc.models.cache import DashCache, DashCacheLayer, cache_bytes
from dashdoc.models.configuration import DashLlamaConfig

B, H, D, C = 2, 3, 8, 16


class Filled:
    """A layer, and the keys and values that were appended to it."""

    def __init__(self, capacity: int) -> None:
        self.layer = DashCacheLayer(capacity, C)
        self.keys, self.values = torch.zeros(2, B, H, 0, D)
        self.class_query = torch.randn(H, D)
        self.summarized: list[tuple[int, int]] = []

    def append(self, tokens: int) -> Tensor:
        """Append random tokens, hold what comes back against all so far; the summaries."""
        keys, values = torch.randn(2, B, H, tokens, D)
        self.keys = torch.cat((self.keys, keys), 2)
        self.values = torch.cat((self.values, values), 2)
        for actual, expected in zip(
            self.layer.update(keys, values), (self.keys, self.values), strict=True
        ):
            assert torch.equal(actual, expected)
        summaries = self.layer.update_summaries(self._summarize)
        expected = reference.summarize(self.keys, self.class_query, C)
        assert torch.allclose(summaries, expected, atol=1e-6)
        return summaries

    def forget(self, length: int) -> None:
        self.keys, self.values = self.keys[:, :, :length], self.values[:, :, :length]

    def _summarize(self, keys: Tensor, first_chunk: int) -> Tensor:
        self.summarized.append((first_chunk, keys.shape[2] // C))
        return reference.summarize(keys, self.class_query, C)


@pytest.fixture(params=[1, 40, 1000], ids=lambda capacity: f"capacity {capacity}")
def filled(request: pytest.FixtureRequest) -> Filled:
    return Filled(request.param)


@pytest.mark.parametrize("pieces", [[200], [1] * 60, [15, 1, 1, 100], [16, 16, 16], [3, 90, 7]])
def test_nothing_is_lost_when_it_grows(filled: Filled, pieces: list[int]) -> None:
    for tokens in pieces:
        filled.append(tokens)
    assert filled.layer.get_seq_length() == sum(pieces)
    assert filled.layer.capacity >= sum(pieces)
    assert filled.layer.capacity % C == 0


@pytest.mark.parametrize("pieces", [[200], [1] * 60, [15, 1, 1, 100]])
def test_each_chunk_is_summarised_once(filled: Filled, pieces: list[int]) -> None:
    for tokens in pieces:
        filled.append(tokens)
    chunks = [c for first, count in filled.summarized for c in range(first, first + count)]
    assert chunks == list(range(sum(pieces) // C))


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 64, 99, 100])
def test_whole_chunks_keep_their_summaries_when_it_is_rewound(filled: Filled, length: int) -> None:
    before = filled.append(100).clone()
    filled.layer.rewind(length)
    filled.forget(length)
    assert filled.layer.get_seq_length() == length
    assert filled.layer.summarized == length // C
    after = filled.append(70)
    assert torch.equal(after[:, :, : length // C], before[:, :, : length // C])
    assert filled.summarized[1:] == [(length // C, (length + 70) // C - length // C)]


def test_a_rewind_to_more_than_it_holds_changes_nothing(filled: Filled) -> None:
    filled.append(50)
    filled.layer.rewind(70)
    assert filled.layer.get_seq_length() == 50
    filled.append(50)


@pytest.mark.parametrize("removed", [30, -30], ids=["tokens to remove", "negative"])
def test_crop_removes_the_last_tokens(filled: Filled, removed: int) -> None:
    filled.append(100)
    filled.layer.crop(removed)
    filled.forget(70)
    assert filled.layer.get_seq_length() == 70
    filled.append(10)


def test_crop_of_more_than_it_holds_empties_it(filled: Filled) -> None:
    filled.append(20)
    filled.layer.crop(-100)
    filled.forget(0)
    assert filled.layer.get_seq_length() == 0
    filled.append(40)


def test_reset_empties_it(filled: Filled) -> None:
    filled.append(100)
    filled.layer.reset()
    filled.forget(0)
    assert filled.layer.get_seq_length() == filled.layer.summarized == 0
    filled.append(40)


@pytest.fixture
def config() -> DashLlamaConfig:
    return DashLlamaConfig(
        num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=H, head_dim=D, chunk_size=C
    )


def buffers(cache: DashCache) -> Iterator[Tensor]:
    for layer in cache.layers:
        yield from (layer.keys, layer.values, layer.summaries)


def fill(cache: DashCache, tokens: int, dtype: torch.dtype) -> None:
    for index in range(len(cache.layers)):
        cache.update(*torch.zeros(2, 1, H, tokens, D, dtype=dtype), index)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tokens", [C, 5 * C, 64 * C])
def test_its_bytes_are_those_foretold(
    config: DashLlamaConfig, tokens: int, dtype: torch.dtype
) -> None:
    cache = DashCache(config, tokens)
    fill(cache, 1, dtype)
    allocated = sum(buffer.untyped_storage().nbytes() for buffer in buffers(cache))
    assert allocated == cache_bytes(config, tokens, dtype)


def test_every_layer_is_rewound_cropped_and_reset(config: DashLlamaConfig) -> None:
    cache = DashCache(config, 100)
    fill(cache, 90, torch.float32)
    for change, length in (
        (lambda: cache.rewind(70), 70),
        (lambda: cache.crop(-20), 50),
        (cache.reset, 0),
    ):
        change()
        assert {layer.get_seq_length() for layer in cache.layers} == {length} == {cache.length}


@pytest.mark.parametrize("length", [5, C, 90])
def test_what_is_copied_to_another_cache_is_held_there(
    config: DashLlamaConfig, length: int
) -> None:
    one, other = DashCache(config, 100), DashCache(config, 200)
    fill(one, 90, torch.float32)
    for buffer in buffers(one):
        torch.nn.init.normal_(buffer)
    other.allocate(config, torch.device("cpu"), torch.float32)
    for (name, to), (same, of) in zip(
        other.tensors(length).items(), one.tensors(length).items(), strict=True
    ):
        assert name == same and all(head.is_contiguous() for head in to)
        to.copy_(of)
    other.fill(length)
    assert {layer.get_seq_length() for layer in other.layers} == {length}
    assert {layer.summarized for layer in other.layers} == {length // C}
    for mine, theirs in zip(other.layers, one.layers, strict=True):
        assert torch.equal(mine.keys[:1, :, :length], theirs.keys[:1, :, :length])
