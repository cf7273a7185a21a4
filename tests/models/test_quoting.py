"""What an answer that quotes may be: a sentence of the text, word for word, or a refusal."""

import re
from itertools import accumulate
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer

from dashdoc.documents import read_document
from dashdoc.models.quoting import SENTENCE_ENDS, Quotable, Quotation, most_likely
from dashdoc.prompts import NO_ANSWER

ROOT = Path(__file__).resolve().parents[2]
PDF = ROOT / "examples" / "state-department-homes.pdf"
TOKENIZER = AutoTokenizer.from_pretrained(ROOT / "dashdoc" / "models" / "bundled")
STOP = TOKENIZER.convert_tokens_to_ids("<|im_end|>")
PAGES = (
    "The bridge at Orrow\n\nHistory\n\nZimmermann built it in 1883. It cost “too much”, he said! "
    "Nobody\npaid him until 1901.\n\n- Iron came from Śląsk.\n- Stone (grey) came by\n  boat.\n\n",
    "He wrote: “No bridge\n\n",
    "stands for ever.” The town disagreed.\nIt stands\n\n",
)
SENTENCES = (
    "The bridge at Orrow",
    "History",
    "Zimmermann built it in 1883.",
    "It cost “too much”, he said!",
    "Nobody paid him until 1901.",
    "- Iron came from Śląsk.",
    "- Stone (grey) came by boat.",
    "He wrote: “No bridge stands for ever.”",  # over the end of a page
    "The town disagreed.",
    "It stands",
    NO_ANSWER,
)


def ids_of(text: str) -> list[int]:
    ids: list[int] = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    return ids


def quotation(*pages: str) -> Quotation:
    quotable = Quotable(list(map(ids_of, pages)), ids_of(" " + NO_ANSWER), TOKENIZER)
    return Quotation(quotable, frozenset({STOP}))


def wanting(*tokens: int) -> Tensor:
    """Logits that fall from the first of some tokens to the last, and on to all others."""
    logits = torch.zeros(len(TOKENIZER))
    for place, token in enumerate(tokens):
        logits[token] = 100 - place
    return logits


def chosen(choose: Quotation, wanted: list[int]) -> str:
    """The answer of a model that wants some tokens and then to stop."""
    said = []
    for token in [*wanted, STOP]:
        said.append(choose(wanting(token)))
        if said[-1] == STOP:
            return str(TOKENIZER.decode(said[:-1])).strip()
    return str(TOKENIZER.decode(said))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_can_be_quoted_as_the_model_learned_to(sentence: str) -> None:
    assert chosen(quotation(*PAGES), ids_of(" " + sentence)) == sentence


@pytest.mark.parametrize("attempt", range(40))
def test_whatever_a_model_wants_its_answer_is_of_the_text_from_end_to_end(attempt: int) -> None:
    choose, generator = quotation(*PAGES), torch.Generator().manual_seed(attempt)
    said = []
    while not said or said[-1] != STOP:
        said.append(choose(torch.randn(len(TOKENIZER), generator=generator)))
    answer = " ".join(TOKENIZER.decode(said[:-1]).split())
    if answer == NO_ANSWER:
        return
    lines = [line.split() for page in PAGES for line in page.splitlines() if line]
    text = " ".join(" ".join(line) for line in lines)
    begins = [0, *accumulate(len(" ".join(line)) + 1 for line in lines)]
    edges = {begin for begin in begins if not text[begin : begin + 1].islower()}  # of lines
    assert answer[-1] in SENTENCE_ENDS or any(
        text[edge - len(answer) - 1 : edge - 1] == answer for edge in edges
    )
    places = [found.start() for found in re.finditer(re.escape(answer), text)]
    assert any(place in edges or text[place - 2] in SENTENCE_ENDS for place in places)


def test_a_slip_of_the_model_is_mended() -> None:
    wanted = ids_of(" Zimmermann built it in 1993.")
    assert chosen(quotation(*PAGES), wanted) == "Zimmermann built it in 1883."


def test_an_answer_does_not_end_within_a_sentence() -> None:
    choose = quotation(*PAGES)
    first, *_ = ids_of(" Nobody")
    said = [choose(wanting(first))]
    while said[-1] != STOP:
        said.append(choose(wanting(STOP)))
    assert TOKENIZER.decode(said[:-1]).split() == "Nobody paid him until 1901.".split()


def test_a_refusal_is_said_whole() -> None:
    choose = quotation("Only this. And that.")
    *most, last = ids_of(" " + NO_ANSWER)
    for token in most:
        assert choose(wanting(STOP, token)) == token
    assert choose(wanting(STOP, last)) == last
    assert choose(wanting(*range(STOP))) == STOP


def test_a_draft_that_goes_on_behind_the_end_finds_it_ended() -> None:
    choose, heading = quotation("History\n\nIt stands."), ids_of(" History")
    assert [choose(wanting(token)) for token in [*heading, STOP]] == [*heading, STOP]
    assert choose(wanting(*heading)) == STOP


def test_an_answer_begins_where_it_is_let_begin() -> None:
    text = Quotable(list(map(ids_of, PAGES)), ids_of(" " + NO_ANSWER), TOKENIZER)
    start = next(s for s in text.starts if text.sentence(s) == ids_of(" The town disagreed."))
    choose = Quotation(text, frozenset({STOP}), [start])
    assert chosen(choose, ids_of(" Zimmermann built it in 1883.")).startswith("The town disagreed.")


@pytest.mark.parametrize("pages", [(), ("",), ("\n\n",)], ids=["no page", "no text", "empty lines"])
def test_of_a_text_without_words_there_is_only_the_refusal(pages: tuple[str, ...]) -> None:
    said = chosen(quotation(*pages), ids_of(" Anything at all that is long enough for it to say"))
    assert said == NO_ANSWER


def test_the_sentences_of_a_real_pdf_can_all_be_quoted() -> None:
    pages = [page.text for page in read_document(str(PDF)).pages[2:]]
    quotable = Quotable(list(map(ids_of, pages)), ids_of(" " + NO_ANSWER), TOKENIZER)
    sentences = [
        said for page in pages for said in re.findall(r"(?<=[a-z]\. )[A-Z][^.!?]+\.(?=\s)", page)
    ]
    assert len(sentences) > 50
    for sentence in sentences:
        told = " ".join(sentence.split())
        assert chosen(Quotation(quotable, frozenset({STOP})), ids_of(" " + told)) == told


def test_without_a_text_to_keep_to_the_most_likely_token_is_taken() -> None:
    assert most_likely(wanting(7, 5)) == 7
