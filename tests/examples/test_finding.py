"""Where in the text an answer stands, and how a layer is taught to know it."""

import numpy as np
import pytest
import torch

from examples.train_bundled.finding import (
    FIRST_WORDS,
    HEAD_DIM,
    NOTHING,
    SENTENCE,
    WORD,
    Finder,
    Finders,
    places,
    side_by_side,
)
from examples.train_bundled.tasks import (
    ANSWER,
    ANSWER_NONE,
    ANSWER_READER,
    ANSWER_SUMMARY,
    IGNORED,
    TEXT,
)

TOLD = [7, 300, 301, 302, 303, 304, 9]  # a sentence
TEXT_TOKENS = [5, 6, *TOLD, 400, 401]
STOP = 2


def row(*answers: tuple[list[int], int]) -> tuple[np.ndarray, np.ndarray]:
    """A text, and answers of some kinds to questions of two tokens."""
    tokens, kinds = list(TEXT_TOKENS), [TEXT] * len(TEXT_TOKENS)
    for told, kind in answers:
        tokens += [11, 12, *told, STOP]
        kinds += [IGNORED] * 2 + [kind] * (len(told) + 1)
    return np.array(tokens, np.uint16), np.array(kinds, np.uint8)


@pytest.mark.parametrize("first", [7, 8], ids=["as in the text", "with a space before it"])
@pytest.mark.parametrize("kind", [ANSWER, ANSWER_READER])
def test_in_front_of_an_answer_stands_where_the_text_says_it(first: int, kind: int) -> None:
    found = places(*row(([first, *TOLD[1:]], kind)))
    asked = len(TEXT_TOKENS) + 1  # the last token of the question
    assert np.flatnonzero(found[SENTENCE]).tolist() == [asked]
    assert found[SENTENCE, asked] == 2 + len(TOLD) - 1
    assert np.flatnonzero(found[WORD]).tolist() == list(range(asked, asked + FIRST_WORDS))
    assert found[WORD, asked : asked + FIRST_WORDS].tolist() == [2, 3, 4, 5]


def test_a_short_answer_has_no_more_places_than_tokens() -> None:
    found = places(*row(([400, 401], ANSWER)))
    assert found[WORD][found[WORD] > 0].tolist() == [9, 10]


@pytest.mark.parametrize(
    ("told", "kind"),
    [(TOLD, ANSWER_NONE), (TOLD, ANSWER_SUMMARY), ([7, 500, 501], ANSWER), ([7], ANSWER)],
    ids=["a refusal", "a summary", "not in the text", "one token"],
)
def test_nothing_is_looked_for_where_the_text_does_not_say_it(told: list[int], kind: int) -> None:
    assert not places(*row((told, kind))).any()


def test_every_answer_of_a_row_has_its_own_place() -> None:
    found = places(*row((TOLD, ANSWER), ([400, 401], ANSWER_READER)))
    assert found[SENTENCE][found[SENTENCE] > 0].tolist() == [8, 10]


def test_tokens_are_not_taken_for_halves_of_two_others() -> None:
    # In bytes 02 01 04 03 06 05, which hold 01 04 03 06 as well.
    text, told = [0x0102, 0x0304, 0x0506], [1, 0x0401, 0x0603]
    tokens = np.array([5, *text, 6, 11, *told, STOP], np.uint16)
    kinds = np.array([TEXT] * 5 + [IGNORED] + [ANSWER] * 4, np.uint8)
    assert not places(tokens, kinds).any()


def test_what_rows_look_for_stands_side_by_side() -> None:
    sought = np.zeros((2, 2, 8), np.int32)
    sought[0, SENTENCE, [4, 6]] = 2, 3
    sought[1, SENTENCE, 5] = sought[1, WORD, 5] = 1
    sentences, words = side_by_side(sought)
    assert sentences.tolist() == [[[4, 6], [5, 0]], [[2, 3], [1, NOTHING]]]
    assert words.tolist() == [[[0], [5]], [[NOTHING], [1]]]


def same(size: int) -> Finder:
    """A finder for which two places are alike if their vectors are."""
    finder = Finder(size)
    for compared in (finder.asked, finder.held):
        torch.nn.init.eye_(compared.weight)
    return finder


def test_a_finder_finds_what_is_most_alike_in_the_text() -> None:
    states = torch.randn(2, 12, 64)
    text = torch.arange(12).expand(2, 12) < 8
    sought = torch.tensor([[[9, 10], [11, 0]], [[3, 5], [2, NOTHING]]])
    for batch, asking, target in ((0, 9, 3), (0, 10, 5), (1, 11, 2)):
        states[batch, asking] = states[batch, target]
    states[1, 9] = states[1, 11]  # no token of the text
    loss, found = same(64)(states, text, sought)
    assert found.tolist() == [[True, True], [True, False]] and loss[1, 1] == 0
    sought[1, 1, 0] = 4
    worse, found = same(64)(states, text, sought)
    assert found.tolist() == [[True, True], [False, False]]
    assert worse[1, 0] > loss[1, 0] and torch.equal(worse[0], loss[0])


def test_the_layers_before_a_look_learn_from_it_and_readers_are_told() -> None:
    rows = [row((TOLD, ANSWER), ([400, 401], ANSWER_READER)) for _ in range(2)]
    kinds = torch.from_numpy(np.stack([kinds for _, kinds in rows]))
    sought = side_by_side(np.stack([places(*made) for made in rows]))
    states = [torch.randn(2, kinds.shape[1], 64, requires_grad=True) for _ in range(4)]
    finders = Finders(64, 3, {1: SENTENCE, 2: WORD, 5: WORD})
    loss, shares = finders(states, kinds, sought)
    loss.backward()
    assert [state.grad is not None for state in states] == [False, True, True, False]
    assert shares.keys() == {"sentence_1", "word_2"}
    assert finders.of_layer["1"].asked.weight.shape == (HEAD_DIM, 64)
    for state, target in ((states[1], 10), (states[2], 9)):
        place = int(np.flatnonzero(places(*rows[0])[WORD])[FIRST_WORDS])
        with torch.no_grad():
            state[:, place] = state[:, target]
    finders.of_layer.update({"1": same(64), "2": same(64)})
    _, shares = finders(states, kinds, sought)
    assert shares["sentence_1"] == 1 and shares["word_2"] == 1


def test_a_batch_without_answers_from_the_text_teaches_nothing() -> None:
    _, kinds = row((TOLD, ANSWER_SUMMARY))
    finders = Finders(64, 3, {1: SENTENCE, 2: WORD})
    states = [torch.randn(2, len(kinds), 64) for _ in range(4)]
    sought = side_by_side(np.zeros((2, 2, len(kinds)), np.int32))
    loss, _ = finders(states, torch.from_numpy(kinds).expand(2, -1), sought)
    loss.backward()
    assert loss == 0
    assert not any(weight.grad is None or weight.grad.any() for weight in finders.parameters())
