"""From the shared options to documents, a model and a session that has read them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from dashdoc.cli.options import Settings
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.terminal import Terminal

if TYPE_CHECKING:
    from dashdoc.documents import Document
    from dashdoc.models import Model, ModelChoice
    from dashdoc.session import Session


@dataclass
class Opened:
    """What a command works with, and what was said on the way."""

    session: "Session"
    parsing_seconds: float
    notices: list[str] = field(default_factory=list)


def open_documents(
    settings: Settings, sources: Sequence[str], terminal: Terminal, bar: ReadingBar
) -> list["Document"]:
    """Parse documents; their notices are printed."""
    from dashdoc.documents import read_document

    documents = []
    for number, source in enumerate(sources, start=1):
        place = f"{number}/{len(sources)}" if len(sources) > 1 else ""
        bar.document("standard input" if source == "-" else source, place)
        document = read_document(
            source, password=settings.password, pages=settings.pages, on_page=bar.page
        )
        for notice in document.notices:
            terminal.note(notice)
        documents.append(document)
    return documents


def choose(settings: Settings, terminal: Terminal, *, say: bool = True) -> "ModelChoice":
    """Find the model; why it was taken is printed, unless the command shows it itself."""
    warnings.simplefilter("ignore" if terminal.verbosity < 2 else "default")
    from dashdoc.models import choose_model

    choice = choose_model(
        settings.model,
        routing=settings.routing,
        scale=settings.scale,
        chunk_size=settings.chunk_size,
        device=settings.device,
    )
    for notice in choice.notices if say else ():
        terminal.note(notice)
    return choice


def load(settings: Settings, terminal: Terminal, bar: ReadingBar) -> "Model":
    """Choose and load the model."""
    bar.model("the model" if settings.model == "auto" else settings.model)
    choice = choose(settings, terminal)
    from dashdoc.models import load_model

    return load_model(choice)


def open_session(settings: Settings, sources: Sequence[str], terminal: Terminal) -> Opened:
    """Parse, load and read, behind a bar."""
    with ReadingBar(terminal) as bar:
        began = perf_counter()
        documents = open_documents(settings, sources, terminal, bar)
        parsing_seconds = perf_counter() - began
        model = load(settings, terminal, bar)
        from dashdoc.session import Session

        session = Session(model, documents, truncate=settings.truncate)
        for notice in session.notices:
            terminal.note(notice)
        bar.reading(session.tokens)
        session.read(bar.tokens)
    terminal.gap()
    notices = [*model.choice.notices, *(n for d in documents for n in d.notices), *session.notices]
    return Opened(session, parsing_seconds, notices)
