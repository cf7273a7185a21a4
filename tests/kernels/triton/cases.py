"""Random inputs whose active sets rounding cannot change, and what the definition makes of them."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dashdoc.kernels import RoutingCounts, dash_attention, reference

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@dataclass
class Case:
    """M queries over N keys; `options` are those of `attend_sparse`."""

    N: int = 150
    M: int = 20
    B: int = 1
    Hkv: int = 2
    G: int = 2
    D: int = 64
    C: int = 16
    scale: float = 4.0
    estimate: bool = False
    sigma: float = 2.0
    local: int = 1
    padding: list[int] | None = None
    dtype: torch.dtype = torch.float32
    least: float = 1e-5  # probability of a chunk that is read, and a score's way to its threshold
    query: Tensor = field(init=False)
    key: Tensor = field(init=False)
    value: Tensor = field(init=False)
    summaries: Tensor = field(init=False)

    def __post_init__(self) -> None:
        for _ in range(1000):
            self._draw()
            if self._clear():
                return
        raise AssertionError("no inputs clear of their thresholds in 1,000 draws")

    @property
    def options(self) -> dict[str, Any]:
        return {
            "chunk_size": self.C,
            "scale": self.scale,
            "estimate_diagonal": self.estimate,
            "sigma": self.sigma,
            "local_chunks": self.local,
            "padding": self.pad,
        }

    @property
    def pad(self) -> Tensor | None:
        return None if self.padding is None else torch.tensor(self.padding, device=DEVICE)

    def expected(self) -> tuple[Tensor, RoutingCounts]:
        """The definition's output and counts, in float64."""
        tensors = [t.double() for t in (self.query, self.key, self.value)]
        unused = torch.zeros(self.Hkv, self.D, dtype=torch.float64, device=DEVICE)
        output, counts = dash_attention(
            *tensors, unused, summaries=self.summaries.double(), measure=True, **self.options
        )
        assert counts is not None
        return output, counts

    def _draw(self) -> None:
        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, device=DEVICE).to(self.dtype)

        self.query = 2 * normal(self.B, self.Hkv * self.G, self.M, self.D)
        self.key, self.value = (normal(self.B, self.Hkv, self.N, self.D) for _ in range(2))
        class_query = normal(self.Hkv, self.D)
        self.summaries = reference.summarize(self.key, class_query, self.C, self.pad)

    def _clear(self) -> bool:
        """Whether no score lies at its threshold, and no chunk is hardly wanted.

        The logarithm of a probability that is hardly above zero has no digits in fp32, nor has the
        root of a head's own, by which gradients are divided.
        """
        if self.summaries.shape[2] == 0:
            return True
        position = torch.arange(self.N - self.M, self.N, device=DEVICE)
        heads = (self.B * self.Hkv, self.G, self.M, self.D)
        query = self.query.double().reshape(heads)
        summaries = self.summaries.double().flatten(0, 1)[:, None]
        scores = query @ summaries.transpose(-1, -2) * (self.scale / math.sqrt(self.D))
        chunk = torch.arange(scores.shape[-1], device=DEVICE)
        past = chunk < (position // self.C)[:, None]
        if self.pad is not None:
            first = (self.pad // self.C).repeat_interleave(self.Hkv)
            past = past & (chunk >= first[:, None, None, None])
        scores = scores.masked_fill(~past, -math.inf)
        p = reference.entmax15(scores)
        tau = (scores / 2 - p.sqrt()).masked_fill(p == 0, -math.inf).amax(-1, keepdim=True)
        P = p.mean(1)
        margin = (scores / 2 - tau).abs()[past.expand_as(scores) & (tau > -math.inf)]
        return bool((margin > self.least).all() and ((P == 0) | (self.least < P)).all())


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual.double() - expected.double()).norm() / expected.double().norm()).item()
