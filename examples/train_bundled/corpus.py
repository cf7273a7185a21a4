"""A JSON Lines corpus as tokens, sentence by sentence."""

import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# A sentence ends at . ! or ?, a closing quote or bracket allowed, before white space and a capital.
SENTENCE_END = re.compile(r"(?<=[.!?])(?:[\"'”’)\]]{0,2})(?=\s+[\"'“‘(\[]?[A-Z0-9])")
ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Prof|Gen|Col|No|vs|etc|e\.g|i\.e|cf|Fig|[A-Z])\.)$"
)
HELD_OUT_SHARE = 50
# The text of the example PDF, kept out beyond the rule.
HELD_OUT_PREFIX = "Buildings of the Department of State: "


def held_out(source: str, title: str) -> bool:
    """Whether a document is kept from training; `benchmarks/data` is made of these."""
    rule = zlib.crc32(f"{source}/{title}".encode()) % HELD_OUT_SHARE == 0
    return rule or title.startswith(HELD_OUT_PREFIX)


def documents(corpus: Path) -> Iterator[str]:
    """The text of every training document in a folder of `.jsonl.xz` files."""
    for path in sorted(corpus.glob("*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if not held_out(record["source"], record["title"]):
                    yield record["text"]


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the white space before it: joined they are the text."""
    pieces: list[str] = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        end = match.end()
        if ABBREVIATION.search(text[max(start, end - 8) : end]):
            continue
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:].rstrip())
    # Headings and list items end at the line's end, without a full stop.
    lines = [line for piece in pieces for line in re.split(r"(?=\n)(?<!\n)", piece)]
    return [line for line in lines if line.strip()]


@dataclass(frozen=True)
class Corpus:
    """All documents as one run of tokens; white space before a sentence belongs to it."""

    tokens: NDArray[np.uint16]
    sentence_start: NDArray[np.int64]  # token offset of each sentence, and the end
    document_start: NDArray[np.int64]  # sentence offset of each document, and the end
    rare: frozenset[str]  # words that are seldom enough to name what a sentence is about

    def sentence(self, index: int) -> NDArray[np.uint16]:
        return self.tokens[self.sentence_start[index] : self.sentence_start[index + 1]]


_tokenizer: Tokenizer


def _start(path: str) -> None:
    global _tokenizer
    _tokenizer = Tokenizer.from_file(path)


def _encode(text: str) -> tuple[list[NDArray[np.uint16]], Counter[str]]:
    parts = sentences(text)
    ids = [
        np.array(e.ids, np.uint16) for e in _tokenizer.encode_batch(parts, add_special_tokens=False)
    ]
    return ids, Counter(re.findall(r"[A-Za-z]+", text.lower()))


def load(corpus: Path, tokenizer: Path, workers: int) -> Corpus:
    """Tokenise a corpus on all cores (about 20 s for 127 million characters on 16)."""
    tokens: list[NDArray[np.uint16]] = []
    document_start = [0]
    words: Counter[str] = Counter()
    with Pool(workers, _start, (str(tokenizer),)) as pool:
        for ids, counts in pool.imap(_encode, documents(corpus), chunksize=16):
            tokens += ids
            document_start.append(len(tokens))
            words.update(counts)
    lengths = np.array([len(t) for t in tokens], np.int64)
    common = {word for word, _ in words.most_common(1500)}
    return Corpus(
        np.concatenate(tokens),
        np.concatenate(([0], lengths.cumsum())),
        np.array(document_start, np.int64),
        frozenset(word for word, n in words.items() if n >= 3 and word not in common),
    )
