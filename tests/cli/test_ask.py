"""`dashdoc ask`: the answer, where it stands, and how the call may be written."""

import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.conftest import SENTENCE


def test_the_answer_alone_is_on_stdout_with_its_page(call: Call, report: Path) -> None:
    outcome = call("ask", report, "Who signed the treaty?")
    assert outcome.code == 0
    assert outcome.out == f"{SENTENCE} (p. 3)\n"


def test_text_without_pages_is_cited_by_line(call: Call, notes: Path) -> None:
    assert call("ask", notes, "Who signed?").out == f"{SENTENCE} (line 4)\n"


def test_one_of_several_documents_is_cited_by_name(call: Call, report: Path, notes: Path) -> None:
    outcome = call("ask", report, notes, "-q", "Who signed?")
    assert outcome.out == f"{SENTENCE} (report.pdf p. 3)\n"


def test_several_questions_over_one_reading(call: Call, report: Path) -> None:
    outcome = call("ask", report, "-q", "Who signed?", "-q", "Where?")
    assert outcome.out == f"{SENTENCE} (p. 3)\n" * 2
    assert outcome.err.count("Reading") == 1
    assert "Where?" in outcome.err


def test_a_quote_that_is_not_there_gets_no_page(call: Call, report: Path) -> None:
    outcome = call("ask", report, "Who signed?", "--pages", "1-2")
    assert outcome.out == f"{SENTENCE}\n"
    assert "not found in the document word for word" in outcome.err


def test_stderr_has_a_line_a_stage_and_the_measures(call: Call, report: Path) -> None:
    err = call("ask", report, "Who signed?").err
    stages = [line.split()[1] for line in err.splitlines() if line.startswith("dashdoc: ")]
    assert stages == ["Parsing", "Loading", "Reading"]
    for word in ("first token", "tokens/s", "sparsity", "peak memory", "4 pages"):
        assert word in err


def test_quiet_leaves_the_answer_only(call: Call, report: Path) -> None:
    outcome = call("ask", report, "Who signed?", "--quiet", "-v")
    assert (outcome.out, outcome.err) == (f"{SENTENCE} (p. 3)\n", "")


def test_verbose_shows_each_layer(call: Call, report: Path) -> None:
    assert "each layer while answering" in call("ask", report, "Who signed?", "-v").err


def test_max_tokens_cuts_the_answer_and_says_so(call: Call, report: Path) -> None:
    outcome = call("ask", report, "Who signed?", "--max-tokens", "3")
    assert SENTENCE.startswith(outcome.out.split(" (")[0].rstrip())
    assert "--max-tokens 3" in outcome.err


def test_json_is_one_object_with_every_figure(call: Call, report: Path) -> None:
    found = call("ask", report, "Who signed?", "--json").json
    assert found["answer"] == SENTENCE
    assert found["pages"] == [3]
    assert found["citations"][0]["page"] == 3
    assert found["finish_reason"] == "stop"
    assert found["tokens"]["document"] < found["tokens"]["prompt"]
    for while_ in ("reading", "answering"):
        figures = found["sparsity"][while_]
        assert set(figures) == {"sparsity", "sparsity_token_mean", "sparsity_authors"}
        assert 0 < figures["sparsity"] < 1
    assert found["latency"]["first_token_seconds"] > 0
    assert found["memory"]["peak_bytes"] > 0
    assert found["model"]["routing"]["chunk_size"] == 16
    assert found["documents"][0]["total_pages"] == 4
    assert found["versions"]["torch"]
    assert found["truncation"] is None
    assert found["notices"] == []


def test_json_of_several_questions_is_a_list_of_answers(call: Call, report: Path) -> None:
    found = call("ask", report, "-q", "Who?", "-q", "Where?", "--json").json
    assert [answer["question"] for answer in found["answers"]] == ["Who?", "Where?"]
    assert found["documents"][0]["name"] == "report.pdf"


def test_jsonl_is_a_line_an_answer(call: Call, report: Path) -> None:
    lines = call("ask", report, "-q", "Who?", "-q", "Where?", "--jsonl").out.splitlines()
    assert [json.loads(line)["question"] for line in lines] == ["Who?", "Where?"]


def test_routing_options_reach_the_model(call: Call, report: Path) -> None:
    options = ("--routing", "paper", "--scale", "2", "--chunk-size", "32", "--device", "cpu")
    routing = call("ask", report, "Who?", "--json", *options).json["model"]["routing"]
    assert routing["chunk_size"] == 32
    assert routing["scaling_factor"] == 2
    assert routing["rotate_head_query"] is True


def test_standard_input_is_a_document(
    call: Call, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(notes.read_bytes())))
    assert call("ask", "-", "Who signed?").out == f"{SENTENCE} (line 4)\n"


def test_two_dashes_end_the_options(
    call: Call, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--json").write_bytes(notes.read_bytes())
    assert call("ask", "--", "--json", "-Who?").out == f"{SENTENCE} (line 4)\n"


def test_a_document_that_does_not_fit_is_refused_with_the_numbers(
    call: Call, report: Path, short_memory: None
) -> None:
    outcome = call("ask", report, "Who signed?", "--json")
    assert outcome.code == 5
    error = outcome.json["error"]
    assert error["kind"] == "does_not_fit"
    assert error["tokens"] > error["limit"] > 0
    assert 1 <= error["last_page_that_fits"] < 4


@pytest.mark.parametrize("cut", ["head", "tail", "middle"])
def test_what_is_left_out_on_request_is_said(
    call: Call, report: Path, short_memory: None, cut: str
) -> None:
    outcome = call("ask", report, "Who signed?", "--truncate", cut, "--json")
    assert outcome.code == 0
    assert outcome.json["truncation"]["cut"] == cut
    assert "Left out" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name a document"),
        (("REPORT",), "question is due last"),
        (("nothing here",), "Ask something"),
        (("REPORT", "NOTES"), "-q"),
        (("REPORT", "NOTES", "Who?"), "-q"),
        (("REPORT", " "), "empty"),
        (("-", "-", "-q", "Who?"), "only once"),
        (("REPORT", "Who?", "--truncate", "end"), "--truncate"),
        (("REPORT", "Who?", "--max-tokens", "0"), "--max-tokens"),
        (("REPORT", "Who?", "--pages", "4-2"), "--pages"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_call_that_cannot_be_meant_is_exit_2(
    call: Call, report: Path, notes: Path, arguments: tuple[str, ...], said: str
) -> None:
    files = {"REPORT": str(report), "NOTES": str(notes)}
    outcome = call("ask", *(files.get(argument, argument) for argument in arguments))
    assert outcome.code == 2
    assert outcome.out == ""
    assert said in outcome.err
