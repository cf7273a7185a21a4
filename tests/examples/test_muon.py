"""The optimizer of the matrices is torch's Muon, many matrices at a time."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from examples.train_bundled.muon import Muon, orthogonal

SHAPES = (24, 24), (40, 24), (24, 24), (24, 40), (40, 24)


def test_the_matrices_go_where_torch_moves_them() -> None:
    ours = [nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    theirs = [nn.Parameter(matrix.detach().clone()) for matrix in ours]
    begun = [matrix.detach().clone() for matrix in ours]
    both = (
        Muon(ours, lr=0.02, weight_decay=0.1),
        torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(4):
        for mine, its in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            its.grad = mine.grad.clone()
        for optimizer in both:
            optimizer.step()
    for mine, its, start in zip(ours, theirs, begun, strict=True):
        assert (mine - its).norm() < 0.02 * (its - start).norm()


def test_an_optimizer_goes_on_from_its_state() -> None:
    def trained(steps: int, optimizer: Muon, matrices: list[nn.Parameter]) -> None:
        for _ in range(steps):
            for matrix in matrices:
                matrix.grad = matrix.detach() - 1
            optimizer.step()

    through = [nn.Parameter(torch.ones(shape).triu()) for shape in SHAPES]
    first = Muon(through, lr=0.02, weight_decay=0.1)
    trained(2, first, through)
    again = [nn.Parameter(matrix.detach().clone()) for matrix in through]
    second = Muon(again, lr=0.02, weight_decay=0.1)
    second.load_state_dict(deepcopy(first.state_dict()))
    trained(2, first, through)
    trained(2, second, again)
    assert all(torch.equal(one, other) for one, other in zip(through, again, strict=True))


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 64, 32), (2, 32, 64)])
def test_an_update_stretches_all_directions_about_alike(shape: tuple[int, int, int]) -> None:
    stretched = torch.linalg.svdvals(orthogonal(torch.randn(shape)).float())
    assert stretched.quantile(0.05) > 0.5 and stretched.max() < 1.4
