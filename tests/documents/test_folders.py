from pathlib import Path

import pytest

from dashdoc.documents import find_documents
from dashdoc.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.pdf",
        "A.PDF",
        "notes.md",
        "data.csv",
        ".hidden.txt",
        "below/deep.txt",
        "below/deep.log",
        ".git/config.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    return tmp_path


def names(folder: Path, found: list[Path]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found]


def test_documents_are_found_by_suffix_and_sorted(folder: Path) -> None:
    assert names(folder, find_documents(folder)) == ["A.PDF", "b.pdf", "notes.md"]


def test_recursive_looks_below_but_not_into_hidden_folders(folder: Path) -> None:
    found = find_documents(folder, recursive=True)
    assert names(folder, found) == ["A.PDF", "b.pdf", "below/deep.txt", "notes.md"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (["*.csv"], ["data.csv"]),
        (["*.csv", "*.md"], ["data.csv", "notes.md"]),
        (["below/*"], ["below/deep.log", "below/deep.txt"]),
        (["*.txt"], ["below/deep.txt"]),
    ],
)
def test_include_replaces_the_choice_by_suffix(
    folder: Path, include: list[str], expected: list[str]
) -> None:
    assert names(folder, find_documents(folder, recursive=True, include=include)) == expected


def test_a_loop_of_links_is_walked_once(folder: Path) -> None:
    (folder / "below" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "gone.pdf").symlink_to(folder / "nowhere.pdf")
    found = find_documents(folder, recursive=True)
    assert names(folder, found) == ["A.PDF", "b.pdf", "below/deep.txt", "notes.md"]


def test_nothing_found_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.pdf.*--recursive"):
        find_documents(tmp_path)
    with pytest.raises(InputError, match=r"\*\.docx.*--include"):
        find_documents(tmp_path, recursive=True, include=["*.docx"])


@pytest.mark.parametrize(("name", "said"), [("b.pdf", "is not a folder"), ("no", "does not exist")])
def test_what_is_no_folder_is_named(folder: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=f"{name} {said}"):
        find_documents(folder / name)
