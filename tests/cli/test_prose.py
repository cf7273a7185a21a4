"""The model's text as it streams: whole words on a terminal, everything at once in a pipe."""

import pytest

from dashdoc.cli.prose import Prose
from dashdoc.cli.terminal import Terminal

TEXT = "The treaty was signed by Ilse Hartmann in the old harbour."


def streamed(capsys: pytest.CaptureFixture[str], text: str, size: int, behind: str = "") -> str:
    prose = Prose(Terminal())
    for start in range(0, len(text), size):
        prose.write(text[start : start + size])
    prose.end(behind)
    return capsys.readouterr().out


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Terminal, "width", 20)


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.usefixtures("narrow")
def test_on_a_terminal_lines_break_between_words(
    capsys: pytest.CaptureFixture[str], size: int
) -> None:
    out = streamed(capsys, TEXT, size)
    assert max(map(len, out.splitlines())) <= 20
    assert out.split() == TEXT.split()
    assert out.endswith("harbour.\n")


@pytest.mark.usefixtures("narrow")
def test_the_models_own_lines_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert streamed(capsys, "One two\n\n- three\n- four", 2) == "One two\n\n- three\n- four\n"


@pytest.mark.usefixtures("narrow")
def test_what_stands_behind_the_text_is_not_parted(capsys: pytest.CaptureFixture[str]) -> None:
    assert streamed(capsys, "Seventeen letters", 4, " (p. 2)") == "Seventeen letters\n(p. 2)\n"
    assert streamed(capsys, "Few letters", 4, " (p. 2)") == "Few letters (p. 2)\n"


@pytest.mark.usefixtures("narrow")
def test_wide_characters_count_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert streamed(capsys, "條約是在舊港口 簽署的條約", 1) == "條約是在舊港口\n簽署的條約\n"


@pytest.mark.parametrize("size", [1, 3, 100])
def test_in_a_pipe_nothing_is_broken(capsys: pytest.CaptureFixture[str], size: int) -> None:
    assert streamed(capsys, TEXT + " \n", size, " (p. 2)") == TEXT + " (p. 2)\n"


def test_a_piece_is_written_at_once_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    Prose(Terminal()).write("The trea")
    assert capsys.readouterr().out == "The trea"
