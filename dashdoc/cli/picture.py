"""Pictures of what a terminal shows, which fetch nothing."""

import io
import re
from pathlib import Path

from rich.console import Console, RenderableType

WIDTH = 100


def export(view: RenderableType, target: Path, title: str) -> None:
    """Save a view as SVG or HTML, by the suffix of the file."""
    console = recorded(view)
    picture = svg(console, title) if target.suffix.lower() == ".svg" else console.export_html()
    target.write_text(picture, encoding="utf-8")


def recorded(view: RenderableType, width: int = WIDTH) -> Console:
    """A console that has shown a view in all its colours, and nothing else."""
    console = Console(
        record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(view)
    return console


def svg(console: Console, title: str, unique_id: str | None = None) -> str:
    """What a console recorded as a window; an id given makes the same picture every time."""
    # Rich's template names fonts on a server; the reader's own fixed font does as well.
    picture = console.export_svg(title=title, unique_id=unique_id)
    return re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
