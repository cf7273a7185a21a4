"""Where the quotes of an answer stand."""

from dashdoc.documents import Page
from dashdoc.models import Model
from dashdoc.session import Session
from tests.conftest import SENTENCE
from tests.session.conftest import DUES, document, notes


def test_the_answer_is_cited_by_page(speaking: Model) -> None:
    answer = Session(speaking, [document(DUES, DUES, f"{DUES}\n{SENTENCE}")]).ask("Who signed?")
    assert answer.pages == [3]
    (citation,) = answer.citations
    assert (citation.quote, citation.document, citation.page) == (SENTENCE, "report.pdf", 3)
    assert citation.lines is None


def test_the_label_printed_on_the_page_is_kept(speaking: Model) -> None:
    labelled = document(DUES).with_pages((Page(5, SENTENCE, "iii"),))
    (citation,) = Session(speaking, [labelled]).cite(SENTENCE)
    assert (citation.page, citation.label) == (5, "iii")


def test_text_is_cited_by_lines(speaking: Model) -> None:
    answer = Session(speaking, [notes(f"{DUES}\n{DUES}\n{SENTENCE}\n")]).ask("Who signed?")
    (citation,) = answer.citations
    assert (citation.page, citation.lines) == (None, (3, 3))
    assert answer.pages == []


def test_a_made_up_answer_has_no_place(speaking: Model) -> None:
    answer = Session(speaking, [document(DUES)]).ask("Who signed?")
    (citation,) = answer.citations
    assert (citation.document, citation.page, citation.lines) == (None, None, None)
    assert answer.pages == []


def test_each_quote_in_marks_is_cited_alone(speaking: Model) -> None:
    session = Session(speaking, [document(DUES, SENTENCE), notes("No ships came that year.")])
    found = session.cite(
        'It says “Dues are paid to the port authority” and "signed by Ilse Hartmann", though '
        '"no" "ships came that year" and "signed by nobody at all".'
    )
    assert [(c.document, c.page, c.lines) for c in found] == [
        ("report.pdf", 1, None),
        ("report.pdf", 2, None),
        ("notes.txt", None, (1, 1)),
        (None, None, None),
    ]
