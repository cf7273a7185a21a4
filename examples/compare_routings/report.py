"""Put finished runs into a page of docs, as a table and a plot: quality against density.

    python -m examples.compare_routings.report runs/*.json
    python -m examples.compare_routings.report ablations/*.json --page ablations

What stands above the heading `## Measured` stays as it was written. Runs of different numbers of
steps stand in one table, but not in one plot.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from examples.compare_routings.plot import Point, plot

DOCS = Path(__file__).resolve().parents[2] / "docs"
HEADING = "## Measured"
TASKS = ("facts", "multi_key", "multi_value", "tracking")
NAMES = {
    "full": "full attention",
    "ours": "DashAttention",
    "mean": "DashAttention, mean keys",
    "topk": "top-k (InfLLM v2)",
    "nsa": "NSA",
}


@dataclass(frozen=True)
class Figure:
    """The mean over seeds, and the largest distance of one of them from it; None of one seed."""

    mean: float
    spread: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        mean = fmean(values)
        spread = max(abs(value - mean) for value in values) if len(values) > 1 else None
        return cls(mean, spread)


@dataclass(frozen=True)
class Kind:
    """What runs of several seeds have in common."""

    name: str  # of the routing
    series: str  # the line of the plot that they are points of: the name, and what was changed
    setting: str
    steps: int

    @classmethod
    def of(cls, run: dict[str, Any]) -> "Kind":
        name, changes = NAMES[run["routing"]], run["changes"]
        told = [] if run["setting"] is None else [f"{run['setting']:g}"]
        told += [f"{changed} {value}" for changed, value in changes.items()]
        return cls(name, ", ".join([name, *changes]), ", ".join(told), run["steps"])


@dataclass(frozen=True)
class Line:
    """One kind of run at one length."""

    kind: Kind
    tokens: int
    seeds: int
    density: Figure
    loss: Figure | None  # on text; None if a run does not tell it
    tasks: dict[str, Figure]
    quality: Figure  # the mean of the tasks


def lines(runs: Sequence[dict[str, Any]]) -> list[Line]:
    """A line for every kind of run and every length, in the order of `NAMES`; seeds are joined."""
    found: dict[tuple[int, Kind], list[dict[str, Any]]] = defaultdict(list)
    for run in sorted(runs, key=_place):
        for measured in run["evaluation"]:
            found[measured["tokens"], Kind.of(run)].append(measured)
    joined = []
    for key in sorted(found, key=lambda key: key[0]):
        tokens, kind = key
        seeds = found[key]

        def figure(name: str, seeds: list[dict[str, Any]] = seeds) -> Figure:
            return Figure.of([seed[name] for seed in seeds])

        quality = Figure.of([fmean(seed[task] for task in TASKS) for seed in seeds])
        tasks = {task: figure(task) for task in TASKS}
        loss = figure("loss") if all("loss" in seed for seed in seeds) else None
        density = figure("density")
        joined.append(Line(kind, tokens, len(seeds), density, loss, tasks, quality))
    return joined


def table(measured: Sequence[Line]) -> str:
    """Markdown; shares as percent, with the spread over seeds behind them."""
    told = any(line.loss for line in measured)
    rows = [
        "| tokens | routing | setting | steps | seeds | density | facts | multi-key | multi-value "
        f"| tracking |{' loss on text |' if told else ''}",
        f"| ---: | --- |{' ---: |' * (9 if told else 8)}",
    ]
    for line in measured:
        cells = [
            f"{line.tokens:,}",
            line.kind.name,
            line.kind.setting,
            f"{line.kind.steps:,}",
            str(line.seeds),
            _share(line.density),
            *(_share(line.tasks[task]) for task in TASKS),
        ]
        if told:
            cells.append(_loss(line.loss) if line.loss else "–")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _place(run: dict[str, Any]) -> tuple[Any, ...]:
    """Where a run stands in the tables."""
    changes = sorted(run["changes"].items())
    place = list(NAMES).index(run["routing"])
    return place, run["setting"] or 0, len(changes), changes, run["steps"]


def _share(figure: Figure) -> str:
    spread = "" if figure.spread is None else f" ± {100 * figure.spread:.1f}"
    return f"{100 * figure.mean:.1f}%{spread}"


def _loss(figure: Figure) -> str:
    spread = "" if figure.spread is None else f" ± {figure.spread:.3f}"
    return f"{figure.mean:.3f}{spread}"


def losses(runs: Sequence[dict[str, Any]]) -> str:
    """Markdown: the losses over the last tenth of the training, of rows that all variants saw."""
    found: dict[Kind, list[dict[str, float]]] = defaultdict(list)
    for run in sorted(runs, key=_place):
        found[Kind.of(run)].append(run["training"])
    rows = [
        "| routing | setting | steps | loss on text | loss on answers |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for kind, seeds in found.items():
        figures = [Figure.of([s[name] for s in seeds]) for name in ("text_loss", "answer_loss")]
        cells = [kind.name, kind.setting, f"{kind.steps:,}", *map(_loss, figures)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def how(runs: Sequence[dict[str, Any]]) -> str:
    """What the runs have in common, and what each routing took."""
    took = []
    for routing, name in NAMES.items():
        if own := [run for run in runs if run["routing"] == routing]:
            minutes = fmean(run["training"]["seconds"] for run in own) / 60
            millions = own[0]["parameters"] / 1e6
            took.append(f"{name} {minutes:.1f} min, {millions:.1f}M parameters")
    steps = ", ".join(f"{steps:,}" for steps in sorted({run["steps"] for run in runs}))
    tokens = ", ".join(f"{t / 1e6:,.0f}" for t in sorted({run["tokens"] for run in runs}))
    machines = ", ".join(sorted({run["machine"] for run in runs}))
    return (
        f"{len(runs)} runs of {steps} steps ({tokens} million tokens) on {machines}: "
        f"{'; '.join(took)}. Behind ± stands how far a seed is from the mean."
    )


def points(measured: Sequence[Line]) -> list[Point]:
    """Quality against density."""
    return [
        Point(f"{line.tokens:,} tokens", line.kind.series, line.density.mean, line.quality.mean)
        for line in measured
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", help="what `run` wrote")
    parser.add_argument("--docs", type=Path, default=DOCS)
    parser.add_argument("--page", default="routings", help="its name, without an ending")
    options = parser.parse_args()
    runs = [json.loads(path.read_text("utf-8")) for path in options.runs]
    measured = lines(runs)
    page = options.docs / f"{options.page}.md"
    written = page.read_text("utf-8") if page.exists() else f"# {options.page.capitalize()}\n\n"
    above = written.partition(HEADING)[0]
    last = (
        "Losses over the last tenth of the training, in which runs of as many steps saw alike rows:"
    )
    parts = [f"{above}{HEADING}", how(runs), table(measured), last, losses(runs)]
    if len({run["steps"] for run in runs}) == 1:
        parts.insert(1, f"![mean of the four tasks against density, by length]({page.stem}.svg)")
        page.with_suffix(".svg").write_text(plot(points(measured)), encoding="utf-8")
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
