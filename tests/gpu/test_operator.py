"""The operator on the GPU equals the definition in float64 on the CPU, in every dtype."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import RoutingCounts, dash_attention, reference

DEVICE = torch.device("cuda")
# The rounding of inputs is shared: what is left is that of the output and of the weights.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 2e-3, torch.bfloat16: 1e-2}


@dataclass(frozen=True)
class Inputs:
    """Random queries (the last M of N), keys, values and summaries, on the CPU."""

    query: Tensor
    key: Tensor
    value: Tensor
    class_query: Tensor
    summaries: Tensor
    options: dict[str, object]

    @classmethod
    def draw(
        cls, N: int, M: int, dtype: torch.dtype, *, B: int = 1, Hkv: int = 2, G: int = 4,
        D: int = 128, **options: object,
    ) -> "Inputs":  # fmt: skip
        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape).to(dtype)

        key, class_query = normal(B, Hkv, N, D), normal(Hkv, D)
        return cls(
            2 * normal(B, Hkv * G, M, D),
            key,
            normal(B, Hkv, N, D),
            class_query,
            reference.summarize(key, class_query, int(str(options["chunk_size"]))),
            {"scale": 4.0, "estimate_diagonal": False, "sigma": 1e8, "local_chunks": 1, **options},
        )

    def on_gpu(self, **options: object) -> tuple[Tensor, RoutingCounts | None]:
        tensors = (self.query, self.key, self.value, self.class_query)
        options = {"summaries": self.summaries.to(DEVICE), **self.options, **options}
        return dash_attention(*(tensor.to(DEVICE) for tensor in tensors), **options)

    def defined(self) -> tuple[Tensor, Tensor, Tensor]:
        """In float64: the output, the active chunks [B, Hkv, M], and where rounding moves none.

        A score at its threshold may fall on either side of it: such a token is exempt.
        """
        query, key, value = (t.double() for t in (self.query, self.key, self.value))
        M, N = query.shape[2], key.shape[2]
        C, scale = self.options["chunk_size"], self.options["scale"]
        position, own = torch.arange(N - M, N), (N - 1) // C
        summaries = self.summaries[:, :, :own].double()
        bias = reference.prior(
            reference.route(query, summaries, position, C, scale),
            position,
            C,
            own + 1,
            self.options["estimate_diagonal"],
            self.options["sigma"],
            self.options["local_chunks"],
        )
        output = reference.attend(query, key, value, bias, position, C)
        return output, (bias > -math.inf).sum(-1), self._clear(query, summaries, position)

    def _clear(self, query: Tensor, summaries: Tensor, position: Tensor) -> Tensor:
        """[B, Hkv, M]: whether no score of the token lies at its threshold."""
        B, Hkv, P, D = summaries.shape
        M = query.shape[2]
        if P == 0:
            return torch.ones(B, Hkv, M, dtype=torch.bool)
        C, scale = self.options["chunk_size"], self.options["scale"]
        grouped = query.view(B, Hkv, -1, M, D)
        scores = grouped @ summaries[:, :, None].transpose(-1, -2) * (scale / math.sqrt(D))
        past = torch.arange(P) < (position // C)[:, None]  # [M, P]
        scores = scores.masked_fill(~past, -math.inf)
        root = reference.entmax15(scores).sqrt()
        tau = (scores / 2 - root).masked_fill(root == 0, -math.inf).amax(-1, keepdim=True)
        return ~((scores / 2 - tau).abs() < 1e-5).any(-1).any(2)


def assert_equal_where_clear(actual: Tensor, expected: Tensor, clear: Tensor) -> None:
    assert actual.isfinite().all()
    assert clear.double().mean() > 0.9
    G = expected.shape[1] // clear.shape[1]
    rows = clear.repeat_interleave(G, 1)
    error = (actual.cpu().double() - expected)[rows].norm() / expected[rows].norm()
    assert error <= TOLERANCE[actual.dtype]


LENGTHS = [(700, 700), (700, 130), (705, 1), (641, 64), (63, 63), (1, 1)]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("estimate", [False, True], ids=["log prior", "flat prior"])
@pytest.mark.parametrize(("N", "M"), LENGTHS)
def test_every_dtype_prior_and_offset(N: int, M: int, estimate: bool, dtype: torch.dtype) -> None:
    x = Inputs.draw(N, M, dtype, chunk_size=64, estimate_diagonal=estimate)
    output, counts = x.on_gpu(measure=True)
    expected, active, clear = x.defined()
    assert output.dtype == dtype
    assert counts is not None
    assert_equal_where_clear(output, expected, clear)
    assert torch.equal(counts.active.cpu()[clear].long(), active[clear])


@pytest.mark.parametrize("local", [1, 2])
@pytest.mark.parametrize("C", [16, 32, 64])
@pytest.mark.parametrize(("Hkv", "G", "D"), [(2, 16, 128), (3, 2, 64), (4, 1, 64), (1, 7, 128)])
def test_every_grouping_of_heads_and_chunk_size(
    Hkv: int, G: int, D: int, C: int, local: int
) -> None:
    x = Inputs.draw(
        333, 200, torch.bfloat16, B=2, Hkv=Hkv, G=G, D=D,
        chunk_size=C, estimate_diagonal=True, local_chunks=local,
    )  # fmt: skip
    expected, _, clear = x.defined()
    assert_equal_where_clear(x.on_gpu()[0], expected, clear)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_it_summarises_the_keys_itself(dtype: torch.dtype) -> None:
    x = Inputs.draw(700, 700, dtype, chunk_size=64)
    expected, _, clear = x.defined()
    assert_equal_where_clear(x.on_gpu(summaries=None)[0], expected, clear)


def test_scale_zero_with_the_flat_prior_is_dense_attention() -> None:
    x = Inputs.draw(700, 700, torch.bfloat16, chunk_size=64, scale=0.0, estimate_diagonal=True)
    query, key, value = (t.double() for t in (x.query, x.key, x.value))
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, enable_gqa=True
    )
    clear = torch.ones(1, 2, 700, dtype=torch.bool)
    assert_equal_where_clear(x.on_gpu()[0], expected, clear)
