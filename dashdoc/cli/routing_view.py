"""The routing of one reading: the figures, and a heat map of layers by place in the document."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from dashdoc.cli.axis import axis
from dashdoc.cli.figures import counted, percent
from dashdoc.measures import Reading, Routing

MEANINGS = {
    "sparsity": "of all earlier chunks were skipped",
    "sparsity_token_mean": "the same, every token counting alike",
    "sparsity_authors": "as the authors count, over the whole length",
}
# Viridis without its darkest end: filled cells that stand out on dark and on light.
COLORS = (
    "#fde725",
    "#c2df23",
    "#86d549",
    "#52c569",
    "#2ab07f",
    "#1e9b8a",
    "#25858e",
    "#2d708e",
    "#38588c",
    "#433e85",
)
NARROWEST, WIDEST = 16, 96


def routing_view(reading: Reading, pages: Sequence[tuple[int, int]], model: str) -> RenderableType:
    """Figures above, heat map below; `pages` are page numbers with their first token."""
    routing = reading.routing
    title = Text.assemble((", ".join(reading.documents), "bold"))
    size = f"{counted(reading.tokens, 'token')} in chunks of {routing.chunk_size}, model {model}"
    if reading.pages:
        size = f"{counted(reading.pages, 'page')}, {size}"
    figures = Table.grid(padding=(0, 2))
    figures.add_column(style="dim")
    figures.add_column(justify="right", style="bold")
    figures.add_column(style="dim")
    for name, meaning in MEANINGS.items():
        value: float | None = getattr(routing, name)
        if value is not None:
            figures.add_row(name, percent(value), meaning)
    return Group(title, Text(size, "dim"), "", figures, "", HeatMap(routing, pages))


class HeatMap:
    """Layers (rows) by place (columns), and the figures of each layer and KV head beside them.

    Without colours a digit stands in each cell: 0 is the left end of the scale, 9 the right end.
    """

    def __init__(self, routing: Routing, pages: Sequence[tuple[int, int]]) -> None:
        self._routing = routing
        self._pages = pages
        self._low, self._high = scale([value for layer in routing.along for value in layer])

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(options.max_width, options.max_width)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType | Segment]:
        colored = console.color_system in ("256", "truecolor") and not console.no_color
        beside = self._beside(options.max_width)
        label = len(str(len(self._routing.along) - 1)) + 7
        columns = sum(len(heading) for heading in beside[0])
        width = max(min(options.max_width - label - columns - 2, WIDEST), NARROWEST)
        yield Text(" " * (label + width + 2) + "".join(beside[0]), "dim", no_wrap=True)
        for layer, values in enumerate(self._routing.along):
            row = Text(f"layer {layer}".rjust(label - 1) + " ", "dim", no_wrap=True)
            for value in stretched(values, width):
                row.append(*self._cell(value, colored))
            row.append("  ")
            first, *others = beside[layer + 1]
            row.append(first, "not dim").append("".join(others), "dim")
            yield row
        edges, marks = self._routing.edges, [(f"p. {page}", start) for page, start in self._pages]
        yield Text(" " * label + axis(width, edges[0], edges[-1], marks), "dim", no_wrap=True)
        yield ""
        yield self._legend(label, colored)

    def _beside(self, width: int) -> list[list[str]]:
        """Headings and figures right of the map: of the layer, then of as many heads as fit."""
        heads = len(self._routing.per_head[0])
        room = (width - NARROWEST - 24 - 7) // 7
        rows = [[f"{'all':>7}"]]
        rows += [[f"{percent(value):>7}"] for value in self._routing.per_layer]
        if heads > 1 and heads <= max(room, 2):
            rows[0] += [f"{f'head {head}':>8}" for head in range(heads)]
            for row, values in zip(rows[1:], self._routing.per_head, strict=True):
                row += [f"{percent(value):>8}" for value in values]
        elif heads > 1:
            rows[0].append(f"{f'{heads} heads':>16}")
            for row, values in zip(rows[1:], self._routing.per_head, strict=True):
                row.append(f"{f'{100 * min(values):.1f}-{percent(max(values))}':>16}")
        return rows

    def _cell(self, value: float, colored: bool) -> tuple[str, Style | None]:
        share = (value - self._low) / (self._high - self._low)
        level = min(max(int(share * len(COLORS)), 0), len(COLORS) - 1)
        if colored:
            return " ", Style(bgcolor=COLORS[level], dim=False)
        return str(level), Style(dim=False)

    def _legend(self, label: int, colored: bool) -> Text:
        line = Text(" " * label, "dim", no_wrap=True)
        line.append(f"{100 * self._low:.0f}% skipped or less ")
        for level in range(len(COLORS)):
            value = self._low + (level + 0.5) / len(COLORS) * (self._high - self._low)
            cell, style = self._cell(value, colored)
            line.append(cell * (2 if colored else 1), style)
        return line.append(f" {100 * self._high:.0f}%")


def scale(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the scale, in round figures; the first chunks, which skip little, may lie below.

    A tenth of the values is left out at the low end: a document's beginning has next to nothing
    to skip and would leave the rest of the map in one colour.
    """
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 10], ordered[-1]
    step = 0.05 if high - low > 0.2 else 0.01
    top = min(math.ceil(round(high / step, 6)) * step, 1.0)
    return min(math.floor(round(low / step, 6)) * step, top - step), top


def stretched(values: Sequence[float], width: int) -> list[float]:
    """Equal stretches over `width` cells, each the mean of what it covers."""
    cells = []
    for cell in range(width):
        begin, end = cell * len(values) / width, (cell + 1) * len(values) / width
        total = 0.0
        for index in range(int(begin), min(math.ceil(end), len(values))):
            total += values[index] * (min(end, index + 1) - max(begin, index))
        cells.append(total / (end - begin))
    return cells
