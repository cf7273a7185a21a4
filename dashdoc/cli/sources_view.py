"""What routing read most for an answer: passages in a table, and a strip along the documents."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from dashdoc.cli.axis import axis
from dashdoc.cli.citations import named_place
from dashdoc.cli.colors import ACCENT
from dashdoc.cli.figures import percent
from dashdoc.cli.routing_view import stretched
from dashdoc.measures import Sources

BLOCKS = " ▁▂▃▄▅▆▇█"
DIGITS = " 123456789"
NARROWEST, WIDEST = 16, 96


def sources_view(
    sources: Sources, documents: Sequence[str], tokens: int, starts: Sequence[tuple[str, int]]
) -> RenderableType:
    """The passages, strongest first, above the strip.

    Args:
        tokens: of the reading; starts: pages or documents with their first token.
    """
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), expand=True)
    table.add_column("read most", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("passage", no_wrap=True, overflow="ellipsis", ratio=1)
    for passage in sources.passages:
        spot = named_place(passage, documents)
        table.add_row(spot, Text(percent(passage.share), "bold"), Text(passage.text))
    if not sources.passages:
        table = Table.grid()
        table.add_row(Text("Routing turned to no passage in particular.", "dim"))
    return Group("", table, "", Strip(sources.along, tokens, starts))


class Strip:
    """The share of each stretch of the reading: blocks, or digits where the terminal has none."""

    def __init__(
        self, along: Sequence[float], tokens: int, starts: Sequence[tuple[str, int]]
    ) -> None:
        self._along, self._tokens, self._starts = along, tokens, starts

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(options.max_width, options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        levels = DIGITS if options.ascii_only else BLOCKS
        width = max(min(options.max_width, WIDEST), NARROWEST)
        cells = stretched(self._along, width)
        highest = max(cells, default=0) or 1
        steps = [round(cell / highest * (len(levels) - 1)) for cell in cells]
        yield Text("".join(levels[step] for step in steps), ACCENT, no_wrap=True)
        yield Text(axis(width, 0, self._tokens, self._starts), "dim", no_wrap=True)
