"""A third lesson: heads that look where the answer stands.

A layer may know which sentence answers (see `finding`) and yet the next one blurs it: a head that
spreads its attention over the sentences in question passes on a mixture of where they begin. So one
head of some layers is taught to look at one token alone. It is asked as the operator asks it, but
with softmax in place of entmax: a chunk that is not read yet can be learned to be read then.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from dashdoc.kernels.reference import summarize
from dashdoc.models.fused import rotated
from dashdoc.models.llama import DashAttention, DashLlamaForCausalLM
from examples.train_bundled.finding import NOTHING, SENTENCE, WORD, mean_of_sought, share_of_readers

# Of which layer which query head looks, and at what: each had begun to do so by itself.
HEADS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {5: (1, SENTENCE), 6: (4, SENTENCE), 8: (3, WORD)}
)


def looked(
    model: DashLlamaForCausalLM, states: Sequence[Tensor], kinds: Tensor, sought: Sequence[Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of the heads' mean losses; of every head the share right where readers ask.

    Args:
        states: [B, T, hidden_size] each, before the first layer and after every one.
        kinds: [B, T]; see `tasks`.
        sought: [2, B, n] of sentences and of words; see `finding.side_by_side`.
    """
    loss, shares = states[0].new_zeros(()), {}
    positions = torch.arange(kinds.shape[1], device=kinds.device)[None]
    angles = model.model.rotary_emb(states[0], positions)
    for number, (head, what) in HEADS.items():
        if number >= len(model.model.layers):
            continue
        layer = model.model.layers[number]
        asking, target = sought[what]
        normed = layer.input_layernorm(states[number])
        seen = attention(layer.self_attn, head, normed, angles, asking)  # [B, n, T]
        each = F.nll_loss(
            seen.flatten(0, 1), target.flatten(), reduction="none", ignore_index=NOTHING
        )
        loss = loss + mean_of_sought(each, target)
        shares[f"head_{number}"] = share_of_readers(seen.argmax(-1) == target, kinds, asking)
    return loss, shares


def attention(
    layer: DashAttention, head: int, hidden: Tensor, angles: tuple[Tensor, Tensor], asking: Tensor
) -> Tensor:
    """Logarithms [B, n, T] of how much one query head attends to every token.

    Args:
        hidden: [B, T, hidden_size], as the layer takes it.
        angles: cosines and sines [1, T, D] of the rotary embedding.
        asking: [B, n] positions of the queries.
    """
    D, C = layer.head_dim, layer.config.chunk_size
    tokens = torch.arange(hidden.shape[1], device=hidden.device)
    group = head // layer.num_key_value_groups
    query = F.linear(hidden, layer.q_proj.weight[head * D : (head + 1) * D])[:, :, None]
    key = F.linear(hidden, layer.k_proj.weight[group * D : (group + 1) * D])[:, :, None]
    query, key = (t[:, :, 0] for t in rotated(query, key, angles))  # [B, T, D]
    query = query.gather(1, asking[..., None].expand(-1, -1, D)) * D**-0.5  # [B, n, D]
    class_query = layer.indexer_q.view(-1, D)[group, None]
    summaries = summarize(key[:, None], class_query, C)[:, 0]  # [B, P, D]

    wanted = (query @ summaries.transpose(1, 2)).float() * layer.config.scaling_factor
    past = tokens[: wanted.shape[2]] < (asking // C)[..., None]  # [B, n, P]
    prior = wanted.masked_fill(~past, torch.finfo(wanted.dtype).min).log_softmax(-1)
    prior = prior.masked_fill(~past, 0).repeat_interleave(C, -1)
    scores = (query @ key.transpose(1, 2)).float()  # [B, n, T]
    scores = scores + F.pad(prior, (0, scores.shape[2] - prior.shape[2]))
    return scores.masked_fill(tokens > asking[..., None], float("-inf")).log_softmax(-1)
