"""Documents and questions on one command line."""

from collections.abc import Sequence
from pathlib import Path

import click

from dashdoc.cli.options import FILE, Decorator, option
from dashdoc.errors import UsageError


def question_arguments(over: str) -> Decorator:
    """Documents and a question, and further questions over what the help calls `over`."""
    arguments = click.argument("arguments", nargs=-1, metavar="DOCUMENT... [QUESTION]", type=FILE)
    questions = option(
        "-q",
        "--question",
        "questions",
        multiple=True,
        metavar="TEXT",
        help=f"A question; give it again for more of them over {over}.",
    )
    return lambda command: arguments(questions(command))


def part_arguments(
    arguments: Sequence[str], questions: Sequence[str], command: str
) -> tuple[list[str], list[str]]:
    """Documents and questions of a command.

    Raises:
        UsageError: one of them is missing, or a file stands where the question is due.
    """
    *documents, last = arguments or [""]
    if not last:
        raise UsageError(f'Name a document: dashdoc {command} DOCUMENT "QUESTION".')
    if questions:
        documents.append(last)
    elif last == "-" or _is_file(last):
        raise UsageError(
            f"{last} is a document, but the question is due last. "
            f'Write: dashdoc {command} {" ".join(arguments)} -q "QUESTION".'
        )
    elif not documents:
        raise UsageError(f'Ask something: dashdoc {command} {last} "QUESTION".')
    elif len(documents) > 1:
        raise UsageError(
            "Several documents need -q before the question. "
            f'Write: dashdoc {command} {" ".join(documents)} -q "{last}".'
        )
    else:
        questions = [last]
    if not all(question.strip() for question in questions):
        raise UsageError("The question is empty.")
    if documents.count("-") > 1:
        raise UsageError("Standard input (-) can be read only once.")
    return documents, list(questions)


def _is_file(name: str) -> bool:
    """Whether the name is that of a file; a long question is none."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
