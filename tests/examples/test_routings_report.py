"""The table and the plot of the comparison, from what runs wrote."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from examples.compare_routings import report


def a_run(
    routing: str,
    setting: float | None,
    seed: int,
    density: float,
    right: float,
    steps: int = 1000,
    **changes: object,
) -> dict[str, object]:
    return {
        "routing": routing,
        "setting": setting,
        "seed": seed,
        "steps": steps,
        "changes": changes,
        "tokens": 65_536 * steps,
        "parameters": 13_768_704,
        "training": {"seconds": 300.0, "text_loss": 4.0, "answer_loss": 0.1},
        "evaluation": [
            {
                "tokens": tokens,
                "density": density,
                "loss": 4.0,
                **dict.fromkeys(report.TASKS, right),
                "cases": {},
            }
            for tokens in (4096, 8192)
        ],
        "machine": "a GPU",
        "torch": "2",
    }


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    made = [
        a_run("nsa", 16, 0, 0.25, 0.4),
        a_run("ours", 4, 0, 0.1, 0.6),
        a_run("ours", 2, 0, 0.2, 0.7),
        a_run("ours", 2, 1, 0.3, 0.9),
        a_run("full", None, 0, 1.0, 0.95),
    ]
    paths = [tmp_path / f"{number}.json" for number in range(len(made))]
    for path, run in zip(paths, made, strict=True):
        path.write_text(json.dumps(run), encoding="utf-8")
    return paths


@pytest.fixture
def docs(tmp_path: Path, runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "routings.md").write_text("# Routings\n\nWritten.\n\n## Measured\n\nold\n", "utf-8")
    monkeypatch.setattr(sys, "argv", ["report", *map(str, runs), "--docs", str(folder)])
    report.main()
    return folder


def test_seeds_are_joined_and_the_rest_stands_apart(docs: Path) -> None:
    text = (docs / "routings.md").read_text("utf-8")
    assert text.count("DashAttention | 2 | 1,000 | 2 | 25.0% ± 5.0 | 80.0% ± 10.0 |") == 2
    assert text.count("| full attention |  | 1,000 | 1 | 100.0% | 95.0% |") == 2
    rows = [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| 4,096")]
    assert rows == ["full attention", "DashAttention", "DashAttention", "NSA"]


def test_the_losses_of_the_training_are_told_for_every_routing(docs: Path) -> None:
    text = (docs / "routings.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.endswith(("| 0.100 |", "0.100 ± 0.000 |"))]
    named = [row.split(" | ")[:2] for row in rows]
    assert named == [
        ["| full attention", ""],
        ["| DashAttention", "2"],
        ["| DashAttention", "4"],
        ["| NSA", "16"],
    ]


def test_what_was_written_by_hand_stays(docs: Path) -> None:
    text = (docs / "routings.md").read_text("utf-8")
    assert text.startswith("# Routings\n\nWritten.\n\n## Measured\n")
    assert "old" not in text
    assert "5 runs of 1,000 steps (66 million tokens) on a GPU" in text


def page_of(made: list[dict[str, object]], folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    paths = [folder / f"{number}.json" for number in range(len(made))]
    for path, run in zip(paths, made, strict=True):
        path.write_text(json.dumps(run), encoding="utf-8")
    arguments = ["report", *map(str, paths), "--docs", str(folder), "--page", "ablations"]
    monkeypatch.setattr(sys, "argv", arguments)
    report.main()
    return (folder / "ablations.md").read_text("utf-8")


def test_what_was_changed_stands_beside_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        a_run("mean", 2, 0, 0.2, 0.5),
        a_run("ours", 2, 0, 0.2, 0.8, chunk_size=64),
        a_run("ours", 2, 0, 0.2, 0.7),
    ]
    text = page_of(made, tmp_path, monkeypatch)
    assert text.startswith("# Ablations\n\n## Measured\n\n![") and "](ablations.svg)" in text
    rows = [line.split(" | ")[1:3] for line in text.splitlines() if line.startswith("| 4,096")]
    assert rows == [
        ["DashAttention", "2"],
        ["DashAttention", "2, chunk_size 64"],
        ["DashAttention, mean keys", "2"],
    ]
    assert (tmp_path / "ablations.svg").exists()


def test_runs_of_different_lengths_are_not_joined_nor_plotted_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [a_run("ours", 2, 0, 0.2, 0.8, 2000), a_run("ours", 2, 0, 0.2, 0.5)]
    text = page_of(made, tmp_path, monkeypatch)
    rows = [line.split(" | ")[3:7] for line in text.splitlines() if line.startswith("| 4,096")]
    assert rows == [
        ["1,000", "1", "20.0%", "50.0%"],
        ["2,000", "1", "20.0%", "80.0%"],
    ]
    assert "2 runs of 1,000, 2,000 steps (66, 131 million tokens)" in text
    assert "![" not in text and not (tmp_path / "ablations.svg").exists()


def test_the_loss_on_text_is_told_where_a_run_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = a_run("full", None, 0, 1.0, 0.9)
    for measured in without["evaluation"]:  # type: ignore[attr-defined]
        del measured["loss"]
    text = page_of([without, a_run("ours", 2, 0, 0.2, 0.8)], tmp_path, monkeypatch)
    rows = [line.split(" | ")[-1] for line in text.splitlines() if line.startswith("| 4,096")]
    assert rows == ["– |", "4.000 |"]


def test_the_plot_draws_every_routing() -> None:
    names = list(report.NAMES.values())
    drawn = report.plot([report.Point("4,096 tokens", name, 0.5, 0.5) for name in names])
    assert all(f">{name}</text>" in drawn for name in names)


def test_the_plot_has_a_panel_a_length_and_a_point_a_line(docs: Path) -> None:
    tree = ET.parse(docs / "routings.svg")
    tags = [element.tag.rpartition("}")[2] for element in tree.iter()]
    texts = [element.text for element in tree.iter() if element.tag.endswith("text")]
    assert {"4,096 tokens", "8,192 tokens", "DashAttention", "NSA"} <= set(texts)
    assert tags.count("circle") == 2 * 4 + 3
