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

from dashdoc.models.quoting import ABBREVIATION

# A sentence ends at . ! or ?, a closing quote or bracket allowed, before white space and a capital.
SENTENCE_END = re.compile(r"(?<=[.!?])(?:[\"'”’)\]]{0,2})(?=\s+[\"'“‘(\[]?[A-Z0-9])")
HELD_OUT_SHARE = 50
ABSTRACT_HEADINGS = frozenset(("abstract", "summary", "simple summary"))
# Headings inside an abstract.
ABSTRACT_PARTS = frozenset(
    ("background", "objective", "methods", "findings", "results", "conclusions")
)
FIRST_FEW = 80  # sentences of a document, in which an abstract begins
SHORTEST_ABSTRACT, LONGEST_ABSTRACT = 25, 350  # words
LONGEST_HEADING = 8  # words
# The text of the example PDF, kept out beyond the rule.
HELD_OUT_PREFIX = "Buildings of the Department of State: "


def held_out(source: str, title: str) -> bool:
    """Whether a document is kept from training; `benchmarks/data` is made of these."""
    rule = zlib.crc32(f"{source}/{title}".encode()) % HELD_OUT_SHARE == 0
    return rule or title.startswith(HELD_OUT_PREFIX)


def documents(corpus: Path) -> Iterator[tuple[str, str]]:
    """The name and the text of every training document in a folder of `.jsonl.xz` files."""
    for path in sorted(corpus.glob("*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if not held_out(record["source"], record["title"]):
                    yield f"{record['source']}/{record['title']}", record["text"]


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


def is_heading(sentence: str) -> bool:
    """Whether a sentence is a line that names what comes after it."""
    text = sentence.strip()
    return text[:1].isupper() and text[-1:].isalnum() and len(text.split()) <= LONGEST_HEADING


def abstract(sentences: list[str]) -> range | None:
    """Where a document's abstract stands, its heading first; None without one."""
    named = [sentence.strip().lower() in ABSTRACT_HEADINGS for sentence in sentences[:FIRST_FEW]]
    if True not in named:
        return None
    begin = named.index(True)
    end = next(
        (
            i
            for i in range(begin + 1, len(sentences))
            if is_heading(sentences[i]) and sentences[i].strip().lower() not in ABSTRACT_PARTS
        ),
        len(sentences),
    )
    told = sum(len(text.split()) for text in sentences[begin + 1 : end])
    return range(begin, end) if SHORTEST_ABSTRACT <= told <= LONGEST_ABSTRACT else None


@dataclass(frozen=True)
class Corpus:
    """All documents as one run of tokens; white space before a sentence belongs to it."""

    tokens: NDArray[np.uint16]
    sentence_start: NDArray[np.int64]  # token offset of each sentence, and the end
    document_start: NDArray[np.int64]  # sentence offset of each document, and the end
    rare: frozenset[str]  # words that are seldom enough to name what a sentence is about
    abstracts: dict[int, range]  # of documents: which of their sentences
    names: dict[str, int]  # of documents by source and title

    def sentence(self, index: int) -> NDArray[np.uint16]:
        return self.tokens[self.sentence_start[index] : self.sentence_start[index + 1]]

    def document_of(self, sentence: int) -> int:
        """The document that a sentence stands in."""
        return int(np.searchsorted(self.document_start, sentence, "right")) - 1

    def document(self, index: int) -> range:
        """The sentences of a document."""
        return range(int(self.document_start[index]), int(self.document_start[index + 1]))


_tokenizer: Tokenizer


def _start(path: str) -> None:
    global _tokenizer
    _tokenizer = Tokenizer.from_file(path)


def _encode(
    document: tuple[str, str],
) -> tuple[str, list[NDArray[np.uint16]], Counter[str], range | None]:
    name, text = document
    parts = sentences(text)
    ids = [
        np.array(e.ids, np.uint16) for e in _tokenizer.encode_batch(parts, add_special_tokens=False)
    ]
    return name, ids, Counter(re.findall(r"[A-Za-z]+", text.lower())), abstract(parts)


def load(corpus: Path, tokenizer: Path, workers: int) -> Corpus:
    """Tokenise a corpus on all cores (about 20 s for 127 million characters on 16)."""
    tokens: list[NDArray[np.uint16]] = []
    document_start = [0]
    words: Counter[str] = Counter()
    abstracts: dict[int, range] = {}
    names: dict[str, int] = {}
    with Pool(workers, _start, (str(tokenizer),)) as pool:
        found = pool.imap(_encode, documents(corpus), chunksize=16)
        for document, (name, ids, counts, abstract_at) in enumerate(found):
            names[name] = document
            if abstract_at:
                abstracts[document] = abstract_at
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
        abstracts,
        names,
    )
