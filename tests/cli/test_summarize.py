"""`dashdoc summarize`: files, folders, and runs that go on where they ended."""

import json
from pathlib import Path

import pytest

from dashdoc.cli.terminal import Terminal
from tests.cli.conftest import FILLER, Call
from tests.conftest import SENTENCE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two texts, and below them a third."""
    folder = tmp_path / "papers"
    (folder / "below").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "below/a.txt"):
        (folder / name).write_text(f"{name}: {FILLER}\n" * 5, encoding="utf-8")
    return folder


def test_a_file_is_summarized_to_stdout(call: Call, report: Path) -> None:
    outcome = call("summarize", report)
    assert outcome.code == 0
    assert outcome.out == f"{SENTENCE}\n"
    assert "peak memory" in outcome.err
    assert "not found" not in outcome.err


def test_json_of_a_file(call: Call, report: Path) -> None:
    found = call("summarize", report, "--json").json
    assert found["summary"] == SENTENCE
    assert found["finish_reason"] == "stop"
    assert (found["parts"], found["pages"]) == (1, 4)
    assert found["readings"][0]["routing"]["sparsity"] > 0
    assert found["documents"][0]["name"] == "report.pdf"


def test_what_does_not_fit_is_summarized_in_parts_and_says_so(
    call: Call, report: Path, short_memory: None
) -> None:
    options = ("--max-tokens", "30")
    outcome = call("summarize", report, *options)
    assert outcome.out == f"{SENTENCE}\n"
    assert "in 2 parts" in outcome.err
    found = call("summarize", report, *options, "--json").json
    assert found["parts"] == 2
    assert len(found["readings"]) == 3


def test_a_folder_is_summarized_each_and_all(call: Call, folder: Path) -> None:
    outcome = call("summarize", folder)
    assert outcome.code == 0
    headings = [line for line in outcome.out.splitlines() if line.startswith("# ")]
    assert headings == [f"# {folder / 'a.txt'}", f"# {folder / 'b.txt'}", "# All 2 documents"]
    assert outcome.out.count(SENTENCE) == 3


def test_summaries_of_a_folder_break_between_words_on_a_terminal(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Terminal, "width", 24)
    out = call("summarize", folder).out
    lines = [line for line in out.splitlines() if not line.startswith("# ")]
    assert max(map(len, lines)) <= 24
    assert " ".join(out.split()).count(SENTENCE) == 3


def test_recursive_and_include_choose_the_documents(call: Call, folder: Path) -> None:
    assert len(call("summarize", folder, "--recursive", "--json").json["summaries"]) == 3
    found = call("summarize", folder, "--include", "b.*", "--json").json
    assert [Path(summary["path"]).name for summary in found["summaries"]] == ["b.txt"]


def test_jsonl_is_a_line_a_document_and_one_over_all(call: Call, folder: Path) -> None:
    lines = [json.loads(line) for line in call("summarize", folder, "--jsonl").out.splitlines()]
    assert [Path(line["path"]).name if line["path"] else None for line in lines] == [
        "a.txt",
        "b.txt",
        None,
    ]


def test_an_output_folder_gets_a_file_each(call: Call, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    outcome = call("summarize", folder, "--recursive", "--output-dir", target)
    assert (outcome.code, outcome.out) == (0, "")
    assert sorted(path.name for path in target.iterdir()) == [
        "a-2.md",
        "a.md",
        "b.md",
        "results.jsonl",
        "summary.md",
    ]
    assert SENTENCE in (target / "a.md").read_text(encoding="utf-8")
    assert "3 documents" in outcome.err


def test_the_same_command_again_does_nothing_twice(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    command = ("summarize", folder, "--output-dir", tmp_path / "out")
    call(*command)
    log = (tmp_path / "out" / "results.jsonl").read_bytes()
    outcome = call(*command)
    assert "2 of them by an earlier run" in outcome.err
    assert "Reading" not in outcome.err
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == log
    assert call(*command, "--max-tokens", "4", "--json").json["kept"] == 0


def test_one_bad_file_is_reported_and_the_rest_goes_on(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    outcome = call("summarize", folder, "--output-dir", tmp_path / "out")
    assert outcome.code == 4
    assert "1 document failed" in outcome.err
    assert (tmp_path / "out" / "b.md").exists()
    found = call("summarize", folder, "--json", "--quiet")
    assert found.code == 4
    [failure] = found.json["failures"]
    assert failure["path"].endswith("a.pdf")
    assert failure["error"]["kind"] == "input"


def test_an_interrupted_run_says_how_far_it_came(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashdoc.session import Session

    read, count = Session.read, iter(range(10))

    def interrupted(session: Session, *arguments: object, **options: object) -> object:
        if next(count) == 1:
            raise KeyboardInterrupt
        return read(session, *arguments, **options)

    monkeypatch.setattr(Session, "read", interrupted)
    outcome = call("summarize", folder, "--output-dir", tmp_path / "out")
    assert outcome.code == 130
    assert "1 of 2 documents are done" in outcome.err
    again = call("summarize", folder, "--output-dir", tmp_path / "out")
    assert again.code == 0
    assert "1 of them by an earlier run" in again.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("-", "papers"), 2), (("nowhere",), 3), (("papers", "--include", "*.pdf"), 3)],
    ids=["standard input among others", "missing", "no document"],
)
def test_what_cannot_be_summarized(
    call: Call,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.chdir(folder.parent)
    assert call("summarize", *arguments).code == code
