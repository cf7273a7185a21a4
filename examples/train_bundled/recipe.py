"""What is trained and how: the model, its optimizers, its losses and the course of the training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.metering import ChunkMeter
from examples.train_bundled.finding import Finders
from examples.train_bundled.looking import looked
from examples.train_bundled.muon import Muon
from examples.train_bundled.tasks import ANSWER, CHOICE, TEXT

STEP_TOKENS = 65_536
WARMUP_STEPS = 200
# Share of the time budget up to which a mix of row lengths (and its weights) is drawn.
STAGES: tuple[tuple[float, dict[int, float]], ...] = (
    (0.10, {512: 1.0}),
    (0.34, {1024: 0.75, 2048: 0.25}),
    (0.55, {1024: 0.45, 2048: 0.3, 4096: 0.25}),
    (1.00, {1024: 0.2, 2048: 0.3, 4096: 0.27, 8192: 0.12, 16384: 0.11}),
)
# The first tokens of an answer find the sentence, the others copy it: what a first one counts for.
FOUND_TOKENS, FOUND_WEIGHT = 4, 3.0
# The same of the sentences of a summary, which are few.
CHOICE_WEIGHT = 9.0
# What each look for the place of an answer counts for, beside the answers, and each head's.
FINDING_WEIGHT, LOOKING_WEIGHT = 0.5, 0.5
# Multiplications in bf16 a second, twice counted as adders, without sparsity; from the data sheets.
PEAK = {"A100": 312e12, "H100": 989e12, "H200": 989e12}


def configuration(tokenizer: Tokenizer, **changes: Any) -> DashLlamaConfig:
    """13,771,584 parameters; the embedding is tied. `changes` go before what stands here.

    Deep and narrow: to find a sentence, go to its beginning and copy it takes one layer each, and
    they come after those that read. The base of the rotary embedding is high, so that most of a
    key's components turn little over the length of a text and can be compared across it.
    """
    fields: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 384,
        "intermediate_size": 640,
        "num_hidden_layers": 9,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 64,
        "max_position_embeddings": 16_384,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e8},
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
        "pad_token_id": tokenizer.token_to_id("<|endoftext|>"),
        "chunk_size": 32,
        "scaling_factor": 2.0,
        "estimate_diagonal": False,
        "quotes": True,
    }
    return DashLlamaConfig(**fields | changes)


@dataclass(frozen=True)
class Losses:
    """Mean losses of a batch, and how its tokens were told.

    `wrong` says which of the tokens but the first are wrong, [B, T - 1]; `found`, of every look for
    the place of an answer, the share found of what readers ask.
    """

    text: Tensor
    answer: Tensor
    finding: Tensor
    looking: Tensor
    wrong: Tensor
    found: dict[str, Tensor]

    def total(self, spent: float) -> Tensor:
        """What is learned from, when so much of the course is behind."""
        places = FINDING_WEIGHT * self.finding + LOOKING_WEIGHT * self.looking
        return text_weight(spent) * self.text + self.answer + places


def optimizers(
    model: DashLlamaForCausalLM, finders: Finders | None = None
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embedding, norms, class queries, finders."""
    matrices, vectors, queries = [], [], []
    for name, parameter in model.named_parameters():
        if name.endswith("indexer_q"):
            queries.append(parameter)
        elif parameter.dim() == 2 and "embed" not in name:
            matrices.append(parameter)
        else:
            vectors.append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": vectors, "lr": 2e-3},
        {"params": queries, "lr": 1e-2},
    ]
    if finders is not None:
        groups.append({"params": list(finders.parameters()), "lr": 1e-3})
    return [
        Muon(matrices, lr=2.5e-3, weight_decay=0.1),
        torch.optim.AdamW(
            groups,
            betas=(0.9, 0.95),
            weight_decay=0.0,
            fused=True,
        ),
    ]


def losses(
    model: DashLlamaForCausalLM,
    tokens: Tensor,
    kinds: Tensor,
    meter: ChunkMeter | None = None,
    finders: Finders | None = None,
    sought: Sequence[Tensor] = (),
) -> Losses:
    """The losses on text and answers; of heads, and of `finders`, on the places that are sought.

    The tokens that choose a sentence count for more.
    """
    # A meter would be compiled anew every time.
    stance = torch.compiler.set_stance("force_eager" if meter else "default")
    with stance, torch.autocast(tokens.device.type, torch.bfloat16):
        read = model.model(
            input_ids=tokens, use_cache=False, meter=meter, output_hidden_states=bool(sought)
        )
        hidden = read.last_hidden_state
        finding = looking = hidden.new_zeros(())
        found = dict[str, Tensor]()
        if sought:
            looking, found = looked(model, read.hidden_states, kinds, sought)
        if finders is not None:
            finding, shares = finders(read.hidden_states, kinds, sought)
            found |= shares
        kind = kinds[:, 1:].flatten()
        counted = kind.nonzero()[:, 0]  # [n] of B * (T - 1)
        target = tokens[:, 1:].flatten()[counted]
        told = _told_on_gpu if tokens.is_cuda else _told
        each, failed = told(hidden[:, :-1].flatten(0, 1)[counted], model.lm_head.weight, target)
    wrong = torch.zeros_like(kind, dtype=torch.bool)
    wrong[counted] = failed
    first = first_tokens(kinds[:, 1:] >= ANSWER).flatten()[counted]
    kind = kind[counted]
    weight = torch.where(first, FOUND_WEIGHT, 1.0).masked_fill(kind == CHOICE, CHOICE_WEIGHT)
    text, answer = (kind == TEXT).float(), (kind >= ANSWER).float()
    return Losses(
        text=(text * each).sum() / text.sum(),
        answer=(answer * weight * each).sum() / answer.sum(),
        finding=finding,
        looking=looking,
        wrong=wrong.view_as(kinds[:, 1:]),
        found=found,
    )


def _told(hidden: Tensor, embedding: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each token [n] after states [n, hidden_size], and whether another is likelier."""
    logits = F.linear(hidden, embedding).float()  # [n, vocabulary]
    return F.cross_entropy(logits, target, reduction="none"), logits.argmax(-1) != target


# In fp32 the logits of a step take 2 GB: compiled, they are not written.
_told_on_gpu = torch.compile(_told, dynamic=True)


def first_tokens(answer: Tensor) -> Tensor:
    """Which tokens of [B, T] are among the first of an answer, a run of true."""
    before = [F.pad(answer, (n, 0))[:, : answer.shape[1]] for n in range(1, FOUND_TOKENS + 1)]
    return answer & ~torch.stack(before).all(0)


def beginnings(answer: Tensor) -> Tensor:
    """Which tokens of [B, T] begin an answer, a run of true."""
    return answer & ~F.pad(answer, (1, 0))[:, :-1]


def share_right(wrong: Tensor, answer: Tensor) -> float:
    """The share of answers, runs of tokens in [B, T], none of whose tokens is wrong."""
    run = beginnings(answer).flatten().cumsum(0)
    failed = torch.zeros(int(run[-1]) + 1, device=wrong.device)
    failed.index_add_(0, run, (wrong & answer).flatten().float())
    return (failed[1:] == 0).float().mean().item()


def text_weight(spent: float) -> float:
    """Language first, finding later: of two losses with gradients about as large."""
    return 1 - 0.8 * spent


def learning_rate(step: int, spent: float) -> float:
    """Warm-up, a plateau, then straight to zero over the second half of the time."""
    return min(1.0, (step + 1) / WARMUP_STEPS) * min(1.0, max(0.0, (1 - spent) / 0.55))


def share_of_peak(model: DashLlamaForCausalLM, tokens_per_second: float) -> float | None:
    """What the weights' products, forward and backward, take of the GPU's peak; None if unknown."""
    if model.device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(model.device)
    peak = next((peak for chip, peak in PEAK.items() if chip in name), None)
    matrices = sum(p.numel() for p in model.parameters() if p.dim() == 2)
    return 6 * matrices * tokens_per_second / peak if peak else None
