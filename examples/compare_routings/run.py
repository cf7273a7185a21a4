"""Train one routing by the bundled model's recipe and measure what it is worth.

    python -m examples.compare_routings.run --corpus DIR --routing full --course 0 0.55 \\
        --steps 4500 --output runs/beginning/full.json --weights runs/beginning/full.pt
    python -m examples.compare_routings.run --corpus DIR --routing ours --setting 2 \\
        --course 0.55 1 --start runs/beginning/full.pt --steps 500 --output runs/ours-2-0.json

`--routing` is `ours` (DashAttention; the setting is its scaling factor), `mean` (the same with the
mean of a chunk's keys for its summary), `full`, `topk` (in the manner of InfLLM v2) or `nsa`; the
setting of the last two is how many past chunks a token reads.
Runs of one seed, course and number of steps see the same rows in the same order, however long
they take. The course is the part of the training's schedule that a run goes through: as above,
all variants go on from one model, which was trained with full attention on short texts.

What else matters is left out or changed one at a time: `--set chunk_size=64` changes the model,
`--mixed` shows rows of all lengths from the first step on.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dashdoc.models.llama import DashLlamaForCausalLM
from examples.compare_routings.evaluate import evaluate, maker_of, unseen_corpus
from examples.compare_routings.needles import training_row
from examples.compare_routings.networks import LAYERS, ROUTINGS, Variant, begin_with, build
from examples.train_bundled import corpus as corpora
from examples.train_bundled import recipe
from examples.train_bundled.tasks import RowMaker
from examples.train_bundled.train import change

LENGTHS = (4096, 8192, 16_384)
UNSEEN = Path("benchmarks/data/unseen.jsonl.xz")
# The network of the bundled model's first eight runs, which all the comparisons are of.
COMPARED = {
    "num_hidden_layers": 6,
    "intermediate_size": 1152,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100_000.0},
}


class Batches(Dataset[tuple[Tensor, Tensor]]):
    """The batch of every step: tokens [B, T] and what each counts for [B, T].

    Args:
        course: the shares of the schedule at which the first step begins and the last ends.
        mixed: whether all steps have the lengths of the last.
    """

    def __init__(
        self,
        maker: RowMaker,
        steps: int,
        seed: int,
        course: tuple[float, float] = (0.0, 1.0),
        mixed: bool = False,
    ) -> None:
        self.maker, self.steps, self.seed, self.course = maker, steps, seed, course
        self.mixed = mixed

    def __len__(self) -> int:
        return self.steps

    def spent(self, step: int) -> float:
        """The share of the schedule that lies behind before a step."""
        begin, end = self.course
        return begin + (end - begin) * step / self.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        spent = self.spent(self.steps - 1 if self.mixed else step)
        mix = next(mix for end, mix in recipe.STAGES if spent < end)
        name = f"{self.seed}/{self.course[0]:g}/{step}"
        length = Random(name).choices(list(mix), list(mix.values()))[0]
        rows = [
            training_row(self.maker, length, f"{name}/{row}")
            for row in range(recipe.STEP_TOKENS // length)
        ]
        tokens = torch.from_numpy(np.stack([r[0] for r in rows]).astype(np.int64))
        return tokens, torch.from_numpy(np.stack([r[1] for r in rows]))


def train(network: DashLlamaForCausalLM, batches: Batches, workers: int) -> dict[str, float]:
    """Train through all batches; what it took, and the losses of the last tenth."""
    device = network.device
    loader = DataLoader(
        batches,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=device.type == "cuda",
    )
    optimizers = recipe.optimizers(network)
    base = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    began = time.monotonic()
    last: list[tuple[Tensor, Tensor]] = []
    for step, batch in enumerate(loader):
        spent = batches.spent(step)
        tokens, kinds = (tensor.to(device, non_blocking=True) for tensor in batch)
        made = recipe.losses(network, tokens, kinds)
        made.total(spent).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        factor = recipe.learning_rate(step, spent)
        for optimizer, rates in zip(optimizers, base, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if step >= 0.9 * len(batches) or step == len(batches) - 1:
            last.append((made.text.detach(), made.answer.detach()))
        if step % 50 == 0:
            losses = {"text": round(made.text.item(), 3), "answer": round(made.answer.item(), 3)}
            seconds = round(time.monotonic() - began, 1)
            record = {"step": step, "seconds": seconds, "length": tokens.shape[1], **losses}
            print(json.dumps(record), flush=True)
    text, answers = (torch.stack(values).mean().item() for values in zip(*last, strict=True))
    seconds = time.monotonic() - began
    return {"seconds": seconds, "text_loss": text, "answer_loss": answers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument(
        "--tokenizer", type=Path, default=Path("dashdoc/models/bundled/tokenizer.json")
    )
    parser.add_argument("--routing", choices=ROUTINGS, required=True)
    parser.add_argument("--setting", type=float)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument(
        "--course", type=float, nargs=2, default=(0.0, 1.0), metavar=("BEGIN", "END")
    )
    parser.add_argument("--mixed", action="store_true", help="all lengths from the first step on")
    parser.add_argument(
        "--set", type=change, nargs="+", default=[], metavar="NAME=VALUE", dest="changes"
    )
    parser.add_argument("--start", type=Path, help="the weights of a run to go on from")
    parser.add_argument("--weights", type=Path, help="where to keep the weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--cases", type=int, default=100, help="of each kind and length")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    try:
        variant = Variant(options.routing, options.setting)
    except ValueError as error:
        parser.error(str(error))
    for path in filter(None, (options.output, options.weights)):
        path.parent.mkdir(parents=True, exist_ok=True)
    # The workers are forked, and each encodes for itself.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    corpus = corpora.load(options.corpus, options.tokenizer, max(options.workers, 1))

    changes = dict(options.changes)
    config = recipe.configuration(tokenizer, **COMPARED | changes)
    network = build(variant, config, options.seed)
    if options.start:
        begin_with(network, torch.load(options.start, map_location="cpu"))
    network.to(device)
    if device.type == "cuda" and variant.routing not in LAYERS:
        for layer in network.model.layers:
            layer.compile(dynamic=False)
    course = (options.course[0], options.course[1])
    maker = maker_of(corpus, tokenizer)
    batches = Batches(maker, options.steps, options.seed, course, options.mixed)
    trained = train(network, batches, options.workers)

    # What counts chunks is not compiled, so the weights go into a fresh network.
    finished = build(variant, config, options.seed).to(device).eval()
    finished.load_state_dict(network.state_dict())
    if options.weights:
        torch.save(finished.state_dict(), options.weights)
    unseen = maker_of(unseen_corpus(UNSEEN, tokenizer, corpus.rare), tokenizer)
    report = {
        **asdict(variant),
        "seed": options.seed,
        "steps": options.steps,
        "course": course,
        "changes": changes | ({"mixed": True} if options.mixed else {}),
        "start": options.start and options.start.stem,
        "tokens": options.steps * recipe.STEP_TOKENS,
        "parameters": sum(parameter.numel() for parameter in finished.parameters()),
        "training": trained,
        "evaluation": [
            evaluate(finished, unseen, length, options.cases, seed=0) for length in options.lengths
        ],
        "machine": torch.cuda.get_device_name() if device.type == "cuda" else platform.machine(),
        "torch": torch.__version__,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
