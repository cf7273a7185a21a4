"""Mutated files through `dashdoc text`, each in a process of its own."""

import argparse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from reliability_mutations import mutated_pdfs, mutated_texts
from reliability_process import Ending, finish

READ, REFUSED = 0, 3


def pdfs(options: argparse.Namespace) -> dict[str, Any]:
    """PDFs: every one is read, wholly or in part, or refused with one message."""
    return _campaign("pdf", mutated_pdfs(options.pdfs, options.seed), options)


def texts(options: argparse.Namespace) -> dict[str, Any]:
    """Texts: likewise."""
    return _campaign("txt", mutated_texts(options.texts, options.seed), options)


def read_file(path: Path) -> Ending:
    """What becomes of a document nobody would write."""
    ending = finish(["text", path], allowed=(READ, REFUSED))
    errors = sum("error: " in line for line in ending.err.splitlines())
    faults = list(ending.faults)
    if errors != (ending.code == REFUSED):
        faults.append(f"{errors} errors at exit code {ending.code}")
    if (ending.code == READ) != bool(ending.out.strip()):
        faults.append(f"{len(ending.out):,} bytes of text at exit code {ending.code}")
    try:
        ending.out.decode()
    except UnicodeDecodeError:
        faults.append("text that is no UTF-8")
    return replace(ending, faults=tuple(faults))


def _campaign(
    suffix: str, made: Iterator[tuple[str, bytes]], options: argparse.Namespace
) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        paths = []
        for number, (change, data) in enumerate(made):
            paths.append(path := Path(folder, f"{number:03}-{change}.{suffix}"))
            path.write_bytes(data)
        with ThreadPoolExecutor(options.side_by_side) as pool:
            endings = dict(zip(paths, pool.map(read_file, paths), strict=True))
        bad = {path: ending for path, ending in endings.items() if ending.faults}
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            for path in bad:
                (options.keep / path.name).write_bytes(path.read_bytes())
    ends = Counter(ending.code for ending in endings.values())
    slowest = max(endings, key=lambda path: endings[path].seconds)
    largest = max(endings, key=lambda path: endings[path].peak_megabytes)
    return {
        "commands": len(paths),
        "read": ends[READ],
        "refused": ends[REFUSED],
        "median_seconds": round(median(e.seconds for e in endings.values()), 2),
        "slowest_seconds": round(endings[slowest].seconds, 2),
        "slowest": slowest.name,
        "peak_megabytes": round(endings[largest].peak_megabytes),
        "largest": largest.name,
        "faults": [f"{path.name}: {'; '.join(ending.faults)}" for path, ending in bad.items()],
    }
