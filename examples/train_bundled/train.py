"""Train the bundled model from scratch on one GPU.

    python -m examples.train_bundled.train --corpus DIR --output DIR --minutes 23

`--corpus` is a folder of `.jsonl.xz` files (`source`, `title`, `text`). The model learns to read
and to find at once: every row is a stretch of the corpus with stated facts put into it, then
questions answered by quoting the sentence that answers them. Contexts grow from 512 to 16K tokens.
The checkpoint is written every few minutes; a second call with `--resume` goes on from there.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from dashdoc.models.configuration import DashLlamaConfig
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.metering import ChunkMeter
from examples.train_bundled import corpus as corpora
from examples.train_bundled.tasks import ANSWER, ANSWER_NONE, ANSWER_REAL, TEXT, RowMaker

STEP_TOKENS = 65_536
WARMUP_STEPS = 200
# Share of the time budget up to which a mix of row lengths (and its weights) is drawn.
STAGES: tuple[tuple[float, dict[int, float]], ...] = (
    (0.10, {512: 1.0}),
    (0.34, {1024: 0.75, 2048: 0.25}),
    (0.55, {1024: 0.45, 2048: 0.3, 4096: 0.25}),
    (1.00, {1024: 0.25, 2048: 0.2, 4096: 0.25, 8192: 0.15, 16384: 0.15}),
)
SAVE_SECONDS = 150


def configuration(tokenizer: Tokenizer) -> DashLlamaConfig:
    """13,768,704 parameters; the embedding is tied."""
    return DashLlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=384,
        intermediate_size=1152,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=3,
        head_dim=64,
        max_position_embeddings=16_384,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id("<|im_end|>"),
        pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
        chunk_size=32,
        scaling_factor=2.0,
        estimate_diagonal=False,
    )


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches of one length each: tokens [B, T] and what each counts for [B, T]."""

    def __init__(
        self, data: corpora.Corpus, tokenizer: Path, stage: "Synchronized[int]", seed: int
    ):
        self.data, self.tokenizer, self.stage, self.seed = data, tokenizer, stage, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        seed = self.seed * 1000 + (info.id if info else 0)
        maker = RowMaker(self.data, Tokenizer.from_file(str(self.tokenizer)), seed)
        rng = Random(seed)
        while True:
            mix = STAGES[self.stage.value][1]
            length = rng.choices(list(mix), list(mix.values()))[0]
            rows = [maker.row(length) for _ in range(STEP_TOKENS // length)]
            tokens = torch.from_numpy(np.stack([r[0] for r in rows]).astype(np.int64))
            yield tokens, torch.from_numpy(np.stack([r[1] for r in rows]))


def optimizers(model: DashLlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embedding, norms and class queries."""
    matrices, vectors, queries = [], [], []
    for name, parameter in model.named_parameters():
        if name.endswith("indexer_q"):
            queries.append(parameter)
        elif parameter.dim() == 2 and "embed" not in name:
            matrices.append(parameter)
        else:
            vectors.append(parameter)
    return [
        torch.optim.Muon(matrices, lr=2.5e-3, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [{"params": vectors, "lr": 2e-3}, {"params": queries, "lr": 1e-2}],
            betas=(0.9, 0.95),
            weight_decay=0.0,
            fused=True,
        ),
    ]


def losses(
    model: DashLlamaForCausalLM, tokens: Tensor, kinds: Tensor, meter: ChunkMeter | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean loss on text, mean loss on answers, and which of the tokens but the first are wrong."""
    # A meter would be compiled anew every time.
    stance = torch.compiler.set_stance("force_eager" if meter else "default")
    with stance, torch.autocast("cuda", torch.bfloat16):
        hidden = model.model(input_ids=tokens, use_cache=False, meter=meter).last_hidden_state
        hidden, target, kind = hidden[:, :-1], tokens[:, 1:], kinds[:, 1:]
        counted = kind > 0
        logits = model.lm_head(hidden[counted])  # [tokens counted, vocabulary]
    target, kind = target[counted], kind[counted]
    each = F.cross_entropy(logits.float(), target, reduction="none")
    answer = kind >= ANSWER
    text_loss = each[kind == TEXT].mean()
    with torch.no_grad():
        wrong = torch.zeros_like(counted)
        wrong[counted] = logits.argmax(-1) != target
    return text_loss, each[answer].mean(), wrong


def share_right(wrong: Tensor, answer: Tensor) -> float:
    """The share of answers, runs of tokens in [B, T], none of whose tokens is wrong."""
    starts = answer & ~F.pad(answer, (1, 0))[:, :-1]
    run = starts.flatten().cumsum(0)
    failed = torch.zeros(int(run[-1]) + 1, device=wrong.device)
    failed.index_add_(0, run, (wrong & answer).flatten().float())
    return (failed[1:] == 0).float().mean().item()


def text_weight(spent: float) -> float:
    """Language first, finding later: of two losses with gradients about as large."""
    return 1 - 0.8 * spent


def learning_rate(step: int, spent: float) -> float:
    """Warm-up, a plateau, then straight to zero over the second half of the time."""
    return min(1.0, (step + 1) / WARMUP_STEPS) * min(1.0, max(0.0, (1 - spent) / 0.55))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument(
        "--tokenizer", type=Path, default=Path("dashdoc/models/bundled/tokenizer.json")
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=23.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)

    began = time.monotonic()
    data = corpora.load(options.corpus, options.tokenizer, options.workers)
    print(f"{len(data.tokens):,} tokens in {time.monotonic() - began:.0f} s", flush=True)

    torch.manual_seed(options.seed)
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    model = DashLlamaForCausalLM(configuration(tokenizer)).cuda()
    for layer in model.model.layers:
        layer.compile(dynamic=False)  # once a length, for all layers
    chosen = optimizers(model)
    base = [[group["lr"] for group in optimizer.param_groups] for optimizer in chosen]
    step, spent_before = 0, 0.0
    state_file = options.output / "state.pt"
    if options.resume and state_file.exists():
        state = torch.load(state_file, map_location="cuda")
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(chosen, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, spent_before = state["step"], state["seconds"]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)

    stage = multiprocessing.Value("i", 0)
    loader = iter(
        DataLoader(
            Batches(data, options.tokenizer, stage, options.seed + step),
            batch_size=None,
            num_workers=options.workers,
            prefetch_factor=2,
            pin_memory=True,
        )
    )

    def save() -> None:
        # Compiled modules cannot be copied, so the weights go into a fresh model.
        finished = DashLlamaForCausalLM(configuration(tokenizer))
        finished.load_state_dict(model.state_dict())
        finished.to(torch.bfloat16).save_pretrained(options.output, max_shard_size="14MB")
        torch.save(
            {
                "model": model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in chosen],
                "step": step,
                "seconds": spent_before + time.monotonic() - started,
            },
            state_file,
        )

    started = saved_at = time.monotonic()
    while True:
        seconds = spent_before + time.monotonic() - started
        spent = seconds / (60 * options.minutes)
        if spent >= 1:
            break
        stage.value = next(i for i, (end, _) in enumerate(STAGES) if spent < end)
        step_began = time.monotonic()
        tokens, kinds = (t.cuda(non_blocking=True) for t in next(loader))
        waited = time.monotonic() - step_began
        meter = ChunkMeter(model.config) if step % 200 == 0 else None
        text_loss, answer_loss, wrong = losses(model, tokens, kinds, meter)
        (text_weight(spent) * text_loss + answer_loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        factor = learning_rate(step, spent)
        for optimizer, rates in zip(chosen, base, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if step % 10 == 0:
            record: dict[str, object] = {
                "step": step,
                "seconds": round(seconds),
                "length": tokens.shape[1],
                "text": round(text_loss.item(), 3),
                "answer": round(answer_loss.item(), 4),
                "right": round(share_right(wrong, kinds[:, 1:] == ANSWER), 3),
                "right_real": round(share_right(wrong, kinds[:, 1:] == ANSWER_REAL), 3),
                "right_none": round(share_right(wrong, kinds[:, 1:] == ANSWER_NONE), 3),
                "tokens_per_second": round(STEP_TOKENS / (time.monotonic() - step_began)),
                "waited": round(waited, 3),
            }
            if meter:
                record["sparsity"] = [round(x, 3) for x in meter.routing().per_layer]
            print(json.dumps(record), flush=True)
        step += 1
        if time.monotonic() - saved_at > SAVE_SECONDS:
            save()
            saved_at = time.monotonic()
    save()
    print(f"done: {step} steps, {step * STEP_TOKENS:,} tokens", flush=True)


if __name__ == "__main__":
    main()
