"""`dashdoc ask`: answers with the pages they stand on."""

from collections.abc import Sequence

import click

from dashdoc.cli.answering import give_answer
from dashdoc.cli.measures_view import measures_view
from dashdoc.cli.objects import answer_object, context_object
from dashdoc.cli.opening import Opened, open_session
from dashdoc.cli.options import (
    Command,
    Settings,
    cache_option,
    max_tokens_option,
    model_options,
    option,
    output_options,
    page_options,
    truncate_option,
)
from dashdoc.cli.questions import part_arguments, question_arguments
from dashdoc.cli.sources_view import sources_view
from dashdoc.cli.terminal import INTERRUPTED, Terminal
from dashdoc.measures import Answer


@click.command(
    cls=Command,
    short_help="Answer questions about documents, with page numbers.",
    examples={
        "One question about one document": 'dashdoc ask report.pdf "Who signed the contract?"',
        "Several of either, over one reading": 'dashdoc ask a.pdf b.pdf -q "Who?" -q "When?"',
        "Some pages, as an object for a program": 'dashdoc ask a.pdf "Who?" --pages 3-10 --json',
        "What another program writes": 'man bash | dashdoc ask - "What does set -e do?"',
    },
)
@question_arguments("one reading")
@option(
    "--sources",
    "with_sources",
    is_flag=True,
    help="Also show the passages that routing read most for the answer.",
)
@max_tokens_option
@page_options
@truncate_option
@cache_option
@model_options
@output_options(jsonl=True)
def ask(
    terminal: Terminal,
    settings: Settings,
    arguments: Sequence[str],
    questions: Sequence[str],
    with_sources: bool,
) -> int:
    """Answer questions about a document, with the pages that say so.

    Several documents, or several questions, need -q for each question. A DOCUMENT that is - is
    standard input.
    """
    sources, questions = part_arguments(arguments, questions, "ask")
    opened = open_session(settings, sources, terminal)
    answers: list[Answer] = []
    for question in questions:
        if len(questions) > 1:
            terminal.heading(f"\n{question}" if answers else question)
        answers.append(_answer(opened, question, settings, terminal))
        if with_sources and terminal.format == "text":
            _show_sources(opened, answers[-1], terminal)
        if answers[-1].finish_reason == "interrupted":
            break
    _finish(opened, answers, len(questions) > 1, terminal)
    return INTERRUPTED if answers[-1].finish_reason == "interrupted" else 0


def _answer(opened: Opened, question: str, settings: Settings, terminal: Terminal) -> Answer:
    stream = opened.session.stream(question, max_tokens=settings.max_tokens)
    names = [document.name for document in opened.session.documents]
    answer = give_answer(stream, names, settings.max_tokens, terminal)
    if terminal.format == "jsonl":
        _write_object(opened, answer, terminal)
    return answer


def _show_sources(opened: Opened, answer: Answer, terminal: Terminal) -> None:
    session = opened.session
    assert session.reading is not None and answer.sources is not None
    starts = [(f"p. {page}", start) for _, page, start in session.page_starts()]
    names = session.reading.documents
    if len(names) > 1:
        starts = list(zip(names, session.document_starts(), strict=True))
    terminal.show(sources_view(answer.sources, names, session.reading.tokens, starts))


def _write_object(opened: Opened, answer: Answer, terminal: Terminal) -> None:
    assert opened.session.reading is not None
    found = answer_object(answer, opened.session.reading)
    terminal.write_json({**found, **context_object(opened)})


def _finish(opened: Opened, answers: list[Answer], several: bool, terminal: Terminal) -> None:
    """The one object of `--json`, or the measures."""
    reading = opened.session.reading
    assert reading is not None
    if terminal.format == "text":
        view = measures_view([reading], answers, opened.session.model.name, terminal.verbosity)
        terminal.show(view)
    elif terminal.format == "json" and several:
        found = [answer_object(answer, reading) for answer in answers]
        terminal.write_json({"answers": found, **context_object(opened)})
    elif terminal.format == "json":
        _write_object(opened, answers[0], terminal)
