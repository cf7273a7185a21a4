"""Run summaries and show them as they come."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dashdoc.cli.answering import note_ending
from dashdoc.cli.figures import counted, versions
from dashdoc.cli.measures_view import measures_view
from dashdoc.cli.objects import (
    choice_object,
    document_object,
    failure_object,
    folder_object,
    model_object,
)
from dashdoc.cli.opening import choose, kept_readings, load, open_documents
from dashdoc.cli.options import Settings
from dashdoc.cli.progress import ReadingBar
from dashdoc.cli.summaries_view import PrintingScreen, Screen, failures_view
from dashdoc.cli.terminal import INTERRUPTED, Terminal
from dashdoc.errors import PartialFailureError, UsageError
from dashdoc.folder_runs import FolderRun, FolderSummary

if TYPE_CHECKING:
    from dashdoc.documents import Document
    from dashdoc.models import Model


def documents_in(sources: Sequence[str], *, recursive: bool, include: Sequence[str]) -> list[Path]:
    """The files named and the documents of the folders named, each once."""
    from dashdoc.documents import find_documents

    if "-" in sources:
        raise UsageError("Standard input (-) can be summarized only alone, without --output-dir.")
    paths: dict[Path, Path] = {}
    for source in map(Path, sources):
        found = [source]
        if source.is_dir():
            found = find_documents(source, recursive=recursive, include=include)
        for path in found:
            paths.setdefault(path.resolve(), path)
    return list(paths.values())


def summarize_one(source: str, settings: Settings, terminal: Terminal) -> int:
    """Summarise a single document to stdout."""
    with ReadingBar(terminal) as bar:
        [document] = open_documents(settings, [source], terminal, bar)
        model = load(settings, terminal, bar)
        from dashdoc.summaries import summarize_document

        made = summarize_document(
            model,
            document,
            max_tokens=settings.max_tokens,
            truncate=settings.truncate,
            watcher=Screen(terminal, bar, kept_readings(settings, bar), streaming=True),
        )
    if terminal.format != "text":
        record = made.record()
        record["notices"] = [*model.choice.notices, *document.notices, *made.notices]
        about = {"documents": [document_object(document)], "model": model_object(model)}
        terminal.write_json({**record, **about, "versions": versions()})
    note_ending(made.answers[-1], settings.max_tokens, terminal)
    if terminal.format == "text":
        view = measures_view(made.readings, made.answers, model.name, terminal.verbosity)
        terminal.show(view)
    return INTERRUPTED if made.finish_reason == "interrupted" else 0


def summarize_many(
    paths: list[Path], output_dir: Path | None, settings: Settings, terminal: Terminal
) -> int:
    """Summarise many documents, each and all, to stdout or into a folder."""
    with ReadingBar(terminal) as bar:
        bar.model("the model's configuration")
        choice = choose(settings, terminal, bar)
        description = choice_object(choice)
        identity = ("name", "weight_bytes", "dtype", "quantization")
        screen = (Screen if output_dir else PrintingScreen)(
            terminal, bar, kept_readings(settings, bar), streaming=False
        )

        def loaded() -> "Model":
            from dashdoc.models import load_model

            bar.model(choice.name)
            return load_model(choice, bar.bytes)

        run = FolderRun(
            paths,
            load=loaded,
            read=reader(settings),
            settings={
                "model": {name: description[name] for name in identity},
                "routing": description["routing"],
                "max_tokens": settings.max_tokens,
                "pages": settings.pages,
                "truncate": settings.truncate,
            },
            max_tokens=settings.max_tokens,
            truncate=settings.truncate,
            output_dir=output_dir,
            watcher=screen,
        )
        try:
            summary = run.run()
        except KeyboardInterrupt:
            bar.clear()
            if output_dir:
                done = len(run.summary.results)
                terminal.note(
                    f"{done} of {counted(len(run.paths), 'document')} are done; the same command "
                    "goes on from there."
                )
            raise
    _print_overall(summary, screen, terminal, output_dir)
    if terminal.format == "json":
        about = {"model": description, "notices": list(choice.notices), "versions": versions()}
        terminal.write_json({**folder_object(summary, output_dir), **about})
    if summary.failures:
        terminal.stderr.print("", failures_view(summary.failures), sep="\n")
        return PartialFailureError.exit_code
    return 0


def reader(settings: Settings) -> Callable[[Path, Callable[[int, int], None]], "Document"]:
    """`read_document` with the options of the command line."""
    from dashdoc.documents import read_document

    def read(path: Path, on_page: Callable[[int, int], None]) -> "Document":
        return read_document(
            path, password=settings.password, pages=settings.pages, on_page=on_page
        )

    return read


def _print_overall(
    summary: FolderSummary, screen: Screen, terminal: Terminal, output_dir: Path | None
) -> None:
    if output_dir:
        kept = f" ({summary.kept} of them by an earlier run)" if summary.kept else ""
        made = counted(len(summary.results), "document")
        terminal.stage(f"Summaries of {made}{kept} are in {output_dir}.")
        if terminal.format == "jsonl":
            for result in summary.results:
                screen.print(result, str(result.path))
    if summary.overall and (not output_dir or terminal.format == "jsonl"):
        screen.print(summary.overall, f"All {counted(len(summary.results), 'document')}")
    if terminal.format == "jsonl":
        for failure in summary.failures:
            terminal.write_json(failure_object(failure))
