"""Questions in other words than the sentence that answers them."""

from random import Random

import pytest

from examples.train_bundled.paraphrase import Synonyms


@pytest.fixture(scope="module")
def synonyms() -> Synonyms:
    words = (
        "n build: figure, shape", "v build: construct, make", "v make: build",
        "n child: kid, youngster", "n city: metropolis", "v purchase: buy", "v buy: purchase",
        "a large: big, ample", "n reason: ground", "v see: view", "v view: see",
    )  # fmt: skip
    forms = ("v build built", "v buy bought", "v make made", "n child children", "v see saw seen")
    return Synonyms(words, forms)


def test_a_paraphrase_has_other_words_and_keeps_names(synonyms: Synonyms) -> None:
    question = "When did the children of Talvey build the large house near Talvey Mill?"
    answer = "The children of Talvey build the large house near Talvey Mill."
    rng = Random(0)
    told = {synonyms.paraphrase(question, answer, "a child", rng) for _ in range(300)}
    assert len(told) > 4
    assert all("Talvey Mill" in t and t.startswith("When did the") for t in told)
    assert any("construct" in t for t in told) and any("kids" in t for t in told)
    assert all("children" in synonyms.paraphrase(question, answer, question, rng) for _ in told)


@pytest.mark.parametrize(
    ("word", "before", "other"),
    [
        ("purchased", "he", "bought"),
        ("cities", "many", "metropolises"),
        ("build", "did", "construct"),
        ("build", "the", "shape"),
        ("building", "was", "constructing"),
        ("reason", "the", "ground"),
        ("viewed", "was", "seen"),
        ("saw", "he", "viewed"),
    ],
)
def test_synonyms_have_the_form_of_the_word(
    synonyms: Synonyms, word: str, before: str, other: str
) -> None:
    rng = Random(0)
    assert other in {synonyms.synonym(word, before, rng) for _ in range(200)}


def test_the_synonyms_of_the_training_are_other_words() -> None:
    synonyms, rng = Synonyms.load(), Random(0)
    told = {synonyms.synonym("bought", "he", rng) for _ in range(200)}
    assert "purchased" in told and None not in told and "bought" not in told
    assert synonyms.synonym("qwertz", "the", rng) is None
