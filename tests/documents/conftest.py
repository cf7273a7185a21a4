from collections.abc import Callable
from pathlib import Path

import pytest

from dashdoc.documents import Document, read_document


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Document]:
    """Read bytes as the file `a.pdf`, with the options of `read_document`."""

    def read(data: bytes, **options: object) -> Document:
        path = tmp_path / "a.pdf"
        path.write_bytes(data)
        return read_document(path, **options)

    return read
