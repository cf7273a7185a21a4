"""Folder runs that are killed, or that find no room: resumed, with every result once."""

import json
from pathlib import Path

import pytest
from reliability_folder import killed_run, summarize, write_texts, wrong_in
from reliability_process import clean_environment, finish
from reliability_surroundings import USAGE

FILES = 6
SECONDS = 60


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    write_texts(tmp_path / "texts", FILES)
    return tmp_path / "texts"


def test_a_run_killed_twice_ends_with_every_result_once(texts: Path, tmp_path: Path) -> None:
    summaries, env = tmp_path / "summaries", clean_environment(tmp_path)
    command = summarize(texts, summaries)
    done = [killed_run(command, summaries, new, pause, env) for new, pause in ((1, 0.0), (2, 0.1))]
    assert done[0] >= 1 and done[1] >= done[0] + 2
    assert finish(command, env=env, seconds=SECONDS).faults == ()
    assert wrong_in(summaries, texts) == []


def test_a_run_without_room_goes_on_when_there_is_some(texts: Path, tmp_path: Path) -> None:
    summaries, env = tmp_path / "summaries", clean_environment(tmp_path)
    command = summarize(texts, summaries)
    small = ("sh", "-c", 'ulimit -f 8; exec "$@"', "sh")  # 4 KiB a file, 8 in some shells
    stopped = finish(command, env=env, seconds=SECONDS, allowed=(USAGE,), wrapper=small)
    assert stopped.faults == ()
    assert f"--output-dir {summaries} cannot be written" in stopped.err
    assert 0 < (summaries / "results.jsonl").read_bytes().count(b"\n") < FILES
    resumed = finish(command, env=env, seconds=SECONDS)
    assert resumed.faults == ()
    assert "by an earlier run" in resumed.err
    assert wrong_in(summaries, texts) == []


def test_what_is_lost_doubled_or_half_written_is_seen(tmp_path: Path) -> None:
    texts, summaries = tmp_path / "texts", tmp_path / "summaries"
    write_texts(texts, 2)
    summaries.mkdir()
    path = str((texts / "001.txt").resolve())
    record = {"path": path, "file": "001.md", "summary": "A.", "parts": 1, "finish_reason": "stop"}
    twice = 2 * (json.dumps(record) + "\n")
    (summaries / "results.jsonl").write_text(twice + "{", encoding="utf-8")
    (summaries / ".001.md.part").touch()
    found = " ".join(wrong_in(summaries, texts))
    for wrong in (
        "the last line of the log is half written",
        "line 3 of the log is no JSON",
        f"{path}: 2 results",
        "002.txt: 0 results",
        "001.md is not what the log says",
        "no summary over all",
        ".001.md.part was left",
    ):
        assert wrong in found
