"""The kernel for Hoppers gives what its plain twin gives, the same bits every time."""

import pytest
import torch
from torch import Tensor

from dashdoc.kernels import reference
from dashdoc.kernels.triton.attend import attend
from dashdoc.kernels.triton.route import route
from dashdoc.kernels.triton.skipping import attend_skipping, skips
from dashdoc.kernels.triton.tiles import tile_for


@pytest.fixture(autouse=True)
def hopper() -> None:
    if torch.cuda.get_device_capability()[0] != 9:
        pytest.skip("the device is no Hopper")


def check(
    N: int, M: int, *, B: int = 1, G: int = 16, D: int = 128, C: int = 64, sigma: float = 0.0,
    weigh: bool = False, local: int = 1, padding: list[int] | None = None, scale: float = 12.0,
    dtype: torch.dtype = torch.bfloat16,
) -> None:  # fmt: skip
    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, device="cuda").to(dtype)

    # Heads before tokens in memory, as a model's queries may lie.
    query = normal(B, 2 * G, M, D).transpose(1, 2)
    key, value = normal(B, 2, N, D), normal(B, 2, N, D)
    tile = tile_for(G)
    assert skips(query, key, value, tile, C)
    pad = None if padding is None else torch.tensor(padding, device="cuda")
    summaries = reference.summarize(key, normal(2, D), C, pad)
    summaries = torch.cat((summaries, normal(B, 2, 1, D)), 2)
    selection = route(
        2 * query, summaries, N - M, tile,
        chunk_size=C, scale=scale, local_chunks=local, weigh=weigh, padding=pad,
    )  # fmt: skip

    def attended(kernel: object) -> tuple[Tensor, Tensor]:
        output = torch.full((B, M + 5, 2 * G, D), torch.nan, device="cuda", dtype=dtype)
        lse = torch.full((B, M + 5, 2 * G), torch.nan, device="cuda")
        kernel(  # type: ignore[operator]
            2 * query, key, value, selection, N - M, output[:, 2 : M + 2], lse[:, 2 : M + 2],
            chunk_size=C, sharpness=1 / sigma if sigma else 0.0, local_chunks=local, padding=pad,
        )  # fmt: skip
        assert output[:, :2].isnan().all() and output[:, M + 2 :].isnan().all()
        return output[:, 2 : M + 2], lse[:, 2 : M + 2]

    (expected, expected_lse), (output, lse) = attended(attend), attended(attend_skipping)
    assert (output - expected).float().norm() <= 1e-3 * expected.float().norm()
    assert torch.equal(lse.isinf(), expected_lse.isinf())
    torch.testing.assert_close(lse, expected_lse, atol=1e-4, rtol=0)
    for _ in range(5):
        assert all(map(torch.equal, attended(attend_skipping), (output, lse)))


PRIORS = [{}, {"weigh": True}, {"weigh": True, "sigma": 2.0}]
LENGTHS = [(1, 1), (13, 13), (65, 65), (1000, 1000), (1537, 333), (1537, 1), (777, 776)]


@pytest.mark.parametrize("prior", PRIORS, ids=["flat", "log P", "sigma 2"])
@pytest.mark.parametrize(("N", "M"), LENGTHS)
def test_lengths_and_priors(N: int, M: int, prior: dict[str, float]) -> None:
    check(N, M, **prior)


@pytest.mark.parametrize("weigh", [False, True])
@pytest.mark.parametrize("G", [1, 2, 3, 4, 7, 8, 16, 32])
def test_groups(G: int, weigh: bool) -> None:
    check(501, 401, G=G, weigh=weigh)


@pytest.mark.parametrize("weigh", [False, True])
@pytest.mark.parametrize(("C", "D"), [(64, 64), (32, 128), (32, 64), (128, 64)])
def test_chunk_sizes_and_head_dimensions(C: int, D: int, weigh: bool) -> None:
    check(999, 800, C=C, D=D, weigh=weigh)
    check(999, 800, C=C, D=D, weigh=weigh, dtype=torch.float16)


@pytest.mark.parametrize("weigh", [False, True])
def test_padding_and_local_chunks(weigh: bool) -> None:
    check(700, 700, B=3, padding=[0, 70, 640], weigh=weigh, local=2)
    check(1001, 900, local=3, weigh=weigh)


@pytest.mark.parametrize("scale", [1.0, 8.0, 30.0])
def test_long_rings_and_seldom_wanted_chunks(scale: float) -> None:
    check(16384, 16384, scale=scale)
