"""`dashdoc chat` from a pipe: lines in, answers out, and what the commands show."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashdoc.measures import Reading
from dashdoc.session import Session
from tests.cli.conftest import Call, Outcome
from tests.conftest import SENTENCE

Chat = Callable[..., Outcome]


@pytest.fixture
def chat(call: Call, monkeypatch: pytest.MonkeyPatch) -> Chat:
    """Chat about documents, the lines coming from a pipe."""

    def chat(lines: list[str], *arguments: str | Path) -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return call("chat", *arguments)

    return chat


def test_each_line_is_answered_on_stdout(chat: Chat, report: Path) -> None:
    outcome = chat(["Who signed?", "", "  ", "Where?"], report)
    assert outcome.code == 0
    assert outcome.out == f"{SENTENCE} (p. 3)\n" * 2


def test_the_document_is_read_once(
    chat: Chat, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = []
    read = Session.read

    def counted(session: Session, *given: Any, **named: Any) -> Reading:
        readings.append(session)
        return read(session, *given, **named)

    monkeypatch.setattr(Session, "read", counted)
    outcome = chat(["Who signed?", "/new", "Where?", "When?"], report)
    assert outcome.out.count(SENTENCE) == 3
    assert len(readings) == 1


def test_stderr_has_the_reading_and_a_line_an_answer(chat: Chat, report: Path) -> None:
    err = chat(["Who signed?"], report).err.splitlines()
    assert err[-3].startswith("report.pdf: 4 pages, ") and "sparsity" in err[-3]
    assert err[-2] == "Who signed?"
    assert "first after" in err[-1] and "sparsity" in err[-1]


def test_verbose_shows_each_layer(chat: Chat, report: Path) -> None:
    assert chat(["Who?", "When?"], report, "-v").err.count("each layer while answering") == 2


def test_quiet_leaves_the_answers_only(chat: Chat, report: Path) -> None:
    outcome = chat(["Who signed?"], report, "--quiet")
    assert (outcome.out, outcome.err) == (f"{SENTENCE} (p. 3)\n", "")


def test_jsonl_is_an_object_a_question(chat: Chat, report: Path) -> None:
    lines = chat(["Who?", "/pages", "Where?"], report, "--jsonl").out.splitlines()
    answers = [json.loads(line) for line in lines]
    assert [answer["question"] for answer in answers] == ["Who?", "Where?"]
    assert answers[0]["pages"] == [3]
    assert answers[0]["documents"][0]["name"] == "report.pdf"
    assert answers[1]["tokens"]["prompt"] > answers[0]["tokens"]["prompt"], "it follows the first"


def test_nothing_asked_is_nothing_answered(chat: Chat, report: Path) -> None:
    outcome = chat([], report)
    assert (outcome.code, outcome.out) == (0, "")


def test_a_question_that_fails_does_not_end_it(
    chat: Chat, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashdoc.models.loading.largest_context", lambda *_: 3000)
    long = "Who signed the treaty, and where? " * 300
    outcome = chat([long, "Who signed?"], report)
    assert outcome.code == 4
    assert outcome.out == f"{SENTENCE} (p. 3)\n"
    assert "dashdoc: error: The question has" in outcome.err


def test_a_failure_is_an_object_under_jsonl(chat: Chat, report: Path) -> None:
    outcome = chat(["/nonsense", "Who?"], report, "--jsonl")
    failure, answer = map(json.loads, outcome.out.splitlines())
    assert outcome.code == 4
    assert (failure["error"]["kind"], failure["error"]["line"]) == ("usage", "/nonsense")
    assert answer["answer"] == SENTENCE


def test_out_of_memory_forgets_the_earlier_turns(
    chat: Chat, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from dashdoc.models.generation import forward

    def fail_at_the_second(*given: object) -> torch.Tensor:
        if "Second" in "".join(asked):
            asked.clear()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(*given)

    asked: list[str] = []
    heading = "dashdoc.cli.terminal.Terminal.heading"
    monkeypatch.setattr(heading, lambda _, question: asked.append(question))
    monkeypatch.setattr("dashdoc.answer_stream.forward", fail_at_the_second)
    outcome = chat(["First?", "Second?", "Third?"], report)
    assert outcome.code == 4
    assert outcome.out == f"{SENTENCE} (p. 3)\n" * 2
    assert "Out of memory" in outcome.err
    assert "The earlier questions are forgotten" in outcome.err


def test_a_full_context_is_rewound_and_says_so(
    chat: Chat, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = chat([], report).err
    tokens = int(read.split(" tokens read")[0].split()[-1].replace(",", ""))
    monkeypatch.setattr("dashdoc.models.Model.trained_tokens", tokens + 230)
    outcome = chat(["Who?"] * 4, report, "--max-tokens", "100")
    assert outcome.out == f"{SENTENCE} (p. 3)\n" * 4
    assert "The context is full: the earlier questions are forgotten." in outcome.err


def test_pages_names_those_cited_so_far(chat: Chat, report: Path, notes: Path) -> None:
    assert chat(["/pages"], report).err.splitlines()[-1].split() == ["report.pdf", "4", "-"]
    assert chat(["Who?", "/pages"], report).err.splitlines()[-1].split() == ["report.pdf", "4", "3"]
    lines = chat(["Who?", "/pages"], notes).err.splitlines()
    assert lines[-1].split() == ["notes.txt", "-", "lines", "4"]


def test_pages_says_how_many_were_chosen(chat: Chat, report: Path) -> None:
    err = chat(["/pages"], report, "--pages", "2-3").err
    assert err.splitlines()[-1].split() == ["report.pdf", "2", "of", "4", "-"]


def test_routing_shows_the_map_of_the_reading(chat: Chat, report: Path) -> None:
    outcome = chat(["/routing"], report)
    assert outcome.out == ""
    assert "sparsity_token_mean" in outcome.err
    assert "layer 1" in outcome.err and "p. 1" in outcome.err


def test_save_writes_markdown(chat: Chat, report: Path, tmp_path: Path) -> None:
    target = tmp_path / "a talk.md"
    outcome = chat(["Who signed?", f"/save {target}"], report)
    assert f"Saved {target}." in outcome.err
    assert target.read_text("utf-8") == (f"# report.pdf\n\n## Who signed?\n\n{SENTENCE} (p. 3)\n")


def test_save_keeps_what_new_forgot_and_says_what_was_cut(
    chat: Chat, report: Path, tmp_path: Path
) -> None:
    target = tmp_path / "talk.md"
    chat(["Who?", "/new", "Where?", f"/save {target}"], report, "--max-tokens", "3")
    saved = target.read_text("utf-8")
    assert "## Who?" in saved and "## Where?" in saved
    assert saved.count("(length)") == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/save TALK", "exists already"),
        ("/save TALK/under.md", "cannot be written"),
        ("/save", "Write: /save FILE"),
        ("/pages 3", "Write: /pages"),
        ("/quit", "There is no command /quit. /help lists them"),
    ],
)
def test_a_command_that_cannot_be_done_is_one_line(
    chat: Chat, report: Path, tmp_path: Path, line: str, said: str
) -> None:
    talk = tmp_path / "talk.md"
    talk.write_text("kept", "utf-8")
    outcome = chat(["Who?", line.replace("TALK", str(talk))], report)
    assert outcome.code == 4
    assert said in outcome.err.splitlines()[-1]
    assert talk.read_text("utf-8") == "kept"


def test_an_empty_talk_is_not_saved(chat: Chat, report: Path, tmp_path: Path) -> None:
    outcome = chat([f"/save {tmp_path / 'talk.md'}"], report)
    assert "no answer to save yet" in outcome.err
    assert not any(tmp_path.iterdir())


def test_help_names_every_command(chat: Chat, report: Path) -> None:
    err = chat(["/help"], report).err
    for word in ("/pages", "/routing", "/save FILE", "/new", "/help", "Ctrl-C", "Ctrl-D"):
        assert word in err


def test_standard_input_is_no_document(chat: Chat) -> None:
    outcome = chat(["Who?"], "-")
    assert outcome.code == 2
    assert "brings the questions" in outcome.err


def test_a_missing_document_is_exit_3(chat: Chat) -> None:
    assert chat(["Who?"], "nowhere.pdf").code == 3


def test_json_is_for_one_object_and_a_chat_has_many(chat: Chat, report: Path) -> None:
    assert chat(["Who?"], report, "--json").code == 2
