"""Answers with two attentions side by side, or one below the other where that is too narrow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from dashdoc.agreement import agreement
from dashdoc.cli.citations import MISSING, places
from dashdoc.cli.colors import ACCENT, WARNING
from dashdoc.cli.figures import count, counted, percent, rate, seconds, size
from dashdoc.cli.measures_view import layers
from dashdoc.cli.terminal import printable
from dashdoc.measures import Answer, Reading

NAMES = {"dash": "DashAttention", "full": "full attention"}
NARROWEST = 90  # columns, for two answers side by side
LABELS = 11  # columns, of the names of the figures
_ENDED = {
    "length": "cut at --max-tokens",
    "repetition": "it began to repeat itself",
    "interrupted": "interrupted",
}


@dataclass(frozen=True)
class Run:
    """The documents read with one attention, and the answers after it."""

    attention: str
    reading: Reading
    answers: list[Answer]


class Sides:
    """Figures by name, a column for each attention, or a block for each."""

    def __init__(self, headings: Sequence[str], rows: dict[str, list[str | Text]]) -> None:
        self._headings, self._rows = headings, rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table | Text]:
        columns = range(len(self._headings))
        if options.max_width >= NARROWEST:
            yield self._table(columns)
        else:
            for column in columns:
                if column:
                    yield Text()
                yield self._table([column])

    def _table(self, columns: Sequence[int]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
        table.add_column("", width=LABELS, style="dim", no_wrap=True)
        for column in columns:
            heading = Text(self._headings[column], f"bold {ACCENT}")
            table.add_column(heading, ratio=1, overflow="fold")
        for name, cells in self._rows.items():
            if any(shown := [cells[column] for column in columns]):
                table.add_row(name, *shown)
        return table


def compare_view(
    runs: Sequence[Run], questions: Sequence[str], model: str, verbosity: int
) -> RenderableType:
    """Every question with its answers and what they took; per layer with `-v`."""
    parts: list[RenderableType] = []
    for number, question in enumerate(questions):
        answered = [run for run in runs if number < len(run.answers)]
        if answered:
            names = [NAMES[run.attention] for run in answered]
            parts += [Text(question, "bold"), "", Sides(names, _figures(answered, number)), ""]
        if len(answered) == 2:
            parts += [Text(_agreed(*(run.answers[number] for run in answered))), ""]
    if len(runs) == 2:
        parts += [Text(_costs(*runs)), ""]
    parts.append(_below(runs, model))
    if verbosity:
        parts.append(layers("reading", [runs[0].reading.routing]))
        parts.append(layers("answering", [answer.routing for answer in runs[0].answers]))
    return Group(*parts)


def _figures(runs: Sequence[Run], number: int) -> dict[str, list[str | Text]]:
    """The answers to one question, and the reading before them, by attention."""
    answers = [run.answers[number] for run in runs]
    return {
        "answer": [_said(answer) for answer in answers],
        "place": [_place(run.answers[number], run.reading.documents) for run in runs],
        "ended": [Text(_ENDED.get(answer.finish_reason, ""), WARNING) for answer in answers],
        "reading": [_paced(run.reading) for run in runs],
        "first token": [seconds(answer.first_token_seconds) for answer in answers],
        "answering": [_paced(answer) for answer in answers],
        "sparsity": [
            Text.assemble(
                (percent(run.reading.routing.sparsity), "bold"),
                " reading, ",
                (percent(run.answers[number].routing.sparsity), "bold"),
                " answering",
            )
            for run in runs
        ],
    }


def _paced(measure: Reading | Answer) -> str:
    """`1.8 s, 1,882 tokens/s`; one token has no pace."""
    pace = f", {rate(measure.tokens_per_second)} tokens/s" if measure.tokens > 1 else ""
    return f"{seconds(measure.seconds)}{pace}"


def _said(answer: Answer) -> Text:
    if not answer.text.strip():
        return Text("blank lines only", WARNING)
    return Text(printable(answer.text))


def _place(answer: Answer, documents: Sequence[str]) -> str | Text:
    if not answer.citations:
        return ""  # a refusal, or blank lines: nothing is quoted
    found = places(answer, documents).removeprefix(" (").removesuffix(")")
    return found or Text(MISSING, WARNING)


def _agreed(first: Answer, second: Answer) -> str:
    found = agreement(first, second)
    if found.same_words:
        return "The answers are the same, word for word."
    where = ", from the same place" if found.same_places else ""
    return f"The answers differ: {percent(found.shared_words)} of their words agree{where}."


def _costs(ours: Run, full: Run) -> str:
    """What routing cost or saved."""
    said = f"Reading took {ours.reading.seconds / full.reading.seconds:.2f} times as long"
    if all(answer.tokens > 1 for run in (ours, full) for answer in run.answers):
        said += f", a token of an answer {_token_seconds(ours) / _token_seconds(full):.2f} times"
    return f"{said} as with full attention."


def _token_seconds(run: Run) -> float:
    """The mean time from one token of an answer to the next."""
    time = sum(answer.seconds - answer.first_token_seconds for answer in run.answers)
    return time / sum(answer.tokens - 1 for answer in run.answers)


def _below(runs: Sequence[Run], model: str) -> Text:
    reading = runs[0].reading
    said = [f"{count(reading.tokens)} tokens", f"{size(peak_bytes(runs))} peak memory"]
    if reading.pages:
        said.insert(0, counted(reading.pages, "page"))
    return Text(", ".join([*said, f"model {model}"]), "dim")


def peak_bytes(runs: Sequence[Run]) -> int:
    """The most memory that the process took."""
    answers = [answer for run in runs for answer in run.answers]
    readings = [run.reading for run in runs]
    return max(m.peak_memory_bytes for measures in (readings, answers) for m in measures)
