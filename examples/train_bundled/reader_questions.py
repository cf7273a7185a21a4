"""Questions that were written by hand about passages of the corpus, in a reader's own words."""

import json
import lzma
from dataclasses import dataclass
from pathlib import Path

from examples.train_bundled.corpus import Corpus

FILE = Path(__file__).with_name("reader_questions.jsonl.xz")
# Documents whose questions no training sees: they tell one recipe from another.
KEPT_OUT = frozenset(Path(__file__).with_name("kept_out.txt").read_text("utf-8").splitlines())


@dataclass(frozen=True)
class ReaderQuestions:
    """What is asked of which sentence of the corpus, and the passages that were asked about."""

    of_sentence: dict[int, tuple[str, ...]]
    passages: tuple[range, ...]  # sentences of the corpus, from the first asked for to the last

    @classmethod
    def load(cls, corpus: Corpus, file: Path = FILE, unseen: bool = False) -> "ReaderQuestions":
        """The questions about documents that the corpus has: of the training, or kept out of it.

        A line of the file has a document's source and title, its number of sentences and, for each
        sentence asked for, its number and what is asked of it.

        Raises:
            ValueError: a document has another number of sentences.
        """
        asked: dict[int, tuple[str, ...]] = {}
        passages = []
        with lzma.open(file, "rt", encoding="utf-8") as lines:
            for record in map(json.loads, lines):
                name = f"{record['source']}/{record['title']}"
                if name not in corpus.names or (name in KEPT_OUT) != unseen:
                    continue
                sentences = corpus.document(corpus.names[name])
                if len(sentences) != record["sentences"]:
                    raise ValueError(
                        f"{name} has {len(sentences)} sentences, and {file.name} is about one with "
                        f"{record['sentences']}: write the questions anew"
                    )
                found = {sentences[int(n)]: tuple(qs) for n, qs in record["questions"].items()}
                asked |= found
                passages.append(range(min(found), max(found) + 1))
        return cls(asked, tuple(passages))
