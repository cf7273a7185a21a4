"""The reading bar: pages parsed, the model loading, tokens read; plain lines without a terminal."""

from time import monotonic
from types import TracebackType

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from dashdoc.cli.colors import ACCENT
from dashdoc.cli.figures import clock, counted, rate, size
from dashdoc.cli.terminal import Terminal


class ReadingBar:
    """Shows one stage at a time; a context manager, gone when it ends."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._task: TaskID | None = None
        self._place = ""
        self._began = monotonic()
        self._first: tuple[float, int] | None = None  # when the first bytes were told, and these
        self._bar = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, max_width=36)),
            BarColumn(
                16,
                style="dim",
                complete_style=ACCENT,
                finished_style=ACCENT,
                pulse_style=ACCENT,
            ),
            _Detail(),
            console=terminal.stderr,
            transient=True,
            disable=not terminal.animated,
        )

    def __enter__(self) -> "ReadingBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def document(self, name: str, place: str = "") -> None:
        """A document begins: its name is parsed; `place` is like `3/40` where there are many."""
        self._place = f"{place} " if place else ""
        self._stage(f"Parsing {name}")

    def page(self, done: int, total: int) -> None:
        self._update(done, total, f"{done:,}/{counted(total, 'page')}")

    def model(self, name: str) -> None:
        """The model is looked up or loaded."""
        self._stage(f"Loading {name}")

    def asking(self, name: str) -> None:
        """The hub is asked what a checkpoint takes."""
        self._stage(f"Asking the hub for {name}")

    def download(self, name: str) -> None:
        """A checkpoint is fetched."""
        self._stage(f"Downloading {name}")

    def bytes(self, done: int, total: int) -> None:
        """What is loaded or downloaded; a download may go on where another ended."""
        if self._first is None:
            self._first = monotonic(), done
        began, had = self._first
        detail = f"{size(done)} of {size(total)}"
        if speed := (done - had) / max(monotonic() - began, 1e-9):
            detail += f"  {size(round(speed))}/s  {clock(round((total - done) / speed))} left"
        self._update(done, total, detail)

    def reading(self, tokens: int, part: str = "") -> None:
        """The prefill begins; `part` is like `part 2 of 5`."""
        self._stage(f"Reading {part}".rstrip(), counted(tokens, "token"))
        self._update(0, tokens, counted(tokens, "token"))

    def tokens(self, done: int, total: int) -> None:
        speed = done / max(monotonic() - self._began, 1e-9)
        left = round((total - done) / max(speed, 1e-9))
        pace = f"{rate(speed)} tokens/s  {clock(left)} left"
        detail = f"{done:,}/{counted(total, 'token')}  {pace}"
        self._update(done, total, detail)

    def keeping(self) -> None:
        """What was read is saved."""
        self._stage("Keeping the reading")

    def answering(self, part: str = "") -> None:
        """The model writes what is shown later."""
        self._stage(f"Summarizing {part}".rstrip())

    def comparing(self, attention: str) -> None:
        """The model answers with one attention; what it says is shown later."""
        self._stage(f"Answering with {attention}")

    def clear(self) -> None:
        """Leave the line to others, until the next stage."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._bar.stop()

    def _stage(self, name: str, size: str = "") -> None:
        self._began = monotonic()
        self._first = None
        if not self._terminal.animated:
            self._terminal.stage(f"{self._place}{name} {size}".rstrip())
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._bar.start()
        self._task = self._bar.add_task(f"{self._place}{name}", total=None, detail="")

    def _update(self, done: int, total: int, detail: str) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total, detail=detail)


class _Detail(ProgressColumn):
    """What the bar counts; cut off where the terminal is narrow."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["detail"], style="dim", no_wrap=True, overflow="crop")
