"""Make `unseen.jsonl.xz`: documents of the prose corpus that training never sees.

A document is held out when the checksum of its name says so; of those, the benchmark keeps the
ones in the public domain. The order is shuffled with a fixed seed, so a stretch of the file
crosses from novel to law to protocol as a reader's own folder would.
"""

import argparse
import json
import lzma
import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).resolve().parent
ONE_IN = 50
SHORTEST = 2_400  # characters; below it a document is a note
LONGEST = 110_000


class Record(TypedDict):
    """One document of the corpus."""

    source: str
    license: str
    title: str
    text: str


def held_out(source: str, title: str) -> bool:
    """Whether training leaves this document out."""
    return zlib.crc32(f"{source}/{title}".encode()) % ONE_IN == 0


def is_free(license_name: str) -> bool:
    """Whether the text is in the public domain or under CC0."""
    return license_name.startswith(("Public domain", "CC0"))


def records(corpus: Path) -> Iterator[Record]:
    """Every document of the corpus, in its order."""
    for path in sorted(corpus.glob("train-*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                yield Record(
                    source=entry["source"],
                    license=entry["license"],
                    title=entry["title"],
                    text=entry["text"],
                )


def trimmed(text: str, longest: int = LONGEST) -> str:
    """The text's first paragraphs, up to `longest` characters."""
    if len(text) <= longest:
        return text
    return text[: text.rindex("\n\n", 0, longest)]


def unseen(corpus: Path) -> list[Record]:
    """The held-out documents of the public domain, shuffled."""
    chosen = [
        Record(
            source=record["source"],
            license=record["license"],
            title=record["title"],
            text=trimmed(record["text"]),
        )
        for record in records(corpus)
        if held_out(record["source"], record["title"])
        and is_free(record["license"])
        and len(record["text"]) >= SHORTEST
    ]
    chosen.sort(key=lambda record: (record["source"], record["title"], record["text"]))
    random.Random(50).shuffle(chosen)
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of train-NN.jsonl.xz")
    parser.add_argument("--out", type=Path, default=HERE / "unseen.jsonl.xz")
    options = parser.parse_args()
    chosen = unseen(options.corpus)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in chosen)
    options.out.write_bytes(lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME))
    characters = sum(len(record["text"]) for record in chosen)
    size = options.out.stat().st_size
    print(f"{options.out}: {len(chosen)} documents, {characters:,} characters, {size:,} bytes")


if __name__ == "__main__":
    main()
