"""`--cache`, and `dashdoc cache` to list and remove what it keeps."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.conftest import SENTENCE

QUESTION = "Who signed the treaty?"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this user's readings are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DASHDOC_CACHE", raising=False)
    return tmp_path / "dashdoc" / "readings"


@pytest.fixture
def ids(call: Call, report: Path, notes: Path) -> list[str]:
    """Of two kept readings, the last used first."""
    for path in (report, notes):
        call("ask", path, QUESTION, "--cache")
    return [reading["id"] for reading in listed(call)]


def listed(call: Call) -> list[dict[str, object]]:
    return call("cache", "ls", "--json").json["readings"]


def test_nothing_is_kept_unless_asked(call: Call, report: Path, folder: Path) -> None:
    assert call("ask", report, QUESTION).code == 0
    assert not folder.exists()


def test_the_second_time_it_is_restored_and_says_so(call: Call, report: Path) -> None:
    first, second = (call("ask", report, QUESTION, "--cache") for _ in range(2))
    assert first.out == second.out and SENTENCE in second.out
    assert "Keeping the reading" in first.err and "\nreading " in first.err
    assert "Keeping" not in second.err and "\nrestored " in second.err
    sparsity = [line.split()[-1] for line in (first.err + second.err).splitlines() if "%" in line]
    assert sparsity[0] == sparsity[2]
    assert ", read 20" in " ".join(second.err.split())


def test_the_object_says_from_when(call: Call, report: Path) -> None:
    first, second = (call("ask", report, QUESTION, "--cache", "--json").json for _ in range(2))
    assert first["latency"]["restored_from"] is None
    [reading] = listed(call)
    assert second["latency"]["restored_from"] == reading["read_at"]
    assert second["sparsity"] == first["sparsity"]


def test_the_environment_turns_it_on_and_the_option_off(
    call: Call, report: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("DASHDOC_CACHE", "1")
    call("ask", report, QUESTION, "--no-cache")
    assert not folder.exists()
    call("ask", report, QUESTION)
    assert len(listed(call)) == 1


def test_all_commands_share_a_reading(
    call: Call, report: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    call("ask", report, QUESTION, "--cache")
    assert "\nrestored " in call("summarize", report, "--cache").err
    questions = tmp_path / "questions.txt"
    questions.write_text(f"{QUESTION}\n", "utf-8")
    with questions.open() as lines:
        monkeypatch.setattr("sys.stdin", lines)
        assert " restored in " in call("chat", report, "--cache").err
    assert len(listed(call)) == 1


def test_each_document_of_a_folder_is_kept(
    call: Call, report: Path, notes: Path, folder: Path
) -> None:
    assert call("summarize", report, notes, "--cache").code == 0
    assert [reading["documents"] for reading in listed(call)][1:] == [[notes.name], [report.name]]


def test_a_damaged_one_is_named_and_replaced(call: Call, report: Path, folder: Path) -> None:
    expected = call("ask", report, QUESTION, "--cache").out
    [path] = folder.iterdir()
    content = bytearray(path.read_bytes())
    content[-5_000] ^= 1
    path.write_bytes(content)
    damaged = call("ask", report, QUESTION, "--cache")
    assert (damaged.code, damaged.out) == (0, expected)
    assert f"note: The kept reading {path} is damaged" in damaged.err
    assert "\nrestored " in call("ask", report, QUESTION, "--cache").err


def test_a_folder_that_cannot_be_used_is_a_notice(call: Call, report: Path, tmp_path: Path) -> None:
    (tmp_path / "dashdoc").write_text("not a folder", "utf-8")
    outcome = call("ask", report, QUESTION, "--cache", "--json")
    assert outcome.code == 0 and SENTENCE in outcome.json["answer"]
    assert any("could not be kept" in notice for notice in outcome.json["notices"])


@pytest.mark.parametrize("columns", [60, 100])
def test_ls_shows_them(
    call: Call,
    ids: list[str],
    report: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    outcome = call("cache", "ls")
    header, *rows = outcome.out.splitlines()
    assert header.split() == ["id", "reading", "tokens", "model", "size", "last", "used"]
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == ids
    assert report.name[:7] in outcome.out and "KiB" in outcome.out
    assert "2 readings, " in outcome.err and str(folder) in outcome.err


def test_ls_of_nothing_says_so(call: Call) -> None:
    outcome = call("cache", "ls")
    assert (outcome.code, outcome.out) == (0, "")
    assert "No reading is kept" in outcome.err
    assert listed(call) == []


def test_ls_shows_what_cannot_be_used(call: Call, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "broken.safetensors").write_bytes(b"broken")
    outcome = call("cache", "ls")
    assert "cannot be used" in outcome.out and "6 B" in outcome.out
    assert call("cache", "rm", "broken").code == 0
    assert listed(call) == []


@pytest.mark.parametrize("digits", [6, 12])
def test_rm_removes_the_one_named(call: Call, ids: list[str], digits: int) -> None:
    outcome = call("cache", "rm", ids[1][:digits])
    assert outcome.code == 0 and "Removed 1 reading, " in outcome.err
    assert [reading["id"] for reading in listed(call)] == ids[:1]


def test_rm_of_all_leaves_nothing_not_even_halves(call: Call, ids: list[str], folder: Path) -> None:
    (folder / ".half.part").write_bytes(b"half")
    assert "Removed 2 readings, " in call("cache", "rm", "--all").err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "Name the readings"), (("--all", "0"), "Name the readings"), (("xyz",), "the id xyz")],
    ids=["nothing", "both", "unknown"],
)
def test_rm_that_cannot_be_meant_removes_nothing(
    call: Call, ids: list[str], arguments: tuple[str, ...], said: str
) -> None:
    outcome = call("cache", "rm", *arguments)
    assert outcome.code == 2 and said in outcome.err
    assert len(listed(call)) == 2


def test_rm_of_an_id_that_several_have_removes_nothing(call: Call, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("ab1", "ab2"):
        (folder / f"{name}.safetensors").touch()
    outcome = call("cache", "rm", "ab")
    assert outcome.code == 2 and "2 kept readings begin with ab" in outcome.err
    assert len(listed(call)) == 2


@pytest.mark.parametrize(
    ("size", "remaining"),
    [("20GB", 2), ("1.5MiB", 2), ("300kB", 1), ("10 k", 0), ("0", 0)],
)
def test_prune_leaves_the_last_used(call: Call, ids: list[str], size: str, remaining: int) -> None:
    assert call("cache", "prune", "--max-size", size).code == 0
    assert [reading["id"] for reading in listed(call)] == ids[:remaining]


@pytest.mark.parametrize("size", ["much", "3ZB", "-1GB", ""])
def test_prune_to_no_size_is_a_usage_error(call: Call, size: str) -> None:
    outcome = call("cache", "prune", "--max-size", size)
    assert outcome.code == 2 and "write it like" in outcome.err
