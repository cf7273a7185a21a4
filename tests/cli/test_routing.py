"""`dashdoc routing`: the figures and the heat map, on every terminal."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from dashdoc.cli.picture import export
from dashdoc.cli.routing_view import routing_view, scale, stretched
from dashdoc.measures import Reading, Routing
from tests.cli.conftest import Call


@pytest.fixture
def reading() -> Reading:
    """A reading of 8 layers with 4 KV heads, sparser along the document and layer by layer."""
    along = [[0.5 + 0.05 * layer + 0.001 * stretch for stretch in range(64)] for layer in range(8)]
    routing = Routing(
        tokens=65536,
        chunk_size=64,
        sparsity=0.7,
        sparsity_token_mean=0.65,
        sparsity_authors=0.72,
        per_layer=[sum(layer) / 64 for layer in along],
        per_head=[[sum(layer) / 64 + 0.01 * head for head in range(4)] for layer in along],
        along=along,
        edges=[1024 * stretch for stretch in range(65)],
    )
    return Reading(["report.pdf"], 40, 65536, 1.0, 65536.0, 1 << 30, routing)


def drawn(reading: Reading, width: int, **options: object) -> str:
    console = Console(width=width, file=io.StringIO(), **{"color_system": None, **options})
    pages = [(page + 1, 1638 * page) for page in range(40)]
    console.print(routing_view(reading, pages, "a model"))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_the_view_fits_every_width(reading: Reading, width: int) -> None:
    lines = drawn(reading, width).splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith("layer ")]
    assert len(rows) == 8
    for row, value in zip(rows, reading.routing.per_layer, strict=True):
        assert f"{100 * value:.1f}%" in row


def test_without_colours_digits_tell_the_same(reading: Reading) -> None:
    rows = [line for line in drawn(reading, 80).splitlines() if line.startswith("layer ")]
    cells = [row.split()[2] for row in rows]
    assert all(re.fullmatch(r"[0-9]+", row) for row in cells)
    assert cells[0][0] < cells[-1][-1]
    assert drawn(reading, 80, color_system="truecolor", force_terminal=True, no_color=True)


def test_with_colours_cells_are_filled(reading: Reading) -> None:
    out = drawn(reading, 80, color_system="truecolor", force_terminal=True)
    assert "48;2;" in out


def test_a_terminal_of_sixteen_colours_gets_digits(reading: Reading) -> None:
    assert "48;" not in drawn(reading, 80, color_system="standard", force_terminal=True)


def test_each_figure_has_its_own_name(reading: Reading) -> None:
    out = drawn(reading, 80)
    for name in ("sparsity ", "sparsity_token_mean ", "sparsity_authors "):
        assert name in out


def test_stretching_keeps_the_mean() -> None:
    values = [0.0, 1.0, 0.5, 0.25]
    for width in (1, 2, 3, 4, 7, 16):
        assert sum(stretched(values, width)) / width == pytest.approx(0.4375)


@pytest.mark.parametrize(
    "values", [[0.0], [1.0] * 30, [0.97, 0.98, 0.99], [0.1 * n for n in range(11)]]
)
def test_the_scale_is_never_empty(values: list[float]) -> None:
    low, high = scale(values)
    assert low < high <= 1
    assert max(values) <= high + 1e-9


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_a_picture_names_no_server(reading: Reading, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"routing{suffix}"
    export(routing_view(reading, [], "a model"), target, "report.pdf")
    picture = target.read_text(encoding="utf-8")
    assert "report.pdf" in picture.replace("&#160;", " ")
    assert "src:" not in picture and "url(" not in picture.replace("url(#", "")


def test_routing_shows_the_map_on_stdout(call: Call, report: Path) -> None:
    outcome = call("routing", report)
    assert outcome.code == 0
    assert "layer 1" in outcome.out
    assert "p. 1" in outcome.out
    assert "head 1" in outcome.out


def test_routing_of_text_is_placed_by_tokens(call: Call, notes: Path) -> None:
    assert "token 0" in call("routing", notes).out


def test_json_has_every_layer_and_head(call: Call, report: Path) -> None:
    routing = call("routing", report, "--json").json["routing"]
    assert len(routing["per_layer"]) == len(routing["per_head"]) == len(routing["along"]) == 2
    assert len(routing["per_head"][0]) == 2
    assert len(routing["edges"]) == len(routing["along"][0]) + 1


def test_export_writes_the_picture_too(call: Call, report: Path, tmp_path: Path) -> None:
    target = tmp_path / "routing.svg"
    assert call("routing", report, "--export", target).code == 0
    assert target.read_text(encoding="utf-8").lstrip().startswith("<svg")


def test_a_picture_that_turns_out_unwritable_is_exit_2(
    call: Call, report: Path, tmp_path: Path
) -> None:
    target = tmp_path / "routing.svg"
    target.symlink_to(tmp_path / "nowhere" / "routing.svg")
    outcome = call("routing", report, "--export", target)
    assert outcome.code == 2
    assert f"--export {target} cannot be written: No such file" in outcome.err
    assert "sparsity" in outcome.out


@pytest.mark.parametrize("target", ["routing.png", "routing", "no/such/folder/routing.svg"])
def test_a_picture_that_cannot_be_written_is_exit_2(call: Call, report: Path, target: str) -> None:
    outcome = call("routing", report, "--export", target)
    assert outcome.code == 2
    assert "Reading" not in outcome.err
