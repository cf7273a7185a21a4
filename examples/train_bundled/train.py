"""Train the bundled model from scratch, on one GPU or on several.

    python -m examples.train_bundled.train --corpus DIR --output DIR --minutes 23
    torchrun --nproc-per-node 2 -m examples.train_bundled.train --corpus DIR --output DIR

`--corpus` is a folder of `.jsonl.xz` files (`source`, `title`, `text`). The model learns to read
and to find at once: every row is a stretch of the corpus with stated facts put into it, then
questions answered by quoting the sentence that answers them. Contexts grow from 512 to 16K tokens.
The checkpoint is written every few minutes; a second call with `--resume` goes on from there.
`--weights DIR --spent 0.8` begins with weights as if 0.8 of the course were behind them; those of
a shallower network grow by layers that do nothing at first.
`--set chunk_size=64 scaling_factor=1.0` changes what the model is, for a trial.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as multiprocessing
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.metering import ChunkMeter
from examples.train_bundled import corpus as corpora
from examples.train_bundled.finding import LOOKS, Finders, places, side_by_side
from examples.train_bundled.growth import grown
from examples.train_bundled.paraphrase import Synonyms
from examples.train_bundled.reader_questions import ReaderQuestions
from examples.train_bundled.recipe import (
    STAGES,
    STEP_TOKENS,
    Losses,
    configuration,
    learning_rate,
    losses,
    optimizers,
    share_of_peak,
    share_right,
)
from examples.train_bundled.tasks import (
    ANSWER,
    ANSWER_NAMED,
    ANSWER_NONE,
    ANSWER_READER,
    ANSWER_REAL,
    CHOICE,
    RowMaker,
)
from examples.train_bundled.workers import Worker

SAVE_SECONDS = 150
LOG_STEPS, METER_STEPS = 10, 200
ROWS_SHOWN = 16  # of a checkpoint to begin with
SORTS = {
    "right": ANSWER,
    "right_real": ANSWER_REAL,
    "right_reader": ANSWER_READER,
    "right_named": ANSWER_NAMED,
    "right_none": ANSWER_NONE,
    "right_summary": CHOICE,
}


class Batches(IterableDataset[tuple[Tensor, ...]]):
    """Endless batches of one length each.

    Tokens [B, T], what each counts for [B, T], and the places of the answers' sentences and words
    [2, B, n], see `finding.side_by_side`.
    The lengths follow from the seed of the training alone, so that the processes of one training
    have batches that take as long; the rows follow from `rows_seed`.
    """

    def __init__(
        self,
        data: corpora.Corpus,
        tokenizer: Path,
        stage: "Synchronized[int]",
        seed: str,
        rows_seed: str,
    ) -> None:
        self.data, self.tokenizer, self.stage = data, tokenizer, stage
        self.seed, self.rows_seed = seed, rows_seed

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        info = torch.utils.data.get_worker_info()
        number = info.id if info else 0
        maker = RowMaker(
            self.data,
            Tokenizer.from_file(str(self.tokenizer)),
            f"{self.rows_seed}/{number}",
            Synonyms.load(),
            ReaderQuestions.load(self.data),
        )
        rng = Random(f"{self.seed}/{number}")
        while True:
            mix = STAGES[self.stage.value][1]
            length = rng.choices(list(mix), list(mix.values()))[0]
            rows = [maker.row(length) for _ in range(STEP_TOKENS // length)]
            tokens = torch.from_numpy(np.stack([r[0] for r in rows]).astype(np.int64))
            kinds = torch.from_numpy(np.stack([r[1] for r in rows]))
            yield tokens, kinds, *side_by_side(np.stack([places(*r) for r in rows]))


def change(text: str) -> tuple[str, Any]:
    """`NAME=VALUE` of the command line."""
    name, _, told = text.partition("=")
    return name, json.loads(told)


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument(
        "--tokenizer", type=Path, default=Path("dashdoc/models/bundled/tokenizer.json")
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=23.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--weights", type=Path, help="a checkpoint to begin with")
    parser.add_argument("--spent", type=float, default=0.0, help="share of the course behind it")
    parser.add_argument(
        "--set", type=change, nargs="+", default=[], metavar="NAME=VALUE", dest="changes"
    )
    spare = ((os.cpu_count() or 2) - 2) // int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    parser.add_argument("--workers", type=int, default=max(1, spare), help="that make rows")
    return parser


class Training:
    """A model on its way: its weights, its optimizers, and how far it has come."""

    def __init__(self, worker: Worker, tokenizer: Tokenizer, changes: dict[str, Any]) -> None:
        self.worker, self.tokenizer, self.changes = worker, tokenizer, changes
        self.model = self._fresh_model().to(worker.device)
        config = self.model.config
        self.finders = Finders(config.hidden_size, config.num_hidden_layers, LOOKS)
        self.finders.to(worker.device)
        if worker.device.type == "cuda":
            for layer in self.model.model.layers:
                layer.compile(dynamic=False)  # once a length, for all layers
        self.optimizers = optimizers(self.model, self.finders)
        self.rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        self.step, self.seconds = 0, 0.0

    def _fresh_model(self) -> DashLlamaForCausalLM:
        return DashLlamaForCausalLM(configuration(self.tokenizer, **self.changes))

    def resume(self, state_file: Path) -> None:
        """Go on from a state that `save` wrote."""
        state = torch.load(state_file, map_location=self.worker.device)
        self.model.load_state_dict(state["model"])
        self.finders.load_state_dict(state["finders"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]

    def start(self, checkpoint: Path, tokens: Tensor) -> None:
        """Begin with the weights of a checkpoint, of as many layers or fewer.

        `tokens` [B, T] are rows of the training, which show what is best kept of it.
        """
        started = DashLlamaForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
        started.to(self.worker.device)
        fresh = self._fresh_model().to(self.worker.device)
        self.model.load_state_dict(grown(started, fresh, self.worker.shared(tokens)))

    def save(self, output: Path, state_file: Path) -> None:
        """Write the checkpoint, and the state to go on from."""
        # Compiled modules cannot be copied, so the weights go into a fresh model.
        finished = self._fresh_model()
        finished.load_state_dict(self.model.state_dict())
        finished.to(torch.bfloat16).save_pretrained(output, max_shard_size="14MB")
        state = {
            "model": self.model.state_dict(),
            "finders": self.finders.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, state_file)

    def learn(self, batch: Sequence[Tensor], spent: float, meter: ChunkMeter | None) -> Losses:
        """One step on a batch, as `Batches` gives it."""
        tokens, kinds, *sought = batch
        made = losses(self.model, tokens, kinds, meter, self.finders, sought)
        made.total(spent).backward()
        self.worker.average_gradients(self.model, self.finders)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        factor = learning_rate(self.step, spent)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return made


def stage_at(spent: float) -> int:
    """Which of the stages it is when so much of the course is behind."""
    return next(i for i, (end, _) in enumerate(STAGES) if spent < end)


def main() -> None:
    options, worker = argument_parser().parse_args(), Worker()
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    data = corpora.load(options.corpus, options.tokenizer, max(1, options.workers))
    torch.manual_seed(options.seed)
    training = Training(worker, Tokenizer.from_file(str(options.tokenizer)), dict(options.changes))
    state_file = options.output / "state.pt"
    if options.resume and state_file.exists():
        training.resume(state_file)
    if worker.first:
        print(f"{len(data.tokens):,} tokens in {time.monotonic() - began:.0f} s", flush=True)
        print(f"{sum(p.numel() for p in training.model.parameters()):,} parameters", flush=True)

    stage = multiprocessing.Value("i", stage_at(options.spent))
    seed = f"{options.seed}/{training.step}"
    loader = iter(
        DataLoader(
            Batches(data, options.tokenizer, stage, seed, f"{seed}/{worker.rank}"),
            batch_size=None,
            num_workers=options.workers,
            prefetch_factor=2 if options.workers else None,
            pin_memory=worker.device.type == "cuda",
        )
    )
    if options.weights and not training.step:
        training.start(options.weights, next(loader)[0][:ROWS_SHOWN])
    started = time.monotonic() - training.seconds
    saved_at = time.monotonic()
    while True:
        if training.step % LOG_STEPS == 0:  # all wait for each other then
            training.seconds = worker.agreed(time.monotonic() - started)
        done = training.seconds / (60 * options.minutes)
        spent = options.spent + (1 - options.spent) * done
        if spent >= 1:
            break
        stage.value = stage_at(spent)
        step_began, step = time.monotonic(), training.step
        batch = [tensor.to(worker.device, non_blocking=True) for tensor in next(loader)]
        waited = time.monotonic() - step_began
        metered = step % METER_STEPS == 0
        meter = ChunkMeter(training.model.config) if metered else None
        made = training.learn(batch, spent, meter)
        if worker.first and step % LOG_STEPS == 0:
            tokens, kinds, *_ = batch
            record: dict[str, object] = {
                "step": step,
                "seconds": round(training.seconds),
                "length": tokens.shape[1],
                "text": round(made.text.item(), 3),
                "answer": round(made.answer.item(), 4),
            }
            for name, kind in SORTS.items():
                if (asked := kinds[:, 1:] == kind).any():
                    record[name] = round(share_right(made.wrong, asked), 3)
            found = {name: share.item() for name, share in made.found.items()}
            record |= {name: round(x, 3) for name, x in found.items() if not math.isnan(x)}
            rate = STEP_TOKENS * worker.count / (time.monotonic() - step_began)
            record |= {"tokens_per_second": round(rate), "waited": round(waited, 3)}
            if share := share_of_peak(training.model, rate / worker.count):
                record["share_of_peak"] = round(share, 3)
            if meter:
                record["sparsity"] = [round(x, 3) for x in meter.routing().per_layer]
            print(json.dumps(record), flush=True)
        if worker.first and time.monotonic() - saved_at > SAVE_SECONDS:
            training.save(options.output, state_file)
            saved_at = time.monotonic()
    if worker.first:
        training.save(options.output, state_file)
        print(f"done: {training.step} steps, {training.step * STEP_TOKENS * worker.count:,} tokens")
    worker.leave()


if __name__ == "__main__":
    main()
