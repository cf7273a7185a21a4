"""The checksums that a checkpoint folder comes with, held against its files."""

import hashlib
import re
from pathlib import Path

from dashdoc.errors import ModelError

SUMS = "SHA256SUMS"
_LINE = re.compile(r"^([0-9a-f]{64}) [ *](.+)$", re.MULTILINE)


def check_digests(folder: Path) -> None:
    """Compare the files that `SHA256SUMS` lists, if the folder has one, with what it says of them.

    Raises:
        ModelError: a file is not what it was when the list was made.
    """
    if not (folder / SUMS).is_file():
        return
    for expected, name in _LINE.findall((folder / SUMS).read_text(encoding="utf-8")):
        if not (folder / name).is_file():
            continue
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ModelError(
                f"{folder / name} is damaged: its SHA-256 is {found}, {SUMS} says {expected}. "
                "Put the file back as it was; for the bundled model, install dashdoc again.",
                file=str(folder / name),
            )
