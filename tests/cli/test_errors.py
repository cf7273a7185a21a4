"""Every error: one message, its exit code, an object under `--json`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call


def test_a_missing_document_is_exit_3(call: Call) -> None:
    outcome = call("ask", "nowhere.pdf", "Who?")
    assert outcome.code == 3
    assert outcome.out == ""
    assert outcome.err.splitlines()[-1].startswith("dashdoc: error: nowhere.pdf does not exist")


def test_a_missing_model_is_exit_7(call: Call, report: Path) -> None:
    outcome = call("ask", report, "Who?", "--model", "./nowhere")
    assert outcome.code == 7
    assert "nowhere" in outcome.err


def test_a_missing_device_is_exit_6(call: Call, report: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    outcome = call("ask", report, "Who?", "--device", "cuda", "--json")
    assert outcome.code == 6
    assert outcome.json["error"]["kind"] == "device"


@pytest.mark.usefixtures("short_memory")
def test_what_does_not_fit_is_exit_5_before_a_weight_is_loaded(
    call: Call, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("dashdoc.models.loading.load_network")
    outcome = call("ask", report, "Who?")
    assert outcome.code == 5
    for words in ("memory holds 700", "GiB", "--pages 1-", "--truncate"):
        assert words in outcome.err


@pytest.mark.parametrize("flag", ["--json", "--jsonl"])
def test_an_error_is_an_object_on_stdout(call: Call, flag: str) -> None:
    outcome = call("ask", "nowhere.pdf", "Who?", flag, "--quiet")
    assert outcome.err == ""
    error = outcome.json["error"]
    assert (error["kind"], error["exit_code"]) == ("input", 3)
    assert error["path"] == "nowhere.pdf"


def test_a_usage_error_of_the_parser_is_an_object_too(call: Call) -> None:
    outcome = call("ask", "--json", "--nonsense")
    assert outcome.code == 2
    assert outcome.json["error"]["kind"] == "usage"
    assert "--nonsense" in outcome.json["error"]["message"]


def test_a_usage_error_names_the_help(call: Call) -> None:
    assert call("text").err.endswith("Try: dashdoc text --help\n")
    assert call("txt").err.endswith("Try: dashdoc --help\n")


def test_quiet_does_not_silence_errors(call: Call) -> None:
    assert "does not exist" in call("ask", "nowhere.pdf", "Who?", "--quiet").err


def test_no_traceback_but_for_vv(call: Call) -> None:
    assert "Traceback" not in call("ask", "nowhere.pdf", "Who?", "-v").err
    assert "Traceback" in call("ask", "nowhere.pdf", "Who?", "-vv").err


def test_an_unexpected_exception_is_one_line_and_exit_1(
    call: Call, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr("dashdoc.documents.read_document", break_down)
    outcome = call("ask", report, "Who?")
    assert outcome.code == 1
    assert "RuntimeError: the sky fell" in outcome.err
    assert "-vv" in outcome.err
    assert "Traceback" not in outcome.err


def test_an_interrupt_while_reading_is_exit_130_and_one_line(
    call: Call, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dashdoc.session.forward", interrupt)
    outcome = call("ask", report, "Who?")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err.splitlines()[-1] == "dashdoc: error: Interrupted."
