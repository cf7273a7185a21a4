"""Quality against density as SVG: a panel for each length, a line for each routing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import ceil
from xml.sax.saxutils import escape

COLOURS = ("#444444", "#0b7285", "#2b8a3e", "#d6336c", "#1971c2", "#c92a2a", "#e67700", "#5f3dc4")
PANEL, GAP, LEFT, TOP, BOTTOM = 220, 34, 52, 36, 56
NAMES_A_ROW, ROW = 3, 18
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Point:
    """Both figures are shares between 0 and 1."""

    panel: str
    series: str
    density: float
    quality: float


def plot(points: Sequence[Point]) -> str:
    """The picture; the series are named below it."""
    panels = list(dict.fromkeys(point.panel for point in points))
    names = dict.fromkeys(point.series for point in points)
    colours = dict(zip(names, cycle(COLOURS), strict=False))
    width = LEFT + len(panels) * (PANEL + GAP)
    rows = ceil(len(colours) / NAMES_A_ROW)
    height = TOP + PANEL + BOTTOM + ROW * rows
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text transform="translate(14 {TOP + PANEL / 2}) rotate(-90)" text-anchor="middle">'
        "right answers</text>",
    ]
    for number, panel in enumerate(panels):
        left = LEFT + number * (PANEL + GAP)
        parts += _frame(panel, left, labelled=number == 0)
        for name, colour in colours.items():
            own = [p for p in points if (p.panel, p.series) == (panel, name)]
            parts += _series(sorted(own, key=lambda p: p.density), left, colour)
    for number, (name, colour) in enumerate(colours.items()):
        row, column = divmod(number, NAMES_A_ROW)
        x, y = LEFT + column * (PANEL + GAP), height - ROW * (rows - row) + 4
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 10}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _frame(title: str, left: int, *, labelled: bool) -> Iterator[str]:
    """A panel's grid, its title and its ticks."""
    middle = left + PANEL / 2
    yield f'<text x="{middle}" y="{TOP - 14}" text-anchor="middle">{escape(title)}</text>'
    for tick in TICKS:
        x, y = _place(tick, tick, left)
        bottom, right = TOP + PANEL, left + PANEL
        for ends in ((left, y, right, y), (x, TOP, x, bottom)):
            x1, y1, x2, y2 = ends
            yield f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#dddddd"/>'
        yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{100 * tick:.0f}%</text>'
        if labelled:
            yield f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{100 * tick:.0f}%</text>'
    yield f'<text x="{middle}" y="{TOP + PANEL + 34}" text-anchor="middle">density</text>'


def _series(points: Sequence[Point], left: int, colour: str) -> Iterator[str]:
    places = [_place(point.density, point.quality, left) for point in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def _place(density: float, quality: float, left: int) -> tuple[float, float]:
    return left + PANEL * density, TOP + PANEL * (1 - quality)
