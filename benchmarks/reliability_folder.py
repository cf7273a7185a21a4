"""A folder run that is killed at random moments, resumed, and looked through."""

import argparse
import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reliability_process import DASHDOC, clean_environment, end_group, finish

from dashdoc.folder_runs import OVERALL, RESULTS, markdown

SHARE = 4  # a run is killed before it has done more than a quarter of what is left
PAUSE = 0.3  # seconds, at most, from a result to the kill: about what a file takes
PATIENCE = 120.0  # seconds before a run is killed all the same


def folder(options: argparse.Namespace) -> dict[str, Any]:
    """As many texts as asked for, summarised by the bundled model."""
    with TemporaryDirectory() as place:
        texts, summaries = Path(place, "texts"), Path(place, "summaries")
        write_texts(texts, options.files)
        command = summarize(texts, summaries)
        env = clean_environment(Path(place))
        dice = random.Random(f"{options.seed} kills")
        done = [0]
        for _ in range(options.kills):
            new = dice.randint(1, max(1, (options.files - done[-1]) // SHARE))
            done.append(killed_run(command, summaries, new, dice.uniform(0, PAUSE), env))
        last = finish(command, seconds=600, env=env)
        idle = [f"no result before the kill at {now}" for was, now in pairwise(done) if now <= was]
        faults = [*idle, *last.faults, *wrong_in(summaries, texts)]
    return {
        "commands": options.kills + 1,
        "files": options.files,
        "kills": options.kills,
        "done_at_each_kill": done[1:],
        "done_at_the_last_kill": done[-1],
        "last_run_seconds": round(last.seconds, 1),
        "peak_megabytes": round(last.peak_megabytes),
        "faults": faults,
    }


def write_texts(folder: Path, count: int) -> None:
    """Small texts, no two of them the same."""
    folder.mkdir()
    for number in range(1, count + 1):
        text = f"The harbour of town {number} was built in {1500 + number}.\n"
        (folder / f"{number:03}.txt").write_text(text, encoding="utf-8")


def summarize(texts: Path, summaries: Path) -> list[str]:
    return ["summarize", str(texts), "--output-dir", str(summaries), "--max-tokens", "12"]


def killed_run(
    command: Sequence[str], summaries: Path, new: int, pause: float, env: Mapping[str, str]
) -> int:
    """Kill a run, whatever it is at, some seconds after so many new results; how many there are."""
    process = subprocess.Popen(
        [*DASHDOC, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(env),
        start_new_session=True,
    )
    wanted = results(summaries) + new
    latest = time.monotonic() + PATIENCE
    while results(summaries) < wanted and time.monotonic() < latest:
        time.sleep(0.01)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.wait()
    end_group(process)
    return results(summaries)


def results(summaries: Path) -> int:
    """The lines that are whole in the log of a run."""
    log = summaries / RESULTS
    return log.read_bytes().count(b"\n") if log.exists() else 0


def wrong_in(summaries: Path, texts: Path) -> list[str]:
    """What is lost, doubled or half written in a folder of summaries; nothing, if all is well."""
    content = (summaries / RESULTS).read_bytes()
    wrong = [] if content.endswith(b"\n") else ["the last line of the log is half written"]
    records = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            records.append(json.loads(line))
        except ValueError:
            wrong.append(f"line {number} of the log is no JSON")
    times = Counter(record["path"] for record in records if "error" not in record)
    wanted = {str(path.resolve()) for path in texts.iterdir()} | {None}
    wrong += [f"{path}: {times[path]} results" for path in wanted if times[path] != 1]
    wrong += [f"{path}: a result of no file" for path in times if path not in wanted]
    wrong += [f"{record['path']}: {record['error']}" for record in records if "error" in record]

    expected = {RESULTS}
    for record in records:
        if "file" not in record:
            continue
        expected.add(record["file"])
        title = Path(record["path"]).name if record["path"] else "Summary"
        file = summaries / record["file"]
        if not file.exists() or file.read_text(encoding="utf-8") != markdown(title, record):
            wrong.append(f"{file.name} is not what the log says")
    if OVERALL not in expected:
        wrong.append("no summary over all")
    there = {path.name for path in summaries.iterdir()}
    return wrong + [f"{name} was left" for name in sorted(there - expected)]
