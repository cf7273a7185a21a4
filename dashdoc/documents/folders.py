"""Which files of a folder are documents."""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from dashdoc.errors import InputError

MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".mkd"})
TEXT_SUFFIXES = frozenset({".txt", ".text", ".rst", ".adoc", ".asciidoc", ".org", ".tex"})
DOCUMENT_SUFFIXES = frozenset({".pdf"}) | MARKDOWN_SUFFIXES | TEXT_SUFFIXES


def find_documents(
    folder: Path, *, recursive: bool = False, include: Sequence[str] = ()
) -> list[Path]:
    """The documents of a folder, sorted by path.

    Hidden files and folders are skipped and links to folders are not followed.

    Args:
        folder: where to look.
        recursive: also look in the folders below.
        include: glob patterns for the name or the path below `folder`; they replace the choice by
            suffix.

    Raises:
        InputError: the folder is missing or cannot be listed, or holds no document.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}. Give the path of a folder.", path=str(folder))
    found = sorted(path for path in _files(folder, recursive) if _is_wanted(path, folder, include))
    if not found:
        wanted = ", ".join(include or sorted(DOCUMENT_SUFFIXES))
        hint = "Try --include with a pattern" if recursive else "Try --recursive, or --include"
        raise InputError(
            f"No document was found in {folder}. Looked for {wanted}. {hint}.", path=str(folder)
        )
    return found


def _files(folder: Path, recursive: bool) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        for name in files:
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _refuse(error: OSError) -> None:
    raise InputError(
        f"The folder {error.filename} cannot be listed: {error.strerror}. "
        "Change its permissions, or name the documents one by one.",
        path=str(error.filename),
    ) from error


def _is_wanted(path: Path, folder: Path, include: Sequence[str]) -> bool:
    if not include:
        return path.suffix.lower() in DOCUMENT_SUFFIXES
    below = path.relative_to(folder).as_posix()
    return any(fnmatch(path.name, pattern) or fnmatch(below, pattern) for pattern in include)
