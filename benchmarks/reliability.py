"""Hard use: mutated files, runs that are killed, long PDFs, closed pipes, full and locked disks.

    python benchmarks/reliability.py
    python benchmarks/reliability.py --only pdfs texts

Every command runs in a process of its own, as a user starts it. A fault is an end later than the
limit, a traceback, an exit code or a result that should not be, a process or a file left behind.
The table fills as it goes; the last line is one JSON object, and each fault is named in it.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from packages import versions
from reliability_files import pdfs, texts
from reliability_folder import folder
from reliability_surroundings import full_disk, long_pdf, pipes, read_only_home

PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "pdfs": pdfs,
    "texts": texts,
    "folder": folder,
    "long": long_pdf,
    "pipes": pipes,
    "disk": full_disk,
    "home": read_only_home,
}
HEADER = "part     commands  faults  seconds  what it came to"


def machine() -> dict[str, str | int]:
    """Where and with what this runs."""
    return {
        "system": platform.platform(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        **versions("dashdoc", "pypdf", "torch"),
    }


def row(part: str, came_to: dict[str, Any]) -> str:
    """A line of the table."""
    plain = {name: value for name, value in came_to.items() if isinstance(value, int | float | str)}
    counts = {name: plain.pop(name) for name in ("commands", "seconds")}
    figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in plain.items())
    faults = len(came_to["faults"])
    return f"{part:9}{counts['commands']:8}{faults:8}{counts['seconds']:9.1f}  {figures}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Hard use of the command line.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--pdfs", type=int, default=300)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--files", type=int, default=200, help="documents of the folder")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--pages", type=int, default=3_000, help="pages of the long PDF")
    parser.add_argument("--side-by-side", type=int, default=2, metavar="PROCESSES")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to FILE")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the files with faults")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    report: dict[str, Any] = {
        "benchmark": "reliability",
        "seed": options.seed,
        "machine": machine(),
        "parts": {},
    }
    print(", ".join(f"{name} {value}" for name, value in report["machine"].items()))
    print(HEADER, flush=True)
    for part in options.only:
        began = time.perf_counter()
        came_to = PARTS[part](options)
        came_to["seconds"] = round(time.perf_counter() - began, 1)
        report["parts"][part] = came_to
        print(row(part, came_to), flush=True)
        for fault in came_to["faults"]:
            print(f"         {fault}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report))
    sys.exit(any(came_to["faults"] for came_to in report["parts"].values()))


if __name__ == "__main__":
    main()
