import gzip
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from dashdoc.documents import read_document
from dashdoc.errors import InputError, UsageError

from .make_pdfs import hand_written


def zipped(*members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member in members:
            archive.writestr(member, "<x/>")
    return out.getvalue()


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, kind)
    return out.getvalue()


def test_a_document_knows_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mill.txt"
    path.write_bytes(b"Grind.\r\n")
    document = read_document(str(path))
    assert document.name == "mill.txt"
    assert document.path == path
    assert document.sha256 == hashlib.sha256(b"Grind.\r\n").hexdigest()
    assert read_document(path, name="The Mill").name == "The Mill"


@pytest.mark.parametrize("name", ["a.pdf", "a.bin", "a", "a.txt"])
def test_a_pdf_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(hand_written(["Hello."]))
    assert read_document(path).kind == "pdf"


def test_a_text_about_pdfs_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "format.md"
    path.write_text("# The format\n\nA file starts with %PDF-1.7, then come its objects.")
    assert read_document(path).kind == "markdown"


# A compressed file holds the time, so its bytes would make a poor name for a test.
OTHER_TYPES = [
    ("a.docx", zipped("word/document.xml"), "a Word document", "Export it as PDF"),
    ("a.xlsx", zipped("xl/workbook.xml"), "an Excel workbook", "Export it as PDF"),
    ("a.zip", zipped("a.txt"), "a ZIP archive", "Unpack it"),
    ("a.txt.gz", gzip.compress(b"text", mtime=0), "a gzip archive", "Unpack it"),
    ("a.png", picture("PNG"), "a PNG image", "ocrmypdf"),
    ("a.jpg", picture("JPEG"), "a JPEG image", "ocrmypdf"),
    ("a.webp", picture("WEBP"), "a WebP image", "ocrmypdf"),
    ("a.tif", picture("TIFF"), "a TIFF image", "ocrmypdf"),
    ("a.rtf", rb"{\rtf1 Hello}", "a Rich Text file", "Export it as PDF"),
    ("a.ps", b"%!PS-Adobe-3.0\n", "a PostScript file", "ps2pdf"),
    ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "Microsoft Office", "Export"),
    ("a.so", b"\x7fELF" + bytes(64), "a program", "Give a PDF"),
    ("a.pdf", b"<!DOCTYPE html><title>Log in</title>", "a web page", "Download it again"),
    ("a.pdf", b"Not Found", "something else", "Download it again"),
    ("a.dat", bytes(range(256)) * 8, "binary data", "Give a PDF"),
]


@pytest.mark.parametrize(
    ("name", "data", "kind", "advice"), OTHER_TYPES, ids=[kind for _, _, kind, _ in OTHER_TYPES]
)
def test_another_type_is_named_with_a_way_out(
    tmp_path: Path, name: str, data: bytes, kind: str, advice: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=kind) as caught:
        read_document(tmp_path / name)
    assert caught.value.message.startswith(name)
    assert advice in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.pdf does not exist.*Check"):
        read_document(tmp_path / "gone.pdf")


def test_a_file_is_no_folder_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="does not exist"):
        read_document(tmp_path / "a.txt" / "b.txt")


def test_a_folder_is_named_with_the_command_for_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder.*dashdoc summarize"):
        read_document(tmp_path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").touch()
    with pytest.raises(InputError, match=r"a\.pdf is empty"):
        read_document(tmp_path / "a.pdf")


def test_a_device_is_refused_instead_of_read_for_ever() -> None:
    with pytest.raises(InputError, match="is a device"):
        read_document(os.devnull)


def test_denied_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    path.chmod(0)

    def deny(path: Path) -> bytes:  # root may read every file, so the system's answer is given here
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(InputError, match=r"permission denied.*chmod u\+r"):
        read_document(path)


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [(hand_written(["Hello."]), "pdf", "Hello."), (b"Plain.", "text", "Plain.")],
)
def test_standard_input_is_sniffed(
    monkeypatch: pytest.MonkeyPatch, data: bytes, kind: str, text: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    document = read_document("-")
    assert (document.name, document.kind, document.text) == ("standard input", kind, text)
    assert document.path is None


def test_a_name_given_to_standard_input_tells_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"# Title")))
    assert read_document("-", name="notes.md").kind == "markdown"


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/sh", "-c", f"echo Piped. > '{pipe}'"]):
        assert read_document(pipe).text == "Piped.\n"


def test_a_closed_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="Standard input is closed. Pipe a document into it"):
        read_document("-")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("-dash.txt", "-dash.txt"),
        ("with space.txt", "with space.txt"),
        ("two\nlines.txt", "two\ufffdlines.txt"),
        ("b\udcff.txt", "b\ufffd.txt"),
    ],
    ids=["dash", "space", "line end", "no UTF-8"],
)
def test_no_name_is_too_odd_to_be_read_and_shown(tmp_path: Path, name: str, shown: str) -> None:
    (tmp_path / name).write_text("Plain.")
    assert read_document(tmp_path / name).name == shown


@pytest.mark.parametrize(
    ("target", "said"),
    [("nowhere", "does not exist"), ("link.txt", "cannot be read: Too many levels")],
    ids=["broken", "to itself"],
)
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, target: str, said: str) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    with pytest.raises(InputError, match=f"link.txt {said}"):
        read_document(link)


def test_a_selection_is_checked_before_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="page 0"):
        read_document(tmp_path / "gone.pdf", pages="0")


def test_importing_is_light_and_does_nothing() -> None:
    code = (
        "import sys, dashdoc.documents; "
        "print([m for m in ('torch', 'pypdf', 'charset_normalizer', 'click', 'rich') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
