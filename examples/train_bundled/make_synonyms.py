"""Write a file of what else a word may be called, from the Open English WordNet.

    python -m examples.train_bundled.make_synonyms --wordnet CHECKOUT --corpus DIR --output FILE

`CHECKOUT` is a clone of github.com/globalwordnet/english-wordnet (CC BY 4.0; it derives from
Princeton WordNet). A line has the part of speech, a word, its irregular forms and what may stand
for it: words of its first senses, of what these are kinds of, and of adjectives like it. Words
that the corpus seldom has are left out.
"""

import argparse
import lzma
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from examples.train_bundled.corpus import documents

FEWEST = 30  # times that the corpus has a word
SENSES = 2
MOST = 8
PARTS = {"n": "n", "v": "v", "a": "a", "s": "a"}
# Nothing is learned from the most general words, and of these WordNet says odd things.
UNFIT = frozenset(
    "entity object thing unit whole act action event state group quality attribute way make do get "
    "have be give take put go come set let keep use see know say".split()
)


def load(folder: Path, pattern: str) -> dict[str, Any]:
    """All files of one kind as one mapping."""
    merged: dict[str, Any] = {}
    for path in sorted((folder / "src" / "yaml").glob(pattern)):
        merged |= yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    return merged


def frequent(corpus: Path) -> frozenset[str]:
    """The lower-case words that the corpus has often."""
    counts: Counter[str] = Counter()
    for _, text in documents(corpus):
        counts.update(re.findall(r"(?<![\w'’-])[a-z]{3,}(?![\w'’-])", text))
    return frozenset(word for word, count in counts.items() if count >= FEWEST)


def alternates(word: str, senses: list[dict[str, Any]], synsets: dict[str, Any]) -> list[str]:
    """What may stand for a word, nearest first."""
    near: list[str] = []
    for rank, sense in enumerate(senses[:SENSES]):
        synset = synsets[sense["synset"]]
        near += synset["members"]
        if rank == 0:
            for other in (*synset.get("similar", ()), *synset.get("hypernym", ())):
                near += synsets[other]["members"]
    return [other for other in dict.fromkeys(near) if other != word]


def lines(wordnet: Path, known: frozenset[str]) -> Iterator[str]:
    """The lines of the file."""
    entries = load(wordnet, "entries-*.yaml")
    synsets = {**load(wordnet, "noun.*"), **load(wordnet, "verb.*"), **load(wordnet, "adj.*")}
    fit = known - UNFIT
    for word in sorted(fit & entries.keys()):
        found: dict[str, tuple[list[str], list[dict[str, Any]]]] = {}
        for part, entry in entries[word].items():
            if part[0] in PARTS:
                forms, senses = found.setdefault(PARTS[part[0]], ([], []))
                forms += entry.get("form", ())
                senses += entry["sense"]
        for part, (forms, senses) in found.items():
            others = [o for o in alternates(word, senses, synsets) if o in fit][:MOST]
            if others:
                yield f"{part} {word} {','.join(forms)} {','.join(others)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordnet", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    text = "\n".join(lines(options.wordnet, frequent(options.corpus))) + "\n"
    options.output.write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    main()
