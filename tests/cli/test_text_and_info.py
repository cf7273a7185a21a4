"""`dashdoc text` and `dashdoc info`: what can be told without a weight."""

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.conftest import SENTENCE


def test_text_shows_the_pages_with_their_markers(call: Call, report: Path) -> None:
    out = call("text", report).out
    assert [line for line in out.splitlines() if line.startswith("[Page")] == [
        f"[Page {page}]" for page in range(1, 5)
    ]
    assert SENTENCE in out


def test_text_shows_only_the_pages_asked_for(call: Call, report: Path) -> None:
    found = call("text", report, "--pages", "3", "--json").json
    assert [page["page"] for page in found["pages"]] == [3]
    assert SENTENCE in found["pages"][0]["text"]


def test_text_cannot_steer_the_terminal(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "hostile.txt"
    path.write_bytes(b"before \x1b[2J\x1b]0;title\x07 after\n")
    out = call("text", path).out
    assert "\x1b" not in out and "\x07" not in out
    assert "before" in out and "after" in out


def test_info_names_machine_and_model(call: Call) -> None:
    outcome = call("info")
    assert outcome.code == 0
    for word in ("Machine", "device", "memory free", "Model", "weights", "routing", "trained for"):
        assert word in outcome.out


def test_info_tells_whether_a_document_fits(call: Call, report: Path) -> None:
    out = call("info", report).out
    assert "report.pdf" in out
    assert "memory needed" in out
    assert out.rstrip().endswith("yes")


def test_info_counts_the_tokens_that_a_reading_has(call: Call, report: Path) -> None:
    told = call("info", report, "--json").json["estimate"]
    read = call("ask", report, "Who?", "--json").json["tokens"]["document"]
    assert told["tokens"] == read
    assert told["fits"] is True


@pytest.mark.usefixtures("short_memory")
def test_info_tells_what_is_too_long(call: Call, report: Path) -> None:
    outcome = call("info", report)
    assert outcome.code == 0
    assert "too many" in outcome.out


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_info_counts_quantised_weights(call: Call, bits: str) -> None:
    assert f", {bits} in the layers" in call("info", "--quantize", bits).out
    plain, fewer = (
        call("info", "--json", *arguments).json["model"] for arguments in ((), ("--quantize", bits))
    )
    assert (plain["quantization"], fewer["quantization"]) == (None, bits)
    assert fewer["weight_bytes"] < plain["weight_bytes"]


def test_without_its_library_quantize_is_a_usage_error(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    outcome = call("info", "--quantize", "4bit")
    assert outcome.code == 2
    assert "pip install bitsandbytes" in outcome.err


def test_info_says_why_the_model_was_chosen(call: Call) -> None:
    outcome = call("info", "--routing", "paper", "--json")
    assert outcome.json["model"]["routing"]["local_chunks"] == 2
    assert outcome.json["machine"]["device"]
    assert outcome.json["memory"]["largest_context"] > 0
