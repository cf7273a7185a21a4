"""Quality and density of a trained network on unseen text, by length."""

import json
import lzma
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.metering import ChunkMeter
from examples.compare_routings.needles import (
    MULTI_KEY,
    MULTI_VALUE,
    TASKS,
    TOKENS_PER_NEEDLE,
    TRACKING,
    Row,
    needle_row,
)
from examples.train_bundled.corpus import Corpus, sentences
from examples.train_bundled.tasks import ANSWER, IGNORED, TEXT, RowMaker

QUALITIES = {
    "facts": ANSWER,
    "multi_key": MULTI_KEY,
    "multi_value": MULTI_VALUE,
    "tracking": TRACKING,
}
TEXT_TOKENS = 1 << 18  # of the language-model loss, at each length


def unseen_corpus(path: Path, tokenizer: Tokenizer, rare: frozenset[str]) -> Corpus:
    """Documents that training leaves out; `rare` are the seldom words of those it has."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        documents = [sentences(json.loads(line)["text"]) for line in lines]
    encoded = tokenizer.encode_batch([s for d in documents for s in d], add_special_tokens=False)
    ids = [np.array(encoding.ids, np.uint16) for encoding in encoded]
    return Corpus(
        np.concatenate(ids),
        np.cumsum([0, *map(len, ids)]),
        np.cumsum([0, *map(len, documents)]),
        rare,
        {},
        {},
    )


def evaluate(
    network: DashLlamaForCausalLM, maker: RowMaker, length: int, cases: int, seed: int
) -> dict[str, object]:
    """The figures at one length.

    An answer is right if each of its tokens is the most likely one behind those before it, which
    is what makes greedy decoding write it.

    Args:
        maker: of rows over unseen text.
        cases: of every kind of needle, and of facts, at least; about, for needles.
    """
    meter = ChunkMeter(network.config)
    found: dict[str, list[bool]] = {name: [] for name in QUALITIES}
    for row in _question_rows(maker, length, cases, seed):
        wrong, kinds, _ = _read(network, row, meter)
        for name, kind in QUALITIES.items():
            found[name] += right_answers(wrong, kinds == kind)
    losses = [_read(network, row, meter)[2] for row in _text_rows(maker, length)]
    return {
        "tokens": length,
        "density": 1 - meter.routing().sparsity,
        "loss": sum(losses) / len(losses),
        **{name: sum(right) / max(len(right), 1) for name, right in found.items()},
        "cases": {name: len(right) for name, right in found.items()},
    }


def right_answers(wrong: Tensor, answer: Tensor) -> list[bool]:
    """For each run of tokens of an answer in [T], whether none of them is wrong."""
    starts = answer & ~F.pad(answer, (1, 0))[:-1]
    run = starts.cumsum(0)
    failed = torch.zeros(int(starts.sum()) + 1, dtype=torch.long)
    failed.index_add_(0, run, (wrong & answer).long())
    return (failed[1:] == 0).tolist()


def _question_rows(maker: RowMaker, length: int, cases: int, seed: int) -> Iterator[Row]:
    """Rows of needles, then rows of facts until there are enough of them."""
    per_row = max(1, length // TOKENS_PER_NEEDLE)
    for number in range(ceil(cases * len(TASKS) / per_row)):
        maker.rng.seed(f"needles/{seed}/{length}/{number}")
        yield needle_row(maker, length)
    asked, number = 0, 0
    while asked < cases:
        maker.rng.seed(f"facts/{seed}/{length}/{number}")
        tokens, kinds = maker.row(length)
        number += 1
        asked += int((np.diff((kinds == ANSWER).astype(int), prepend=0) == 1).sum())
        yield tokens, kinds


def _text_rows(maker: RowMaker, length: int) -> Iterator[Row]:
    """Stretches of the text, the same amount at every length, behind the opening of a request.

    Training never shows a text without it, and full attention leans on the first tokens.
    """
    opening, text = maker.opening, maker.corpus.tokens
    stretch = length - len(opening)
    for row in range(min(TEXT_TOKENS, len(text)) // length):
        tokens = np.concatenate((opening, text[row * stretch : (row + 1) * stretch]))
        kinds = [IGNORED] * len(opening) + [TEXT] * stretch
        yield tokens.astype(np.uint16), np.array(kinds, np.uint8)


@torch.no_grad()
def _read(
    network: DashLlamaForCausalLM, row: Row, meter: ChunkMeter
) -> tuple[Tensor, Tensor, float]:
    """Which tokens but the first are wrong [T - 1], what they count for, and the text's loss."""
    device = network.device
    tokens = torch.from_numpy(row[0].astype(np.int64)).to(device)
    kinds = torch.from_numpy(row[1])[1:]
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        hidden = network.model(input_ids=tokens[None], use_cache=False, meter=meter)
        logits = network.lm_head(hidden.last_hidden_state[0, :-1])
    target = tokens[1:]
    text = (kinds == TEXT).to(device)
    loss = F.cross_entropy(logits[text].float(), target[text]).item()
    return (logits.argmax(-1) != target).cpu(), kinds, loss


def maker_of(corpus: Corpus, tokenizer: Tokenizer) -> RowMaker:
    """A maker of rows that end with questions; what it draws is set by the seed of every row."""
    maker = RowMaker(corpus, tokenizer, seed=0, summaries={})
    assert isinstance(maker.rng, Random) and maker.names.rng is maker.rng
    return maker
