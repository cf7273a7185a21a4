"""Summaries on the terminal, while they are made."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dashdoc.cli.answering import stream_answer
from dashdoc.cli.colors import BAD
from dashdoc.cli.figures import counted, percent, seconds
from dashdoc.cli.interrupts import stopped_by_interrupt
from dashdoc.cli.objects import result_object
from dashdoc.cli.opening import read
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.prose import Prose
from dashdoc.cli.terminal import Terminal
from dashdoc.folder_runs import Failure, FolderWatcher, Result
from dashdoc.measures import Answer, Reading

if TYPE_CHECKING:
    from dashdoc.answer_stream import AnswerStream
    from dashdoc.readings import Readings
    from dashdoc.session import Session


class Screen(FolderWatcher):
    """Shows what happens on the terminal; a single document's summary is streamed."""

    def __init__(
        self,
        terminal: Terminal,
        bar: ReadingBar,
        readings: "Readings | None",
        *,
        streaming: bool,
    ) -> None:
        self._terminal, self._bar, self._streaming = terminal, bar, streaming
        self._readings = readings
        self._part = ""
        self._printed = 0

    def begin(self, path: Path | None, number: int, total: int) -> None:
        if path:
            self._bar.document(path.name, f"{number}/{total}")
        else:
            self._bar.document(f"{number} summaries")

    def page(self, done: int, total: int) -> None:
        self._bar.page(done, total)

    def split(self, parts: int) -> None:
        self._terminal.note(f"Too long to be read at once: it is summarized in {parts} parts.")

    def read(self, session: "Session", part: str) -> Reading:
        self._part = part
        self._bar.reading(session.tokens, part)
        return read(session, self._readings, self._terminal, self._bar)

    def write(self, stream: "AnswerStream", *, is_part: bool) -> Answer:
        if self._streaming and not is_part:
            self._bar.clear()
            self._terminal.gap()
            prose = Prose(self._terminal)
            answer = stream_answer(stream, prose)
            prose.end()
            return answer
        self._bar.answering(self._part)
        with stopped_by_interrupt(stream):
            return stream.finish()

    def notice(self, message: str) -> None:
        self._terminal.note(message)

    def failed(self, failure: Failure) -> None:
        self._terminal.note(f"{failure.path.name} has no summary; going on with the rest.")

    def done(self, result: Result) -> None:
        readings = result.record["readings"]
        if result.path is None or result.kept or not readings:
            return
        tokens = sum(reading["tokens"] for reading in readings)
        time = sum(reading["seconds"] for reading in readings)
        skipped = sum(r["tokens"] * r["routing"]["sparsity"] for r in readings) / tokens
        done = "restored" if all(reading["restored_from"] for reading in readings) else "read"
        said = f"{counted(tokens, 'token')} {done} in {seconds(time)}"
        self._terminal.stage(f"{result.path.name}: {said}, sparsity {percent(skipped)}")

    def print(self, result: Result, title: str) -> None:
        """A summary under its heading, or as a line of `--jsonl`."""
        self._bar.clear()
        if self._terminal.format == "jsonl":
            self._terminal.write_json(result_object(result))
        elif self._terminal.format == "text":
            if self._printed:
                self._terminal.write("\n")
            else:
                self._terminal.gap()
            self._terminal.write(f"# {title}\n\n")
            prose = Prose(self._terminal)
            prose.write(result.text)
            prose.end()
        self._printed += 1


class PrintingScreen(Screen):
    """Prints each summary when it is there: no folder takes them."""

    def done(self, result: Result) -> None:
        self.print(result, str(result.path))
        super().done(result)


def failures_view(failures: Sequence[Failure]) -> Table:
    """Which documents have no summary, and why."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(Text(f"{counted(len(failures), 'document')} failed", f"not dim bold {BAD}"))
    table.add_column("why", overflow="fold")
    for failure in failures:
        table.add_row(str(failure.path), failure.message)
    return table
