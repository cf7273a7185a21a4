"""Stage 3 on a processor without sparse kernels: only the chunks that are read are looked at."""

import torch
from torch import Tensor

from dashdoc.kernels import reference


def attend_gathered(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, position: Tensor, chunk_size: int
) -> Tensor:
    """`reference.attend`, each KV head over the chunks that any of the queries reads.

    What it leaves out has a bias of `-inf` for all of them, so the result is the same. The fewer
    queries are taken at once, the fewer chunks they read together.
    """
    output = torch.empty_like(query)
    group, N = query.shape[1] // key.shape[1], key.shape[2]
    offset = torch.arange(chunk_size, device=key.device)
    for row in range(key.shape[0]):
        for head in range(key.shape[1]):
            chunk = (bias[row, head] > -torch.inf).any(0).nonzero()  # [read, 1]
            token = (chunk * chunk_size + offset).flatten()
            token = token[token < N]  # the last chunk may be partial
            heads = (slice(row, row + 1), slice(head * group, (head + 1) * group))
            output[heads] = reference.attend(
                query[heads],
                key[row, head].index_select(0, token)[None, None],
                value[row, head].index_select(0, token)[None, None],
                bias[row, head].index_select(1, chunk[:, 0])[None, None],
                position,
                chunk_size,
                token=token,
            )
    return output
