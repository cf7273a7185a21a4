"""Measures are plain data: what is measured can be written down as JSON and read again."""

import json
from dataclasses import fields

import pytest

from dashdoc.measures import Answer, Citation, Reading, Routing, Truncation, to_json


@pytest.fixture
def routing() -> Routing:
    return Routing(
        tokens=40,
        chunk_size=16,
        sparsity=0.25,
        sparsity_token_mean=0.2,
        sparsity_authors=None,
        per_layer=[0.2, 0.3],
        per_head=[[0.2], [0.3]],
        along=[[0.0, 0.4], [0.1, 0.5]],
        edges=[0, 16, 48],
    )


@pytest.fixture
def reading(routing: Routing) -> Reading:
    left_out = Truncation("tail", 12, {"report.pdf": "3-4"})
    return Reading(["report.pdf"], 4, 40, 2.0, 20.0, 1 << 30, routing, left_out)


@pytest.fixture
def answer(routing: Routing) -> Answer:
    quotes = [
        Citation("Dues are paid.", "report.pdf", 3, "iii", None),
        Citation("Dues are paid.", "notes.txt", None, None, (4, 5)),
        Citation("Nobody said this.", None, None, None, None),
    ]
    return Answer("Who?", "„Ü“", "stop", 50, 3, 0.1, 0.3, 10.0, 1 << 30, routing, quotes, [3])


@pytest.mark.parametrize("measure", ["routing", "reading", "answer"])
def test_json_holds_every_field(measure: str, request: pytest.FixtureRequest) -> None:
    value = request.getfixturevalue(measure)
    written = json.loads(json.dumps(to_json(value)))
    assert set(written) == {field.name for field in fields(value)}


def test_json_keeps_what_was_measured(reading: Reading, answer: Answer) -> None:
    written = json.loads(json.dumps([to_json(reading), to_json(answer)]))
    assert written[0]["routing"]["along"] == [[0.0, 0.4], [0.1, 0.5]]
    assert written[0]["truncation"] == {"cut": "tail", "tokens": 12, "pages": {"report.pdf": "3-4"}}
    assert written[1]["text"] == "„Ü“"
    assert [citation["lines"] for citation in written[1]["citations"]] == [None, [4, 5], None]
    assert written[1]["routing"]["sparsity_authors"] is None
