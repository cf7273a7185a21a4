"""The sentences looked at again are the likeliest ones of the text, as it would quote them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from dashdoc.models import Model, choose_model, load_model
from dashdoc.models.cache import DashCache
from dashdoc.models.generation import forward
from dashdoc.models.quoting import LONGEST_SENTENCE, OPENING, Opening, Quotable
from dashdoc.models.second_look import (
    MOST_READ,
    SENTENCES,
    Chances,
    likeliest,
    worth_a_second_look,
)
from dashdoc.prompts import NO_ANSWER
from tests.conftest import BUNDLED

TOKENIZER = AutoTokenizer.from_pretrained(BUNDLED)
PAGES = (
    "The bridge at Orrow\n\nThe bridge was built by Mr. J. Zimmermann in 1883. It cost too much, "
    "he said! Nobody\npaid him until 1901.\nThe bridge was built by hand (cheaply.) It stands.\n\n",
    "The bridge was painted by\n\n",
    "nobody until 1920. Paint came from Rye. It cost little; no more than tea.\n\n",
)
SENTENCES_OF_PAGES = [
    "The bridge at Orrow",
    "The bridge was built by Mr. J. Zimmermann in 1883.",
    "It cost too much, he said!",
    "Nobody paid him until 1901.",
    "The bridge was built by hand (cheaply.)",
    "It stands.",
    "The bridge was painted by nobody until 1920.",
    "Paint came from Rye.",
    "It cost little; no more than tea.",
]


def ids_of(text: str) -> list[int]:
    ids: list[int] = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    return ids


def quotable(*pages: str) -> Quotable:
    return Quotable(list(map(ids_of, pages)), ids_of(" " + NO_ANSWER), TOKENIZER)


@pytest.fixture(scope="module")
def babbling(tiny_checkpoint: Path) -> Model:
    return load_model(choose_model(str(tiny_checkpoint), device="cpu"))


class Asked:
    """A text that was read with a question, and how often the network was run since."""

    def __init__(self, model: Model, question: str) -> None:
        self.network = model.network
        self.cache = DashCache(model.config, 512)
        tokens = torch.tensor([ids_of("".join(PAGES) + question)])
        self.logits = forward(model.network, tokens, self.cache)
        self.chances = Chances(model.network, self.cache, self.logits)
        self.passes = 0
        self.hook = model.network.register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.passes += 1

    def one_by_one(self, opening: Opening) -> float:
        """The log-probability of an opening, token by token."""
        logits, end, total = self.logits, self.cache.length, 0.0
        for token in opening:
            total += float(logits[0].double().log_softmax(-1)[token])
            logits = forward(self.network, torch.tensor([[token]]), self.cache)
        self.cache.rewind(end)
        return total


@pytest.fixture(params=["Who?", "What was it?", "When was it painted?", "How so?", "Why?"])
def asked(babbling: Model, request: pytest.FixtureRequest) -> Iterator[Asked]:
    asked = Asked(babbling, request.param)
    yield asked
    asked.hook.remove()


def test_a_sentence_is_whole_where_it_is_abbreviated_or_runs_over_a_line_or_a_page() -> None:
    text = quotable(*PAGES)
    told = [TOKENIZER.decode(text.sentence(start)) for start in text.starts]
    assert [said for said in told if said[1:] in SENTENCES_OF_PAGES] == [
        f" {sentence}" for sentence in SENTENCES_OF_PAGES
    ]
    assert told[-1] == f" {NO_ANSWER}"


@pytest.mark.parametrize("sentence", SENTENCES_OF_PAGES)
def test_a_sentence_has_the_tokens_that_the_model_learned_to_quote(sentence: str) -> None:
    text = quotable(*PAGES)
    assert ids_of(" " + sentence) in [text.sentence(start) for start in text.starts]


def test_of_a_sentence_without_end_there_is_a_part() -> None:
    (first, *_) = (text := quotable("and so on " * 200)).starts
    assert text.sentence(first) == ids_of(" " + "and so on " * 200)[:LONGEST_SENTENCE]


def test_sentences_that_begin_alike_count_as_one() -> None:
    text = quotable("One two three four five six seven eight nine.\n" * 3)
    assert [len(starts) for starts in text.openings.values()] == [3, 1]


def test_the_likeliest_are_those_of_all_scored_token_by_token(asked: Asked) -> None:
    openings = list(quotable(*PAGES).openings)
    scores = {opening: asked.one_by_one(opening) for opening in openings}
    found = list(likeliest(asked.chances, openings))
    assert found == sorted(openings, key=scores.__getitem__, reverse=True)
    for opening in openings:
        assert asked.chances.of(opening) == pytest.approx(scores[opening], abs=1e-3)


def test_one_pass_tells_of_all_that_differ_in_the_last_token_only(asked: Asked) -> None:
    alike = [(*range(100, 107), last) for last in range(200, 260)]
    found = list(likeliest(asked.chances, alike))
    assert asked.passes == 1
    assert len(found) == len(alike)
    first, *_, last = (asked.one_by_one(opening) for opening in found)
    assert first > last


def test_no_more_is_read_than_the_likeliest_ask_for(asked: Asked) -> None:
    end = asked.cache.length
    openings = [tuple(ids_of(f" Line {n} tells of it.")[:OPENING]) for n in range(10, 60)]
    found = list(likeliest(asked.chances, openings))
    assert asked.passes == MOST_READ
    assert MOST_READ <= len(found) < len(openings)
    assert asked.cache.length == end
    scores = [asked.one_by_one(opening) for opening in found]
    assert scores == sorted(scores, reverse=True)


def test_a_few_are_looked_at_in_the_order_of_the_text(asked: Asked) -> None:
    text = quotable(*PAGES)
    ranked = sorted(text.openings, key=asked.one_by_one, reverse=True)
    few = worth_a_second_look(asked.chances, text)
    if ranked[0] == text.refusal:
        assert few == []
        return
    best = [opening for opening in ranked if opening != text.refusal][:SENTENCES]
    assert few == [opening for opening in text.openings if opening in best]


@pytest.mark.parametrize("liked", [True, False])
def test_where_the_refusal_is_likeliest_there_is_no_second_look(asked: Asked, liked: bool) -> None:
    text = quotable("Paint came from Rye. It stands.")
    logits = asked.logits.clone()
    logits[0, text.refusal[0]] += 200 if liked else -200
    few = worth_a_second_look(Chances(asked.network, asked.cache, logits), text)
    assert few == ([] if liked else list(text.openings)[:2])


@pytest.mark.parametrize(("more", "worth"), [(0, True), (200, False)])
def test_a_sentence_beyond_doubt_is_not_looked_at_again(
    asked: Asked, more: float, worth: bool
) -> None:
    text = quotable("Rye. Tea.")
    logits = asked.logits.clone()
    logits[0, text.refusal[0]] -= 200
    logits[0, ids_of(" Rye")[0]] += more
    chances = Chances(asked.network, asked.cache, logits)
    if more:  # and it is as sure of the rest
        opening = next(iter(text.openings))
        for count in range(1, len(opening)):
            chances._behind[opening[:count]] = np.zeros(logits.shape[1], np.float32)
    assert bool(worth_a_second_look(chances, text)) == worth
