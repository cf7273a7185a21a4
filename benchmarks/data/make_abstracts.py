"""Make `abstracts.jsonl.xz`: documents with their abstracts, from sources training never saw.

    python benchmarks/data/make_abstracts.py --repositories DIR --corpus DIR

`DIR/name` are git clones of the repositories below; each is read at its commit, the textbooks at
the last one under CC BY 4.0. A document is left out if runs of its words stand in the prose corpus.
"""

import argparse
import json
import lzma
import re
import subprocess
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from abstracts_markup import Parts, from_cnxml, from_jats, from_markdown, from_mediawiki
from make_unseen import HERE, records

TEXT_WORDS = (800, 4_000)
ABSTRACT_WORDS = (30, 350)
RUN = 12  # words that make a run
MOST_SHARED = 0.02  # of a document's runs may stand in the corpus: names of licences, of bodies
CC_BY = "CC BY 4.0"
FREE = {"PD": "Public domain", "CC0-1.0": "CC0 1.0"}


@dataclass(frozen=True)
class Record:
    """A document of the benchmark."""

    source: str
    license: str
    attribution: str
    title: str
    abstract: str
    text: str


@dataclass(frozen=True)
class Source:
    """Files of a repository at a commit, and at most how many of them.

    `attribution` is that of all, or gives one for each from its content; `licence` likewise, and
    None leaves the file out.
    """

    repository: str
    commit: str
    files: str
    read: Callable[[str], Parts]
    most: int
    attribution: Callable[[str], str]
    licence: Callable[[str], str | None]


def _book(name: str, commit: str, title: str, most: int) -> Source:
    return Source(
        f"openstax/{name}", commit, r"modules/.*\.cnxml", from_cnxml, most,
        lambda _: f"{title}, OpenStax, Rice University; access for free at openstax.org",
        lambda _: CC_BY,
    )  # fmt: skip


def _paper_authors(content: str) -> str:
    names = re.findall(
        r"<surname>([^<]+)</surname>\s*<given-names[^>]*>([^<]+)<",
        content.partition("</contrib-group>")[0],
    )
    return ", ".join(f"{given} {surname}" for surname, given in names)


def _paper_licence(content: str) -> str | None:
    permissions = content.partition("<permissions>")[2].partition("</permissions>")[0]
    if "publicdomain/zero" in permissions or "CC0" in permissions:
        return "CC0 1.0"
    found = re.search(r"licenses/by/(\d\.\d)|Creative Commons Attribution License", permissions)
    return f"CC BY {found[1] or ''}".strip() if found else None


def _proposal_authors(content: str) -> str:
    listed = re.search(r"(?m)^\s*Authors?:(.*(?:\n(?:\s{6,}|\s+- ).*)*)", content)
    told = re.sub(r"<[^>]*>|\([^)]*\)|\S*@\S*|- |[\[\]]", "", listed[1] if listed else "")
    return ", ".join(name.strip() for name in re.split(r"[\n,]", told) if name.strip())


def _cip_licence(content: str) -> str | None:
    return CC_BY if "CC-BY-4.0" in content.rpartition("## Copyright")[2] else None


def _bip_licence(content: str) -> str | None:
    """A proposal is under any of the licences that it names."""
    found = re.search(r"(?m)^\s*License: (.*)$", content)
    return next((FREE[name] for name in found[1].split() if name in FREE), None) if found else None


SOURCES = (
    _book("osbooks-psychology", "e061043bf2f9e86ace51c4e8dc9555160f60a99d", "Psychology 2e", 16),
    _book(
        "osbooks-introduction-sociology", "d35d5f3bdac40f93607d600134865d4f13ce1f9b",
        "Introduction to Sociology 3e", 16,
    ),
    _book(
        "osbooks-american-government", "5c90dd7907dbf25f42266417e63ca3bb0012f031",
        "American Government 4e", 16,
    ),
    _book("osbooks-astronomy", "63157f370b09c06a4cc12832384aaaf4de1ced3b", "Astronomy 2e", 16),
    Source(
        "openjournals/jose-papers", "33e0027f3ea3b278bd09bb45a8128079949f2c41", r".*\.jats",
        from_jats, 40, _paper_authors, _paper_licence,
    ),
    Source(
        "elifesciences/elife-tools", "84894d1628043ea32cda1681ec55388b58ca2e0b",
        r"tests/sample-xml/elife.*\.xml", from_jats, 20, _paper_authors, _paper_licence,
    ),
    Source(
        "PLOS/allofplos", "07fdeed848b2816a7fbf7da6418ef6e2076e1960",
        r"allofplos/starter_corpus/.*\.xml", from_jats, 30, _paper_authors, _paper_licence,
    ),
    Source(
        "cardano-foundation/CIPs", "eb4510345f0ce7c014a7d83f85d43e86c537897f",
        r"CI?PS?-\d+/README\.md", from_markdown, 30, _proposal_authors, _cip_licence,
    ),
    Source(
        "bitcoin/bips", "7fe0b034ec967b52a5a28276419117326df93263", r"bip-\d+\.mediawiki",
        from_mediawiki, 30, _proposal_authors, _bip_licence,
    ),
)  # fmt: skip


def contents(clone: Path, source: Source) -> Iterator[tuple[str, str]]:
    """Names and contents of a source's files, in an order that is the same everywhere."""

    def git(*arguments: str) -> str:
        command = ("git", "-C", str(clone), *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    names = git("ls-tree", "-r", "--name-only", source.commit).splitlines()
    wanted = [name for name in names if re.fullmatch(source.files, name)]
    for name in sorted(wanted, key=lambda name: zlib.crc32(name.encode())):
        yield name, git("show", f"{source.commit}:{name}")


def candidates(clone: Path, source: Source) -> Iterator[Record]:
    """The documents of a source that have an abstract, are neither short nor long, and are free."""
    for _, content in contents(clone, source):
        licence = source.licence(content)
        parts = source.read(content)
        words, told = len(parts.text.split()), len(parts.abstract.split())
        if (
            licence
            and parts.title
            and TEXT_WORDS[0] <= words <= TEXT_WORDS[1]
            and ABSTRACT_WORDS[0] <= told <= ABSTRACT_WORDS[1]
        ):
            yield Record(
                source.repository, licence, source.attribution(content),
                parts.title, parts.abstract, parts.text,
            )  # fmt: skip


def runs(text: str) -> set[int]:
    """A text's runs of words, as checksums."""
    words = re.findall(r"\w+", text.lower())
    return {hash(tuple(words[i : i + RUN])) for i in range(len(words) - RUN + 1)}


def unseen(found: Sequence[Record], corpus: Path) -> list[Record]:
    """The documents of which hardly a run of words stands in the prose corpus."""
    of = [runs(f"{record.text} {record.abstract}") for record in found]
    looked_for = set[int]().union(*of)
    seen = set[int]()
    for known in records(corpus):
        seen |= looked_for & runs(known["text"])
    pairs = zip(found, of, strict=True)
    return [record for record, own in pairs if len(own & seen) <= MOST_SHARED * len(own)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--repositories", type=Path, required=True, help="folder of git clones")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of train-NN.jsonl.xz")
    parser.add_argument("--out", type=Path, default=HERE / "abstracts.jsonl.xz")
    options = parser.parse_args()
    found = [
        record
        for source in SOURCES
        for record in candidates(options.repositories / Path(source.repository).name, source)
    ]
    fresh = unseen(found, options.corpus)
    chosen: list[Record] = []
    for source in SOURCES:
        own = [record for record in fresh if record.source == source.repository]
        chosen += own[: source.most]
        print(f"{source.repository}: {len(own)} unseen, {min(len(own), source.most)} kept")
    chosen.sort(key=lambda record: zlib.crc32(record.title.encode()))
    lines = "".join(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in chosen)
    options.out.write_bytes(lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{options.out}: {len(chosen)} documents, {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
