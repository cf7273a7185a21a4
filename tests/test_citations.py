"""The quotes of an answer, looked up in the documents."""

import time
from itertools import chain

import pytest

from dashdoc.citations import CitationFinder, cited_pages, coverage
from dashdoc.documents import Document, Page
from dashdoc.measures import Citation
from dashdoc.prompts import NO_ANSWER

DUES = "Dues are paid to the port authority before notice is given."
TREATY = "The treaty was signed by Ilse Hartmann in the old harbour."


def paged(*texts: str, name: str = "report.pdf") -> Document:
    pages = tuple(Page(number, text) for number, text in enumerate(texts, start=1))
    return Document(name, "pdf", pages, len(pages), True, "hash")


def lined(text: str, name: str = "notes.txt") -> Document:
    return Document(name, "text", (Page(1, text),), 1, False, "hash")


def cite(answer: str, *documents: Document) -> list[Citation]:
    return CitationFinder(documents).cite(answer)


def test_an_answer_that_is_a_sentence_of_the_document_is_one_quote() -> None:
    (citation,) = cite(f" {TREATY}\n", paged(DUES, f"{DUES} {TREATY}"))
    assert citation == Citation(TREATY, "report.pdf", 2, None, None, 2, True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("the e\ufb03cient \ufb02ow of goods", "the efficient flow of goods"),
        ("the efficient flow of goods", "the e\ufb03cient \ufb02ow of goods"),
        ("sparse atten-\ntion is all of it", "sparse attention is all of it"),
        ("it was a well-\nknown fact", "it was a well-known fact"),
        ("the first\n  line goes on", "the first line goes on"),
        ("he said “stop” — ‘now’ and left", "he said \"stop\" - 'now' and left"),
        ("an exam\u00adple of it", "an example of it"),
    ],
    ids=["ligatures", "ligatures in the answer", "hyphen", "compound", "line", "marks", "soft"],
)
def test_what_typesetting_changes_is_no_difference(text: str, answer: str) -> None:
    (citation,) = cite(answer, paged(DUES, f"Before. {text}"))
    assert (citation.page, citation.exact) == (2, False)


def test_a_sentence_with_marks_in_it_is_still_one_quote() -> None:
    sentence = 'He said "leave the old harbour" and was gone.'
    (citation,) = cite(sentence, paged(sentence))
    assert citation.quote == sentence


def test_in_an_answer_of_other_words_each_quote_in_marks_is_looked_up() -> None:
    answer = (
        'It says “Dues are paid to the port authority”, and "signed by Ilse Hartmann", not "no".'
    )
    first, second = cite(answer, paged(DUES, TREATY))
    assert (first.quote, first.page) == ("Dues are paid to the port authority", 1)
    assert (second.quote, second.page) == ("signed by Ilse Hartmann", 2)


@pytest.mark.parametrize("marks", ['"{}"', "“{}”", "„{}“", "«{}»"])
def test_quotation_marks_of_several_countries_are_known(marks: str) -> None:
    answer = f"I read {marks.format('signed by Ilse Hartmann')} there."
    (citation,) = cite(answer, paged(TREATY))
    assert citation.quote == "signed by Ilse Hartmann"


def test_without_marks_each_sentence_is_looked_up() -> None:
    answer = f"{TREATY} Mr. A. Jones saw it. {DUES}"
    found = cite(answer, paged(DUES, TREATY))
    assert [(c.quote, c.page) for c in found] == [
        (TREATY, 2),
        ("Mr. A. Jones saw it.", None),
        (DUES, 1),
    ]


def test_a_quote_that_is_not_there_has_no_place() -> None:
    (citation,) = cite("The treaty was signed by nobody at all.", paged(DUES, TREATY))
    assert citation == Citation("The treaty was signed by nobody at all.")


@pytest.mark.parametrize("answer", ["", " \n ", f" {NO_ANSWER}\n"])
def test_no_answer_has_no_quotes(answer: str) -> None:
    assert cite(answer, paged(DUES)) == []
    assert coverage(answer, []) == 0


def test_a_quote_across_pages_has_the_first_and_the_last() -> None:
    found = cite(
        TREATY, paged(DUES, "The treaty was signed by", "Ilse Hartmann in the old harbour.")
    )
    assert [(c.page, c.last_page) for c in found] == [(2, 3)]
    assert cited_pages(found) == [2, 3]


def test_a_document_that_holds_it_word_for_word_goes_before_one_that_nearly_does() -> None:
    nearly, exactly = paged(TREATY.upper(), name="a.pdf"), lined(f"{DUES}\n{TREATY}")
    (citation,) = cite(TREATY, nearly, exactly)
    assert (citation.document, citation.lines, citation.exact) == ("notes.txt", (2, 2), True)
    (citation,) = cite(TREATY, nearly)
    assert (citation.document, citation.page, citation.exact) == ("a.pdf", 1, False)


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        (TREATY, 1),
        ("Nobody ever signed it.", 0),
        ('So it was "signed by Ilse Hartmann" then.', 4 / 8),
        ('"signed by Ilse Hartmann" or "signed by nobody there"', 4 / 9),
        (f"{TREATY} Nobody saw it.", 11 / 14),
    ],
)
def test_coverage_is_the_share_of_words_in_quotes_that_were_found(
    answer: str, share: float
) -> None:
    assert coverage(answer, cite(answer, paged(TREATY))) == pytest.approx(share)


def test_a_million_tokens_are_searched_in_an_instant() -> None:
    sentence = "Water that drives a mill is none the worse for it, the 3 millers of 1812 said. "
    pages = [f"{sentence * 20}Mark {number}, hyphen-\nated." for number in range(2500)]
    assert sum(map(len, pages)) > 3_600_000
    finder = CitationFinder([paged(*pages)])
    answer = "Mark 2490, hyphenated. It was never there at all, so the millers thought. " + sentence
    began = time.perf_counter()
    found = finder.cite(answer)
    assert time.perf_counter() - began < 0.3
    assert [citation.page for citation in found] == [2491, None, 1]


def test_pages_of_all_quotes_are_told_once() -> None:
    finder = CitationFinder([paged(DUES, TREATY)])
    quotes = chain(*(finder.cite(text) for text in (TREATY, DUES, TREATY, "Nothing of it.")))
    assert cited_pages(list(quotes)) == [1, 2]
