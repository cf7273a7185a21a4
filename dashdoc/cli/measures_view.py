"""What was measured, as the small table below an answer."""

from collections.abc import Sequence
from datetime import datetime

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dashdoc.cli.figures import count, counted, moment, percent, rate, seconds, size
from dashdoc.measures import Answer, Reading, Routing


def measures_view(
    readings: Sequence[Reading], answers: Sequence[Answer], model: str, verbosity: int
) -> RenderableType:
    """A row for each reading and each answer, then memory and model; per layer with `-v`."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("")
    for heading in ("tokens", "time", "first token", "tokens/s", "sparsity"):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, reading in enumerate(readings, start=1):
        table.add_row(
            _numbered("restored" if reading.restored_from else "reading", number, len(readings)),
            count(reading.tokens),
            seconds(reading.seconds),
            "",
            "" if reading.restored_from else rate(reading.tokens_per_second),
            Text(percent(reading.routing.sparsity), "bold"),
        )
        if len(reading.documents) > 1:
            for name, tokens in zip(reading.documents, reading.document_tokens, strict=True):
                table.add_row(Text(f"  {name}", "dim"), Text(count(tokens), "dim"))
    for number, answer in enumerate(answers, start=1):
        table.add_row(
            _numbered("answering", number, len(answers)),
            count(answer.tokens),
            seconds(answer.seconds),
            seconds(answer.first_token_seconds),
            rate(answer.tokens_per_second) if answer.tokens > 1 else "",
            Text(percent(answer.routing.sparsity), "bold"),
        )
    parts: list[RenderableType] = ["", table, _below(readings, answers, model)]
    if verbosity:
        parts.append(layers("reading", [reading.routing for reading in readings]))
        parts.append(layers("answering", [answer.routing for answer in answers]))
    return Group(*parts)


def _numbered(name: str, number: int, total: int) -> str:
    return f"{name} {number}" if total > 1 else name


def _below(readings: Sequence[Reading], answers: Sequence[Answer], model: str) -> Text:
    peak = max(m.peak_memory_bytes for measures in (readings, answers) for m in measures)
    said = [f"{size(peak)} peak memory", f"model {model}"]
    if pages := sum(reading.pages for reading in readings):
        said.insert(0, counted(pages, "page"))
    if times := [reading.restored_from for reading in readings if reading.restored_from]:
        said.append(f"read {moment(datetime.fromisoformat(min(times)))}")
    return Text(", ".join(said), "dim")


def layers(name: str, routings: Sequence[Routing]) -> RenderableType:
    """The sparsity of each layer, over several runs weighted by their tokens."""
    total = sum(routing.tokens for routing in routings)
    layers = [
        sum(value * routing.tokens for value, routing in zip(values, routings, strict=True)) / total
        for values in zip(*(routing.per_layer for routing in routings), strict=True)
    ]
    cells = [
        Text.assemble((f"{number:>3} ", "dim"), f"{percent(value):>7}")
        for number, value in enumerate(layers)
    ]
    heading = Text(f"sparsity of each layer while {name}", "dim")
    return Group("", heading, Columns(cells, padding=(0, 2)))
