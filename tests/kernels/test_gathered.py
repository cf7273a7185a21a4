"""Looking only at the chunks that are read changes nothing."""

import pytest
import torch

from dashdoc.kernels import reference
from dashdoc.kernels.gathered import attend_gathered


@pytest.mark.parametrize("N", [1, 15, 16, 17, 203])
@pytest.mark.parametrize("M", [1, 7, 64])
@pytest.mark.parametrize("group", [1, 3])
def test_the_gathered_chunks_give_the_definitions_output(N: int, M: int, group: int) -> None:
    M, C = min(M, N), 16
    query = torch.randn(2, 2 * group, M, 24)
    key, value = torch.randn(2, 2, N, 24), torch.randn(2, 2, N, 24)
    position = torch.arange(N - M, N)
    chunk, own = torch.arange(-(-N // C)), (position // C)[:, None]
    # A chunk in six is read, the same few by most queries, so that whole chunks are left out.
    bias = torch.randn(2, 2, 1, len(chunk)) + 0.1 * torch.randn(2, 2, M, len(chunk))
    bias = bias.masked_fill((bias < 1) | (chunk > own), -torch.inf).masked_fill(chunk == own, 0)
    read = (query, key, value, bias, position, C)
    expected = reference.attend(*read)
    assert (attend_gathered(*read) - expected).norm() < 1e-6 * expected.norm()
