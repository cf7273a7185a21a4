"""PDFs that are what they should be."""

from collections.abc import Callable

import pytest

from dashdoc.documents import Document, locate
from dashdoc.errors import InputError

from . import make_pdfs as make

Read = Callable[..., Document]

THREE = make.numbered(3)
SENTENCES = [f"The {word} page tells of {word} things." for word in make.WORDS]
ALGORITHMS = ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"]


def texts(document: Document) -> list[str]:
    return [page.text for page in document.pages]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(THREE, SENTENCES[:3], id="reportlab"),
        pytest.param(make.drawn([["Plain."]], compress=False), ["Plain."], id="uncompressed"),
        pytest.param(make.rewritten(THREE), SENTENCES[:3], id="pypdf"),
        pytest.param(make.hand_written(["One.", "Two."]), ["One.", "Two."], id="hand-written"),
        pytest.param(make.with_object_streams("Packed."), ["Packed."], id="object streams"),
        pytest.param(make.rewritten(THREE, rotate=90), SENTENCES[:3], id="rotated"),
        pytest.param(
            make.with_ligatures(b"The \x01rst e\x03cient \x02ow of exam\x04ple"),
            ["The first efficient flow of example"],
            id="ligatures",
        ),
        pytest.param(
            make.without_spaces(["A copy of the book", "in the town hall"]),
            ["A copy of the book\nin the town hall"],
            id="no spaces",
        ),
        pytest.param(make.with_form("Framed."), ["Framed."], id="form"),
        pytest.param(
            make.two_columns(["Left one.", "Left two."], ["Right one.", "Right two."]),
            ["Left one.\nLeft two.\nRight one.\nRight two."],
            id="two columns",
        ),
    ],
)
def test_every_producer_is_read(read: Read, data: bytes, expected: list[str]) -> None:
    document = read(data)
    assert texts(document) == expected
    assert [page.number for page in document.pages] == list(range(1, len(expected) + 1))
    assert (document.kind, document.paged, document.notices) == ("pdf", True, ())
    assert document.total_pages == len(expected)


def test_pages_read_as_prose_and_are_found_again(read: Read) -> None:
    pages = [
        [
            "Mill Journal",
            f"In {word} time the river that drives the mills",
            f"turns {word}.",
            str(n),
        ]
        for n, word in enumerate(make.WORDS[:5], start=1)
    ]
    document = read(make.drawn(pages))
    assert texts(document)[3] == "In daisy time the river that drives the mills turns daisy."
    place = locate(document, "the mills turns daisy")
    assert place is not None
    assert (place.page, place.exact) == (4, True)


def test_labels_are_kept_where_they_differ_from_the_number(read: Read) -> None:
    labels = [(0, 0, "/D", None), (1, 1, "/r", None), (2, 2, "/D", "A-")]
    document = read(make.rewritten(THREE, labels=labels))
    assert [page.label for page in document.pages] == [None, "i", "A-1"]
    place = locate(document, SENTENCES[2])
    assert place is not None
    assert (place.page, place.label) == (3, "A-1")


def test_selected_pages_keep_their_numbers(read: Read) -> None:
    document = read(make.numbered(6), pages="2,5-")
    assert [page.number for page in document.pages] == [2, 5, 6]
    assert texts(document) == [SENTENCES[1], SENTENCES[4], SENTENCES[5]]
    assert document.total_pages == 6


def test_pages_out_of_range_are_no_scan(read: Read) -> None:
    with pytest.raises(InputError, match="the document has 3 pages"):
        read(THREE, pages="4")


def test_progress_is_told_page_by_page(read: Read) -> None:
    steps: list[tuple[int, int]] = []
    read(make.numbered(4), pages="2-4", on_page=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
class TestEncrypted:
    @pytest.fixture
    def data(self, algorithm: str) -> bytes:
        return make.rewritten(
            THREE,
            encrypt={"user_password": "mill", "owner_password": "tower", "algorithm": algorithm},
        )

    @pytest.mark.parametrize("password", ["mill", "tower"])
    def test_either_password_opens(self, read: Read, data: bytes, password: str) -> None:
        assert texts(read(data, password=password)) == SENTENCES[:3]

    def test_no_password_names_both_ways_to_give_it(self, read: Read, data: bytes) -> None:
        with pytest.raises(InputError, match="encrypted.*--password.*DASHDOC_PDF_PASSWORD"):
            read(data)

    def test_a_wrong_password_is_called_wrong(self, read: Read, data: bytes) -> None:
        with pytest.raises(InputError, match="password does not open a.pdf.*DASHDOC_PDF_PASSWORD"):
            read(data, password="grain")

    def test_an_owner_password_alone_locks_no_reader_out(self, read: Read, algorithm: str) -> None:
        encrypt = {"user_password": "", "owner_password": "tower", "algorithm": algorithm}
        data = make.rewritten(THREE, encrypt=encrypt)
        assert texts(read(data)) == SENTENCES[:3]
        assert texts(read(data, password="needless")) == SENTENCES[:3]


def test_a_password_for_an_open_file_does_no_harm(read: Read) -> None:
    assert texts(read(THREE, password="needless")) == SENTENCES[:3]


@pytest.mark.parametrize(
    ("options", "said"), [({}, "no page holds text"), ({"pages": "2-3"}, "none of the pages read")]
)
def test_a_scan_names_ocr(read: Read, options: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=f"{said}.*`ocrmypdf in.pdf out.pdf`"):
        read(make.scanned(4), **options)


def test_a_stamp_on_every_scanned_page_is_no_text(read: Read) -> None:
    with pytest.raises(InputError, match="no page holds text"):
        read(make.drawn([[f"Case 1:20-cv-17 Filed 01/02/20 Page {n} of 6"] for n in range(1, 7)]))


@pytest.mark.parametrize(
    ("empty", "full", "said"),
    [
        (2, 9, None),
        (2, 8, None),
        (3, 8, "3 of 11 pages of a.pdf hold no text (1-3)"),
        (9, 60, None),
        (10, 60, "10 of 70 pages of a.pdf hold no text (1-10)"),
        (1, 1, "1 of 2 pages of a.pdf holds no text (1)"),
    ],
)
def test_many_pages_without_text_are_named(
    read: Read, empty: int, full: int, said: str | None
) -> None:
    document = read(make.scanned(empty, [f"{SENTENCES[n % 20]} {n * n}" for n in range(full)]))
    assert len(document.pages) == empty + full
    assert document.pages[empty].text
    if said is None:
        assert document.notices == ()
    else:
        assert document.notices[0].startswith(said)
        assert "ocrmypdf" in document.notices[0]


@pytest.mark.parametrize(
    ("glyphs", "said"),
    [([f"g{n}" for n in range(100, 120)], True), (["a", "b", "g12", *"cdefghijkl"], False)],
    ids=["names without meaning", "letters"],
)
def test_a_font_that_does_not_say_what_its_signs_mean_is_told(
    read: Read, glyphs: list[str], said: bool
) -> None:
    notices = read(make.with_glyph_names(glyphs)).notices
    assert any("Page 1 of a.pdf cannot be read: a font" in notice for notice in notices) == said


def test_blank_pages_are_no_scans(read: Read) -> None:
    blank = [[] if n % 2 else ["Mill Journal", str(n)] for n in range(1, 13)]
    document = read(make.drawn([*blank, *([sentence] for sentence in SENTENCES[:3])]))
    assert [page.number for page in document.pages if page.text] == [13, 14, 15]
    assert document.notices == ()


def test_an_empty_page_keeps_its_place(read: Read) -> None:
    document = read(make.drawn([[SENTENCES[0]], [], *([sentence] for sentence in SENTENCES[1:5])]))
    assert texts(document) == [SENTENCES[0], "", *SENTENCES[1:5]]
    assert document.notices == ()
