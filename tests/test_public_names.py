"""The Python API: what `import dashdoc` gives, and that it waits for torch until it is used."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import dashdoc

ROOT = Path(__file__).parent.parent
NAMES = ["DashdocError", "Document", "Model", "Session", "load_model", "read_document"]


def test_the_public_names_are_these() -> None:
    assert dashdoc.__all__ == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name: str) -> None:
    assert getattr(dashdoc, name).__name__ == name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'dashdoc' has no attribute 'answer_everything'"):
        _ = dashdoc.answer_everything


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_explained(name: str) -> None:
    assert f"| `{name}" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["README.md", "docs/api.md", "examples/ask.py"])
def test_examples_use_public_names_only(path: str) -> None:
    used = re.findall(r"\bdashdoc\.([A-Za-z_]+)\(", (ROOT / path).read_text(encoding="utf-8"))
    assert used
    assert set(used) <= set(NAMES)


def test_the_example_of_the_page_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    example = "\n".join(re.findall(r"^ {4}(.*)$", page, re.MULTILINE))
    monkeypatch.chdir(ROOT)
    exec(example, {})
    assert re.fullmatch(r".+ \[[\d, ]*\] \d+% skipped\n", capsys.readouterr().out)


@pytest.mark.parametrize("statement", ["import dashdoc", "import dashdoc, dashdoc.cli.entry"])
def test_importing_waits_for_torch(statement: str) -> None:
    script = f"{statement}, sys; print(*{{'torch', 'transformers', 'triton'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("", "")


def test_the_version_is_that_of_the_package() -> None:
    assert f'version = "{dashdoc.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_the_example_answers_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "ask.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "tokens\n" in done.stdout and "pages [" in done.stdout
