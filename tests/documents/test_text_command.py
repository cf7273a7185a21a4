"""`dashdoc text` as the user calls it, on documents that nobody prepared for it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import make_pdfs as make

PAGES = make.numbered(3)
IMAGE_HEADER = b"\x89PNG\r\n\x1a\n"


def run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "dashdoc", "text", *arguments],
        input=given,
        capture_output=True,
        check=False,
        cwd=folder,
    )


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("cut.pdf", PAGES[: len(PAGES) // 2], b"No page of cut.pdf could be read. The end"),
        ("noise.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40, b"noise.pdf is damaged"),
        ("scan.pdf", make.scanned(2), b"scan.pdf looks scanned"),
        ("slides.pdf", IMAGE_HEADER + bytes(99), b"slides.pdf is no PDF or text"),
        ("notes.txt", bytes(range(256)) * 9, b"notes.txt holds binary data"),
        (
            "locked.pdf",
            make.rewritten(PAGES, encrypt={"user_password": "mill", "algorithm": "AES-256"}),
            b"locked.pdf is encrypted",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_exit_code_3(
    tmp_path: Path, name: str, data: bytes, said: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    started = time.monotonic()
    done = run(tmp_path, name)
    assert time.monotonic() - started < 10
    assert (done.returncode, done.stdout) == (3, b"")
    errors = [line for line in done.stderr.splitlines() if b"error:" in line]
    assert len(errors) == 1
    assert said in errors[0]
    assert b"Traceback" not in done.stderr


def test_a_name_that_starts_with_a_dash_follows_two(tmp_path: Path) -> None:
    (tmp_path / "-odd name.txt").write_text("Plain.")
    done = run(tmp_path, "--", "-odd name.txt")
    assert (done.returncode, done.stdout.strip()) == (0, b"Plain.")


def test_a_pdf_comes_through_a_pipe(tmp_path: Path) -> None:
    done = run(tmp_path, "-", "--pages", "2", given=PAGES)
    assert (done.returncode, done.stdout.split(b"\n")[0]) == (0, b"[Page 2]")
