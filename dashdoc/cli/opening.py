"""From the shared options to documents, a model and a session that has read them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from dashdoc.cli.options import Settings
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.pulling import pull
from dashdoc.cli.terminal import Terminal
from dashdoc.errors import NotDownloadedError

if TYPE_CHECKING:
    from dashdoc.documents import Document
    from dashdoc.measures import Reading
    from dashdoc.models import Model, ModelChoice
    from dashdoc.readings import Readings
    from dashdoc.session import Session


@dataclass
class Opened:
    """What a command works with."""

    session: "Session"
    parsing_seconds: float

    @property
    def notices(self) -> list[str]:
        """What was said on the way."""
        session = self.session
        parsing = (notice for document in session.documents for notice in document.notices)
        return [*session.model.choice.notices, *parsing, *session.notices]


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


def choose(
    settings: Settings, terminal: Terminal, bar: ReadingBar, *, say: bool = True
) -> "ModelChoice":
    """Find the model; why it was taken is printed, unless the command shows it itself.

    One of the hub that is not there is downloaded if the user, asked at a terminal, agrees.
    """
    warnings.simplefilter("ignore" if terminal.verbosity < 2 else "default")
    from dashdoc.models import choose_model

    choose_it = partial(
        choose_model,
        settings.model,
        routing=settings.routing,
        scale=settings.scale,
        chunk_size=settings.chunk_size,
        quantize=settings.quantize,
        device=settings.device,
    )
    try:
        choice = choose_it()
    except NotDownloadedError:
        if not terminal.interactive or not pull(settings.model, terminal, bar):
            raise
        bar.model(settings.model)
        choice = choose_it()
    for notice in choice.notices if say else ():
        terminal.note(notice)
    return choice


def load(
    settings: Settings,
    terminal: Terminal,
    bar: ReadingBar,
    documents: Sequence["Document"] = (),
) -> "Model":
    """Choose and load the model, unless documents that must fit beside it do not."""
    bar.model("the model" if settings.model == "auto" else settings.model)
    choice = choose(settings, terminal, bar)
    from dashdoc.estimates import check_fits
    from dashdoc.models import load_model

    check_fits(choice, documents)
    return load_model(choice, bar.bytes)


def kept_readings(settings: Settings, bar: ReadingBar) -> "Readings | None":
    """The kept readings, where the user wants them used."""
    if not settings.cache:
        return None
    from dashdoc.readings import Readings

    return Readings(on_save=bar.keeping)


def read(
    session: "Session", readings: "Readings | None", terminal: Terminal, bar: ReadingBar
) -> "Reading":
    """Read, or restore what was kept; the notices of that are printed."""
    said = len(session.notices)
    reading = session.read(bar.tokens, readings=readings)
    for notice in session.notices[said:]:
        terminal.note(notice)
    return reading


def prepare_session(
    settings: Settings, sources: Sequence[str], terminal: Terminal, bar: ReadingBar
) -> Opened:
    """Parse and load; nothing is read yet."""
    began = perf_counter()
    documents = open_documents(settings, sources, terminal, bar)
    parsing_seconds = perf_counter() - began
    model = load(settings, terminal, bar, () if settings.truncate else documents)
    from dashdoc.session import Session

    session = Session(model, documents, truncate=settings.truncate)
    for notice in session.notices:
        terminal.note(notice)
    return Opened(session, parsing_seconds)


def open_session(settings: Settings, sources: Sequence[str], terminal: Terminal) -> Opened:
    """Parse, load and read, behind a bar."""
    with ReadingBar(terminal) as bar:
        opened = prepare_session(settings, sources, terminal, bar)
        bar.reading(opened.session.tokens)
        read(opened.session, kept_readings(settings, bar), terminal, bar)
    terminal.gap()
    return opened
