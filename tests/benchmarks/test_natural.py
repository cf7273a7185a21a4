"""The natural questions: their data, their scoring, and the benchmark on two passages."""

import json
from dataclasses import replace
from pathlib import Path

import natural
import pytest
from natural import Outcome, summary
from natural_cases import (
    DATA,
    KINDS,
    Passage,
    Question,
    judge,
    load_passages,
    most_alike,
    right_pages,
)
from sources import paginate

from dashdoc.prompts import NO_ANSWER

PASSAGES = load_passages()
ASKED = [(passage, question) for passage in PASSAGES for question in passage.questions]
DOG = Question("what", "What barked?", ("The old dog barked at  the gate.", "It was the dog."))


def words(text: str) -> int:
    """A stand-in for a tokenizer."""
    return len(text.split())


def test_there_are_enough_passages_and_questions() -> None:
    assert len(PASSAGES) >= 24
    assert sum(bool(question.answers) for _, question in ASKED) >= 140
    assert sum(not question.answers for _, question in ASKED) >= 24
    assert {question.kind for _, question in ASKED} == set(KINDS)
    assert len({question.text for _, question in ASKED}) == len(ASKED)
    assert sum(file.stat().st_size for file in DATA.glob("natural_*")) <= 500_000


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: passage.name)
def test_a_passage_tells_its_source_and_holds_each_right_sentence_once(passage: Passage) -> None:
    assert 600 <= words(passage.text) <= 2_500
    assert all((passage.source, passage.license, passage.title, passage.attribution))
    assert passage.source in (DATA / "README.md").read_text("utf-8")
    pages = paginate(passage.text, words)
    for question in passage.questions:
        assert question.text.endswith("?")
        for sentence in question.answers:
            assert passage.text.count(sentence) == 1
            assert len(right_pages(pages, Question("", "", (sentence,)))) == 1


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("The old dog barked at the gate.", "right"),
        ("First.  The old\ndog barked at the gate. Then", "right"),
        ("It was the dog.", "right"),
        ("the old dog barked at the gate", "near"),
        ("An old dog barked at the gate.", "near"),
        ("The dog barked.", "wrong"),
        ("", "wrong"),
        (f" {NO_ANSWER}\n", "refused"),
    ],
)
def test_an_answer_is_judged_by_the_sentence_that_is_right(answer: str, verdict: str) -> None:
    assert judge(answer, DOG, NO_ANSWER) == verdict


def test_what_no_sentence_answers_is_refused_or_wrong() -> None:
    unanswered = Question("who", "Who owned the dog?", ())
    assert judge(NO_ANSWER, unanswered, NO_ANSWER) == "refused"
    assert judge("It was the dog.", unanswered, NO_ANSWER) == "wrong"


def test_a_search_takes_the_sentence_with_most_of_the_rare_words() -> None:
    told = ["The dog and the cat.", "The cat sat.", "A cat and the owl.", "The cat barked."]
    assert most_alike("Which cat barked?", told) == told[3]
    assert most_alike("And the dog?", told) == told[0]
    assert most_alike("Quite other words?", told) == told[0]


def test_the_right_pages_are_those_with_a_right_sentence() -> None:
    pages = ["Night. The old dog barked at the gate.", "It was late.", "It was the dog. So."]
    assert right_pages(pages, DOG) == {1, 3}


def test_pages_are_counted_over_the_answers_that_could_name_one() -> None:
    outcomes = [
        Outcome("a", DOG, "", "right", True),
        Outcome("a", DOG, "", "near", False),
        Outcome("a", DOG, "", "wrong", False),
        Outcome("a", DOG, "", "refused", None),
    ]
    row = summary("all", outcomes)
    assert (row.number, row.right, row.near, row.refused, row.wrong) == (4, 0.25, 0.25, 0.25, 0.25)
    assert row.cited == 0.3333
    assert summary("all", outcomes[3:]).cited is None


def test_the_benchmark_runs_on_two_passages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short = [replace(passage, questions=passage.questions[-3:]) for passage in PASSAGES[:2]]
    assert [bool(question.answers) for question in short[0].questions] == [True, True, False]
    result, answers = tmp_path / "result.json", tmp_path / "answers.jsonl"
    monkeypatch.setattr(natural, "load_passages", lambda: short)
    monkeypatch.setattr("sys.argv", ["", "--json", str(result), "--answers", str(answers)])
    natural.main()
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report == json.loads(result.read_text("utf-8"))
    rows = {row["questions"]: row for row in report["rows"]}
    assert (rows["all"]["number"], rows["unanswered"]["number"]) == (4, 2)
    assert (rows["all, in pages"]["number"], rows["unanswered, in pages"]["number"]) == (4, 2)
    assert rows["all, by search"]["number"] == 4
    assert rows["all"]["cited"] is None
    assert rows["unanswered, in pages"]["cited"] is None
    assert len(answers.read_text("utf-8").splitlines()) == 12
