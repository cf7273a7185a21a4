import codecs
import random
from pathlib import Path

import pytest

from dashdoc.documents import locate, read_document
from dashdoc.errors import InputError, UsageError

PROSE = (
    "Wer über eine bessere Zukunft nachdenkt, muß zunächst die Gegenwart verstehen. Größe allein "
    "genügt nicht; schöne Worte führen höchstens zu Mißverständnissen. "
) * 5


def write(folder: Path, data: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", codecs.BOM_UTF32_BE),
    ],
)
def test_unicode_is_read_without_a_notice(tmp_path: Path, encoding: str, mark: bytes) -> None:
    document = read_document(write(tmp_path, mark + PROSE.encode(encoding)))
    assert document.text == PROSE
    assert document.notices == ()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PROSE, "cp1252"),
        ("L’élève a été reçu à l’école, où il étudie le français. " * 3, "cp1252"),
        ("“Smart” quotes – and €5, it’s fine. " * 3, "cp1252"),
        ("Größe", "latin-1"),
        ("Zażółć gęślą jaźń, pójdź kiń tę chmurność w głąb flaszy. " * 3, "cp1250"),
        ("Москва является столицей и крупнейшим городом России. " * 5, "cp1251"),
        ("これは日本語の文章です。水車は川の水で回ります。" * 5, "shift_jis"),
        ("这条河发源于镇北的山里。" * 6, "gbk"),
        (PROSE, "utf-16-le"),
        (PROSE, "utf-16-be"),
        ("Москва является столицей России. " * 5, "utf-16-le"),
        ("これは日本語の文章です。\n" * 9, "utf-16-be"),
    ],
)
def test_a_guessed_encoding_is_right_and_said(tmp_path: Path, text: str, encoding: str) -> None:
    document = read_document(write(tmp_path, text.encode(encoding)))
    assert document.text == text
    assert len(document.notices) == 1
    assert "a.txt is not UTF-8" in document.notices[0]
    assert "guess" in document.notices[0]


def test_one_bad_byte_does_not_make_it_another_encoding(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, PROSE.encode() + b"\xff."))
    assert document.text == PROSE + "\ufffd."
    assert document.notices == (
        "a.txt is not valid UTF-8 in 1 place, shown as \ufffd in its text.",
    )


def test_damage_in_several_places_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    sentence = "Größe genügt nicht; schöne Worte führen höchstens zu Mißverständnissen. "
    document = read_document(write(tmp_path, sentence.encode() + b"\xff\xfe" + sentence.encode()))
    assert document.text == f"{sentence}\ufffd\ufffd{sentence}"
    assert "not valid UTF-8 in 2 places" in document.notices[0]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes(100), id="zeros"),
        pytest.param(b"a\0b text " * 20, id="zeros on both sides"),
        pytest.param(b"caf\xe9 and tea, " * 50 + b"\0\0x", id="a stray zero in Latin-1"),
        pytest.param(random.Random(1).randbytes(4000), id="noise"),
        pytest.param(b"".join(n.to_bytes(2, "little") for n in range(1, 400)), id="small numbers"),
    ],
)
def test_zeros_alone_make_no_utf16(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match="a.txt holds binary data of an unknown kind. Give a PDF"):
        read_document(write(tmp_path, data))


def test_a_line_of_millions_of_letters_is_read(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, b"word " * 600_000))
    assert len(document.text) == 3_000_000


def test_lines_stay_as_they_are_in_the_file(tmp_path: Path) -> None:
    data = b"first\r\n\r\n\r\n\r\n  fifth \rsixth\x00\x1b[1m\nhyphen-\nated\n"
    document = read_document(write(tmp_path, data))
    assert document.text.split("\n") == [
        *["first", "", "", "", "  fifth ", "sixth[1m", "hyphen-", "ated", ""]
    ]
    place = locate(document, "hyphenated")
    assert place is not None
    assert (place.first_line, place.last_line) == (7, 8)


def test_text_without_form_feeds_is_one_unpaged_page(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, b"Some text."))
    assert (document.kind, document.paged, document.total_pages) == ("text", False, 1)
    assert [page.number for page in document.pages] == [1]


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (b"one\ftwo", ["one", "two"]),
        (b"one\ftwo\f", ["one", "two"]),
        (b"one\ftwo\f\n", ["one", "two"]),
        (b"\ftwo", ["", "two"]),
        (b"one\f\fthree", ["one", "", "three"]),
    ],
)
def test_form_feeds_part_pages(tmp_path: Path, data: bytes, pages: list[str]) -> None:
    document = read_document(write(tmp_path, data))
    assert document.paged
    assert [page.text for page in document.pages] == pages
    assert [page.number for page in document.pages] == list(range(1, len(pages) + 1))


def test_pages_are_selected_from_paged_text(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, b"one\ftwo\fthree"), pages="2-")
    assert [(page.number, page.text) for page in document.pages] == [(2, "two"), (3, "three")]
    assert document.total_pages == 3
    with pytest.raises(InputError, match="3 pages"):
        read_document(document.path or "", pages="4")


def test_pages_cannot_be_selected_from_text_without_any(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a.txt is text without pages"):
        read_document(write(tmp_path, b"Some text."), pages="1")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.md", "markdown"), ("a.MARKDOWN", "markdown"), ("a.rst", "text"), ("README", "text")],
)
def test_markdown_is_known_by_its_suffix(tmp_path: Path, name: str, kind: str) -> None:
    assert read_document(write(tmp_path, b"# Title", name)).kind == kind


@pytest.mark.parametrize("data", [b" \n\t\r\n", b"\xef\xbb\xbf", b"\f\f"])
def test_blank_text_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match="a.txt holds no text"):
        read_document(write(tmp_path, data))
