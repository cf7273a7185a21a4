import time
from dataclasses import replace

import pytest

from dashdoc.documents import Document, Page, Place, QuoteIndex, locate


def paged(*texts: str, labels: dict[int, str] | None = None) -> Document:
    pages = tuple(Page(n, text, (labels or {}).get(n)) for n, text in enumerate(texts, start=1))
    return Document("d.pdf", "pdf", pages, len(pages), True, "0" * 64)


def lined(text: str) -> Document:
    return Document("d.txt", "text", (Page(1, text),), 1, False, "0" * 64)


def on_page(
    number: int, *, exact: bool, label: str | None = None, last: int | None = None
) -> Place:
    return Place(number, label, None, None, exact, last or number)


def test_an_exact_quotation_has_its_page_and_label() -> None:
    document = paged("One fish.", "Two fish.", labels={2: "ii"})
    assert locate(document, "Two fish.") == on_page(2, exact=True, label="ii")
    assert locate(document, " One fish.\n") == on_page(1, exact=True)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("the first\nline  goes on", "the first line goes on"),
        ("gluedwords are common", "glued words are common"),
        ("sparse atten-\ntion is all", "sparse attention is all"),
        ("sparse atten-tion", "sparse attention"),
        ("a well-\nknown fact", "a well-known fact"),
        ("an e\ufb03cient \ufb02ow", "an efficient flow"),
        ("exam\u00adple of it", "example of it"),
        ("he said “stop” — ‘now’", "he said \"stop\" - 'now'"),
        ("pages 3–9 are lost", "pages 3-9 are lost"),
        ("it is −5 degrees", "it is -5 degrees"),
        ("The End Is Near", "the end is near"),
        ("STRASSE", "straße"),
        ("cafe\u0301 au lait", "café au lait"),
        ("a **bold** claim", "a bold claim"),
        ("a bold claim", "a *bold* claim"),
        ("it goes on, and on", "“It goes on.”"),
        ("and so on... it went", "and so on… it went"),
        ("这条河发源\n于镇北", "这条河发源于镇北"),
        ("in 2012,\n14 people came", "14 People came"),
        ("The hot Hotel is shut.", "the  HOT"),
        ("the atten-\ntion of all", "of  ALL"),
    ],
)
def test_a_faithful_quotation_is_found_but_not_exact(text: str, quote: str) -> None:
    assert locate(paged("Something else.", text), quote) == on_page(2, exact=False)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("The cat sat.", "The dog sat."),
        ("It rose by 15 %.", "It rose by 5 %."),
        ("In 2012 it rained.", "12 it rained."),
        ("It costs 1.5 francs.", "It costs 1."),
        ("It costs 1,500 francs.", "it costs 1"),
        ("rooms 1 2 and 3", "rooms 12 and 3"),
        ("rooms 12 and 3", "rooms 1 2 and 3"),
        ("It is -5 degrees.", "It is 5 degrees."),
        ("The Blodget Hotel is shut.", "The Blodget H"),
        ("The Blodget Hotel is shut.", "dget hotel is shut"),
        ("The  Blodget\nHotel is shut.", "The Blodget Hot."),
        ("Anything.", ""),
        ("Anything.", " \n "),
        ("Anything.", "“…”"),
        ("", "Anything."),
    ],
)
def test_another_text_is_not_found(text: str, quote: str) -> None:
    assert locate(paged(text, text), quote) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The ferry crosses", "at noon."),
        ("The ferry cros-", "ses at noon."),
        ("The ferry\ncrosses ", "\nat noon."),
    ],
)
def test_a_quotation_across_a_border_has_the_page_where_it_starts_and_the_one_where_it_ends(
    first: str, second: str
) -> None:
    document = paged("Before.", first, "", second)
    assert locate(document, "The ferry crosses at noon.") == on_page(2, exact=False, last=4)


def test_numbers_on_both_sides_of_a_border_stay_apart() -> None:
    document = paged("It was 19", "84 people came.")
    assert locate(document, "It was 1984 people came.") is None
    assert locate(document, "84 people came.") == on_page(2, exact=True)


def test_the_first_of_many_places_is_taken() -> None:
    assert locate(paged("No.", "Yes.", "Yes."), "Yes.") == on_page(2, exact=True)


def test_pages_keep_their_numbers_in_a_selection() -> None:
    document = paged("One fish.", "Two fish.", "Red fish.")
    selected = replace(document, pages=document.pages[1:])
    assert locate(selected, "Red fish.") == on_page(3, exact=True)
    assert locate(selected, "One fish.") is None


@pytest.mark.parametrize(
    ("quote", "lines", "exact"),
    [
        ("alpha", (1, 1), True),
        ("beta gamma", (3, 4), False),
        ("beta\ngamma", (3, 4), True),
        ("Delta", (4, 4), False),
        ("alpha beta", (1, 3), False),
        ("omega", (6, 6), True),
    ],
)
def test_text_without_pages_is_cited_by_line(
    quote: str, lines: tuple[int, int], exact: bool
) -> None:
    document = lined("alpha\n\nbeta\ngamma delta\n\nomega")
    assert locate(document, quote) == Place(None, None, *lines, exact)


def test_three_thousand_pages_are_indexed_once_and_searched_fast() -> None:
    sentence = "Water that drives a mill is none the worse for it, the miller said. "
    document = paged(*(f"{sentence * 40}Mark {n}." for n in range(3000)))
    started = time.perf_counter()
    index = QuoteIndex(document)
    built = time.perf_counter()
    found = [index.locate(f"said. MARK {n}.") for n in range(2990, 3000)]
    searched = time.perf_counter()
    assert [place and place.page for place in found] == list(range(2991, 3001))
    assert built - started < 10
    assert searched - built < 3
