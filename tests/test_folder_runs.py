"""Runs over many documents: what is kept, what is made again, and what the folder holds."""

import errno
import json
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from dashdoc.documents import read_document
from dashdoc.folder_runs import FolderRun, FolderSummary, UnwritableError
from dashdoc.models import Model, load_model
from tests.conftest import SENTENCE

Run = Callable[..., FolderSummary]


@pytest.fixture(scope="module")
def model(speaking_checkpoint: Path) -> Model:
    return load_model(str(speaking_checkpoint))


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one.txt", "two.txt", "three.txt"):
        (folder / name).write_text(f"{name} tells of the harbour.\n" * 5, encoding="utf-8")
    return folder


@pytest.fixture
def run(model: Model, tmp_path: Path) -> Run:
    def run(paths: Path | list[Path], **changes: Any) -> FolderSummary:
        if isinstance(paths, Path):
            paths = sorted(paths.iterdir())
        options: dict[str, Any] = {
            "load": lambda: model,
            "read": lambda path, on_page: read_document(path, on_page=on_page),
            "settings": {"model": "a"},
            "max_tokens": 30,
            "output_dir": tmp_path / "out",
            **changes,
        }
        return FolderRun(paths, **options).run()

    return run


def log(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]


def no_model() -> Model:
    raise AssertionError("no model is needed")


def test_each_document_and_all_have_a_summary(run: Run, inputs: Path, tmp_path: Path) -> None:
    summary = run(inputs)
    assert [result.text for result in summary.results] == [SENTENCE] * 3
    assert summary.overall is not None and summary.overall.text == SENTENCE
    names = {"one.md", "two.md", "three.md", "summary.md", "results.jsonl"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


def test_the_log_holds_what_was_measured(run: Run, inputs: Path, tmp_path: Path) -> None:
    run(inputs)
    first = log(tmp_path)[0]
    assert first["finish_reason"] == "stop"
    assert first["readings"][0]["tokens"] > 0
    assert first["answers"][0]["routing"]["sparsity"] > 0
    assert len(first["sha256"]) == 64


def test_what_is_done_is_kept_without_a_model(run: Run, inputs: Path) -> None:
    run(inputs)
    again = run(inputs, load=no_model)
    assert again.kept == 3
    assert again.overall is not None and again.overall.kept


def test_a_changed_document_is_read_again(run: Run, inputs: Path, tmp_path: Path) -> None:
    run(inputs)
    (inputs / "two.txt").write_text("Something else.", encoding="utf-8")
    assert run(inputs).kept == 2
    assert {path.stem for path in (tmp_path / "out").glob("*.md")} == {
        "one",
        "two",
        "three",
        "summary",
    }


def test_other_settings_make_other_summaries(run: Run, inputs: Path) -> None:
    run(inputs)
    assert run(inputs, settings={"model": "b"}).kept == 0
    assert run(inputs, settings={"model": "a"}, load=no_model).kept == 3


def test_a_failed_document_is_tried_again(run: Run, inputs: Path, tmp_path: Path) -> None:
    (inputs / "bad.txt").write_bytes(b"")
    first = run(inputs)
    assert [failure.path.name for failure in first.failures] == ["bad.txt"]
    assert "empty" in first.failures[0].message
    assert log(tmp_path)[0]["error"]["kind"] == "input"
    (inputs / "bad.txt").write_text("Mended.", encoding="utf-8")
    second = run(inputs)
    assert (second.kept, second.failures) == (3, [])


def test_an_exception_of_any_kind_ends_one_document_only(run: Run, inputs: Path) -> None:
    def read(path: Path, on_page: Callable[[int, int], None]) -> Any:
        if path.name == "one.txt":
            raise ZeroDivisionError("a bug")
        return read_document(path)

    summary = run(inputs, read=read)
    assert [failure.kind for failure in summary.failures] == ["internal"]
    assert len(summary.results) == 2


def test_a_line_cut_short_is_forgotten(run: Run, inputs: Path, tmp_path: Path) -> None:
    run(inputs)
    path = tmp_path / "out/results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:40])
    assert run(inputs).kept == 2
    assert len(log(tmp_path)) >= 4, "every line of the log is whole"


@pytest.mark.parametrize("room", [0, 100], ids=["none", "for half a line"])
def test_a_full_disk_ends_the_run_and_leaves_no_half_line(
    run: Run, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    run([inputs / "one.txt"])
    before = log(tmp_path)

    class Full(FileIO):
        def write(self, content: Any) -> int:
            if not room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(content[:room])

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda path, mode, **_: Full(path, mode))
        with pytest.raises(UnwritableError, match="out cannot be written: No space left"):
            run(inputs)
    assert log(tmp_path) == before
    assert run(inputs).kept == 1


def test_a_file_whose_name_is_no_utf8_is_kept_like_any_other(run: Run, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    try:
        path.write_text("The harbour.", encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert run([path]).failures == []
    assert log(tmp_path)[0]["path"] == str(path.resolve())
    assert run([path], load=no_model).kept == 1


def test_a_markdown_file_that_was_lost_is_written_again(
    run: Run, inputs: Path, tmp_path: Path
) -> None:
    run(inputs)
    (tmp_path / "out/one.md").unlink()
    run(inputs, load=no_model)
    assert SENTENCE in (tmp_path / "out/one.md").read_text(encoding="utf-8")


def test_names_do_not_collide_and_stay(run: Run, inputs: Path, tmp_path: Path) -> None:
    (inputs / "One.md").write_text("The same name in another case.", encoding="utf-8")
    (inputs / "summary.txt").write_text("A name that is taken.", encoding="utf-8")
    run(inputs)
    written = {path.name for path in (tmp_path / "out").glob("*.md")}
    assert written == {"One.md", "one-2.md", "two.md", "three.md", "summary-2.md", "summary.md"}
    (inputs / "a-new.txt").write_text("Another.", encoding="utf-8")
    run(inputs)
    assert {path.name for path in (tmp_path / "out").glob("*.md")} == written | {"a-new.md"}


def test_the_same_content_under_two_names_is_read_once(
    run: Run, inputs: Path, tmp_path: Path
) -> None:
    (inputs / "copy.txt").write_bytes((inputs / "one.txt").read_bytes())
    assert run(inputs).kept == 1
    assert (tmp_path / "out/copy.md").exists() and (tmp_path / "out/one.md").exists()
    assert run(inputs, load=no_model).kept == 4


def test_the_users_files_are_never_overwritten(run: Run, inputs: Path) -> None:
    (inputs / "one.md").write_text("Mine.", encoding="utf-8")
    run(inputs, output_dir=inputs)
    assert (inputs / "one.md").read_text(encoding="utf-8") == "Mine."
    before = sorted(path.name for path in inputs.iterdir())
    again = run(inputs, output_dir=inputs, load=no_model)
    assert again.kept == 4, "what the run wrote is no input of the next one"
    assert sorted(path.name for path in inputs.iterdir()) == before


def test_one_document_is_its_own_summary_over_all(run: Run, inputs: Path) -> None:
    summary = run([inputs / "one.txt"])
    assert summary.overall is not None
    assert summary.overall.text == summary.results[0].text


def test_without_a_folder_nothing_is_written(run: Run, inputs: Path, tmp_path: Path) -> None:
    assert len(run(inputs, output_dir=None).results) == 3
    assert not (tmp_path / "out").exists()
