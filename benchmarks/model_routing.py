"""What a model routes: a sample of queries, its density, and the scale for a wanted one."""

import math

import torch
from torch import Tensor

from dashdoc.kernels.reference import route
from dashdoc.models.configuration import DashLlamaConfig

NEIGHBOURS = 8
GROUPS = 64  # of neighbouring tokens, along the whole text
SCALES = (1e-2, 1e4)
HALVINGS = 14


class SampleMeter:
    """Keeps the queries of groups of neighbouring tokens, of every layer, while a text is read.

    The groups lie behind the `first` tokens of `tokens`.
    """

    def __init__(
        self, config: DashLlamaConfig, tokens: int, neighbours: int = NEIGHBOURS, first: int = 0
    ) -> None:
        self._config, self._neighbours = config, neighbours
        stride = max((tokens - first) // GROUPS, neighbours)
        self._starts = range(first + stride - neighbours, tokens - neighbours + 1, stride)
        self._queries: dict[int, list[Tensor]] = {}  # layer -> [1, Hq, neighbours, D] of each group
        self._summaries: dict[int, Tensor] = {}
        self._kept: list[int] = []  # position of each group

    def add(self, layer: int, start: int, active: Tensor, query: Tensor, summaries: Tensor) -> None:
        """Keep what a piece holds; a group that lies across two pieces is left out."""
        end = start + query.shape[2]
        for first in self._starts:
            if start <= first and first + self._neighbours <= end:
                group = query[:, :, first - start : first - start + self._neighbours].clone()
                self._queries.setdefault(layer, []).append(group)
                if layer == 0:
                    self._kept.append(first)
        self._summaries[layer] = summaries

    def density(self, scale: float) -> float:
        """The density over all layers, by the first token of each group."""
        found = [density for density, _ in self.by_layer(scale, tokens=1)]
        return sum(found) / len(found)

    def by_layer(self, scale: float, tokens: int) -> list[tuple[float, float]]:
        """Density and that of the union over the first `tokens` of each group, of each layer."""
        return [self._density(layer, scale, tokens) for layer in sorted(self._queries)]

    def scale_for(self, density: float) -> float:
        """The scale of a density, by bisection: a larger one is sparser."""
        low, high = map(math.log, SCALES)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if self.density(math.exp(middle)) > density else (low, middle)
            )
        return math.exp((low + high) / 2)

    def _density(self, layer: int, scale: float, tokens: int) -> tuple[float, float]:
        """Of the first `tokens` of each group: what they read, and their union, of all chunks."""
        query = torch.cat([group[:, :, :tokens] for group in self._queries[layer]], 2)
        first = torch.tensor(self._kept, device=query.device)
        position = first[:, None] + torch.arange(tokens, device=query.device)  # [groups, tokens]
        return density_and_union(
            query, self._summaries[layer], position, self._config.chunk_size, scale
        )


@torch.inference_mode()
def density_and_union(
    query: Tensor, summaries: Tensor, position: Tensor, chunk_size: int, scale: float
) -> tuple[float, float]:
    """What tokens read, and what those of a group read together, as shares of all chunks.

    query is [1, Hq, groups * tokens, D], position [groups, tokens].
    """
    chosen = chosen_chunks(query, summaries, position.flatten(), chunk_size, scale)
    own = position.flatten() // chunk_size
    return density_together(chosen, own, 1), density_together(chosen, own, position.shape[1])


@torch.inference_mode()
def chosen_chunks(
    query: Tensor, summaries: Tensor, position: Tensor, chunk_size: int, scale: float
) -> Tensor:
    """[Hkv, M, P + 1] which chunks the tokens of a query [1, Hq, M, D] read, the own one too."""
    own = position // chunk_size
    past = summaries[:, :, : int(own.max())]
    chosen = route(query, past, position, chunk_size, scale)[0] > 0  # [Hkv, M, P]
    chosen = torch.nn.functional.pad(chosen, (0, 1))
    return chosen.scatter_(2, own.view(1, -1, 1).expand(len(chosen), -1, 1), True)


def density_together(chosen: Tensor, own: Tensor, tokens: int) -> float:
    """What every so many tokens in a row read together, as a share of all chunks up to their own.

    chosen is [Hkv, M, P + 1], own the chunk of each token [M].
    """
    unions = chosen.unflatten(1, (-1, tokens)).any(2)  # [Hkv, M / tokens, P + 1]
    return float(unions.sum() * tokens / (len(chosen) * (own + 1).sum()))
