"""A folder run that is killed at random moments, resumed, and looked through."""

import argparse
import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reliability_process import DASHDOC, clean_environment, end_group, finish

from dashdoc.folder_runs import OVERALL, RESULTS, markdown

LATEST_KILL = 8.0  # seconds from the start; the model is loaded after three or four


def folder(options: argparse.Namespace) -> dict[str, Any]:
    """As many texts as asked for, summarised by the bundled model."""
    with TemporaryDirectory() as place:
        texts, summaries = Path(place, "texts"), Path(place, "summaries")
        write_texts(texts, options.files)
        command = summarize(texts, summaries)
        env = clean_environment(Path(place))
        dice = random.Random(f"{options.seed} kills")
        done = [
            killed_run(command, summaries, dice.uniform(0.5, LATEST_KILL), env)
            for _ in range(options.kills)
        ]
        last = finish(command, seconds=600, env=env)
        faults = [*last.faults, *wrong_in(summaries, texts)]
    return {
        "commands": options.kills + 1,
        "files": options.files,
        "kills": options.kills,
        "done_at_each_kill": done,
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
    command: Sequence[str], summaries: Path, seconds: float, env: Mapping[str, str]
) -> int:
    """Kill a run after some seconds, whatever it is at; the results there are then."""
    process = subprocess.Popen(
        [*DASHDOC, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(env),
        start_new_session=True,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    end_group(process)
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
