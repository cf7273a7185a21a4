"""Each stage, fed with the published kernels' output of the stage before, gives their output."""

import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from dashdoc.kernels import reference

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("*.safetensors"))


class Golden:
    """One file: tensors as attributes, metadata as numbers."""

    def __init__(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            meta = file.metadata()
        self.N, self.C, self.pad, self.steps = (int(meta[k]) for k in ("N", "C", "pad", "steps"))
        self.scale, self.sigma = float(meta["s"]), float(meta["sigma"])
        self.estimate_diagonal = meta["est"] == "True"
        # The published padding is on row 0 alone.
        self.padding = torch.tensor([self.pad, 0]) if self.pad else None

    def __getattr__(self, name: str) -> Tensor:
        return self.tensors[name]

    def prefill(self, name: str) -> Tensor:
        return self.tensors[name][:, :, : self.N]


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual.double() - expected.double()).norm() / expected.double().norm()).item()


def test_summaries_match_to_bf16_rounding(golden: Golden) -> None:
    key = golden.prefill("k")
    actual = reference.summarize(key, golden.head_cls, golden.C, golden.padding)
    complete = golden.N // golden.C
    first = golden.pad // golden.C  # wholly padded chunks of row 0 hold nothing
    expected = golden.summaries[:, :, :complete]
    assert relative_error(actual[:, :, first:], expected[:, :, first:]) < 4e-3


def test_active_sets_match_exactly(golden: Golden) -> None:
    # The published kernel rounds q * s to bf16 before it scores.
    query = (golden.prefill("q") * golden.scale).to(torch.bfloat16).double()
    summaries = golden.summaries.nan_to_num().double()
    position = torch.arange(golden.N)
    past = summaries[:, :, : (golden.N - 1) // golden.C]
    routed = reference.route(query, past, position, golden.C, 1.0, golden.padding)
    bias = reference.prior(
        routed,
        position,
        golden.C,
        golden.active.shape[-1],
        golden.estimate_diagonal,
        golden.sigma,
        1,
        golden.padding,
    )
    active = bias > -math.inf
    if golden.pad:
        active[0, :, : golden.pad] = False
    assert torch.equal(active, golden.active.bool())
    count = active.sum(-1)
    assert torch.equal(count, golden.active_count.long())
    prior = bias.exp().masked_fill(~active, 0)
    # Their threshold comes from three Halley steps in fp32.
    assert relative_error(prior, golden.prior) < 1e-4


def test_attention_matches_from_the_published_prior(golden: Golden) -> None:
    bias = golden.prior.log().masked_fill(golden.active == 0, -math.inf)
    output = reference.attend(
        golden.prefill("q").float(),
        golden.prefill("k").float(),
        golden.prefill("v").float(),
        bias,
        torch.arange(golden.N),
        golden.C,
        golden.padding,
    )
    assert relative_error(output, golden.out) < 4e-4
