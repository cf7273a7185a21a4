"""`dashdoc compare`: what routing costs and saves on a document of one's own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dashdoc.agreement import agreement
from dashdoc.cli.compare_view import NAMES, Run, compare_view, peak_bytes
from dashdoc.cli.interrupts import stopped_by_interrupt
from dashdoc.cli.objects import answer_object, context_object
from dashdoc.cli.opening import Opened, prepare_session
from dashdoc.cli.options import (
    Command,
    Settings,
    max_tokens_option,
    model_options,
    output_options,
    page_options,
    truncate_option,
)
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.questions import part_arguments, question_arguments
from dashdoc.cli.terminal import INTERRUPTED, Terminal
from dashdoc.measures import Answer, to_json

if TYPE_CHECKING:
    from dashdoc.comparison import Comparison


@click.command(
    cls=Command,
    short_help="Answer with DashAttention and with full attention, side by side.",
    examples={
        "See what routing costs and saves": 'dashdoc compare report.pdf "Who signed it?"',
        "With more left out": 'dashdoc compare report.pdf "Who signed it?" --scale 4',
        "As an object for a program": 'dashdoc compare report.pdf "Who signed it?" --json',
    },
)
@question_arguments("the same readings")
@max_tokens_option
@page_options
@truncate_option
@model_options
@output_options()
def compare(
    terminal: Terminal, settings: Settings, arguments: Sequence[str], questions: Sequence[str]
) -> int:
    """Ask the same with DashAttention and with full attention, on the same weights.

    The document is parsed once and read twice. Where the weights were trained with DashAttention,
    full attention is none that they know: it shows what reading everything costs, and may well
    answer worse.
    """
    sources, questions = part_arguments(arguments, questions, "compare")
    with ReadingBar(terminal) as bar:
        opened = prepare_session(settings, sources, terminal, bar)
        from dashdoc.comparison import Comparison

        runs = _run(Comparison(opened.session), questions, settings, bar)
    terminal.gap()
    if terminal.format == "json":
        terminal.write_json(_object(opened, runs, questions))
    else:
        terminal.print(compare_view(runs, questions, opened.session.model.name, terminal.verbosity))
    return INTERRUPTED if _interrupted(runs[-1].answers) else 0


def _run(
    comparison: "Comparison", questions: Sequence[str], settings: Settings, bar: ReadingBar
) -> list[Run]:
    """Read and answer with each attention, until all is done or the user ends an answer."""
    runs: list[Run] = []
    for attention in ("dash", "full"):
        with comparison.attending(attention) as session:
            bar.reading(session.tokens, f"with {NAMES[attention]}")
            runs.append(run := Run(attention, session.read(bar.tokens), []))
            for question in questions:
                stream = session.stream(question, max_tokens=settings.max_tokens)
                with stopped_by_interrupt(stream):
                    bar.comparing(NAMES[attention])
                    run.answers.append(stream.finish())
                if _interrupted(run.answers):
                    return runs
    return runs


def _interrupted(answers: Sequence[Answer]) -> bool:
    return answers[-1].finish_reason == "interrupted"


def _object(opened: Opened, runs: Sequence[Run], questions: Sequence[str]) -> dict[str, Any]:
    """What `--json` prints: the answers to one question, or a list over several."""
    compared = [{"question": q, **_compared(runs, n)} for n, q in enumerate(questions)]
    found = compared[0] if len(questions) == 1 else {"comparisons": compared}
    memory = {"peak_bytes": peak_bytes(runs)}
    return {**found, "memory": memory, **context_object(opened)}


def _compared(runs: Sequence[Run], number: int) -> dict[str, Any]:
    """The answers to one question, by attention, as far as they were given."""
    answered = [(run, run.answers[number]) for run in runs if number < len(run.answers)]
    found: dict[str, Any] = {"agreement": None}
    if len(answered) == 2:
        (_, first), (_, second) = answered
        found["agreement"] = to_json(agreement(first, second))
    for run, answer in answered:
        figures = answer_object(answer, run.reading)
        del figures["question"], figures["memory"]
        found[run.attention] = figures
    return found
