"""What the operator comes to where every chunk is wanted alike: full attention."""

import torch.nn.functional as F
from torch import Tensor


def attend_dense(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal softmax attention of the last M of N tokens over all of them.

    Args:
        query: [B, Hq, M, D]; key, value: [B, Hkv, N, D].

    Returns:
        [B, Hq, M, D] in the query's dtype.
    """
    from torch.nn.attention.bias import causal_lower_right  # imports Triton where there is one

    M, N = query.shape[2], key.shape[2]
    # torch's own causal mask is aligned to the first key, and a single query needs none.
    mask = causal_lower_right(M, N) if 1 < M < N else None
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=M == N, enable_gqa=True
    )
