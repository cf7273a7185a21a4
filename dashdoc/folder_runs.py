"""Summaries of many documents in one run that can be interrupted and resumed."""

import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashdoc.documents import Document
from dashdoc.documents.characters import printable
from dashdoc.errors import DashdocError, DeviceError, ModelError, UsageError
from dashdoc.summaries import (
    Summary,
    Watcher,
    document_of_summaries,
    summarize_document,
)

if TYPE_CHECKING:
    from dashdoc.models import Model
    from dashdoc.session import Cut

RESULTS = "results.jsonl"
OVERALL = "summary.md"


class UnwritableError(UsageError):
    """The output folder takes no more: nothing that could still be made would be kept."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"--output-dir {folder} cannot be written: {error.strerror or error}. "
            "What was finished is kept; once this is mended, the same command goes on from there."
        )


class FolderWatcher(Watcher):
    """Told also which document it is."""

    def begin(self, path: Path | None, number: int, total: int) -> None:
        """A document begins, or the summary over all (`path` is None)."""

    def page(self, done: int, total: int) -> None:
        """A page was parsed."""

    def done(self, result: "Result") -> None:
        """A document has its summary."""

    def failed(self, failure: "Failure") -> None:
        """A document has no summary."""


@dataclass(frozen=True)
class Failure:
    """A document that could not be summarised, and why."""

    path: Path
    kind: str
    message: str


@dataclass(frozen=True)
class Result:
    """The summary of one document, or of all (`path` is None); `kept` from an earlier run."""

    path: Path | None
    record: Mapping[str, Any]
    kept: bool = False

    @property
    def text(self) -> str:
        return str(self.record["summary"])


@dataclass
class FolderSummary:
    """What a run over many documents came to."""

    results: list[Result] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    overall: Result | None = None

    @property
    def kept(self) -> int:
        """Documents whose summary an earlier run made."""
        return sum(result.kept for result in self.results)


class FolderRun:
    """One summary a document, one over all; with a folder for them, a run that can be resumed.

    Args:
        paths: the documents.
        load: called for the model when the first document needs it.
        read: from a path to a document, with a callback for its pages.
        settings: all that a summary depends on beside the document; a summary that an earlier
            run made of the same content with the same settings is kept.
        output_dir: gets a Markdown file a document, one over all, and `results.jsonl`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        load: "Callable[[], Model]",
        read: Callable[[Path, Callable[[int, int], None]], Document],
        settings: Mapping[str, Any],
        max_tokens: int,
        truncate: "Cut | None" = None,
        output_dir: Path | None = None,
        watcher: FolderWatcher | None = None,
    ) -> None:
        self.summary = FolderSummary()
        self._load, self._read = load, read
        self._model: Model | None = None
        self._max_tokens, self._truncate = max_tokens, truncate
        self._watcher = watcher or FolderWatcher()
        self._store = Store(output_dir, settings) if output_dir else None
        self.paths = [path for path in paths if not (self._store and self._store.owns(path))]

    def run(self) -> FolderSummary:
        """Summarise them all.

        Raises:
            ModelError, DeviceError: the model cannot be loaded.
            UnwritableError: the output folder takes no more.
            KeyboardInterrupt: `summary` holds what was finished until then.
        """
        summary = self.summary = FolderSummary()
        for number, path in enumerate(self.paths, start=1):
            self._watcher.begin(path, number, len(self.paths))
            try:
                result = self._one(path)
            except UnwritableError:
                raise
            except Exception as error:  # one bad file must not end the run
                if self._model is None and isinstance(error, ModelError | DeviceError):
                    raise
                failure = _failure(path, error)
                summary.failures.append(failure)
                if self._store:
                    self._store.add_failure(failure)
                self._watcher.failed(failure)
            else:
                summary.results.append(result)
                self._watcher.done(result)
        if summary.results:
            summary.overall = self._overall(summary.results)
        return summary

    def _one(self, path: Path) -> Result:
        content = sha256(path.read_bytes()).hexdigest()
        if self._store and (record := self._store.keep(path, content)):
            return Result(path, record, kept=True)
        document = self._read(path, self._watcher.page)
        for notice in document.notices:
            self._watcher.notice(notice)
        made = summarize_document(
            self._loaded(),
            document,
            max_tokens=self._max_tokens,
            truncate=self._truncate,
            watcher=self._watcher,
        )
        record = _finished(made, document.notices)
        if self._store:
            self._store.add(path, content, record)
        return Result(path, record)

    def _overall(self, results: Sequence[Result]) -> Result:
        texts = [
            f"{printable(result.path.name)}: {result.text}" for result in results if result.path
        ]
        document = document_of_summaries(f"{len(results)} documents", texts)
        if self._store and (record := self._store.keep(None, document.sha256)):
            return Result(None, record, kept=True)
        if len(results) == 1:
            record = {**results[0].record, "readings": [], "answers": []}
        else:
            self._watcher.begin(None, len(results), len(self.paths))
            made = summarize_document(
                self._loaded(), document, max_tokens=self._max_tokens, watcher=self._watcher
            )
            record = _finished(made)
        if self._store:
            self._store.add(None, document.sha256, record)
        return Result(None, record)

    def _loaded(self) -> "Model":
        if self._model is None:
            self._model = self._load()
        return self._model


class Store:
    """A folder of Markdown summaries and the append-only `results.jsonl` behind them."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._settings = json.loads(json.dumps(settings))
        self._records: dict[str, dict[str, Any]] = {}
        self._files: dict[str | None, str] = {}  # path of a document -> its Markdown file
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--output-dir {folder} cannot be made: {error.strerror}. Name another folder."
            ) from error
        self._log = folder / RESULTS
        self._load()

    def owns(self, path: Path) -> bool:
        """Whether a file is one that this folder was filled with."""
        if path.parent.resolve() != self._folder.resolve():
            return False
        return path.name == RESULTS or path.name in self._files.values()

    def keep(self, path: Path | None, content: str) -> dict[str, Any] | None:
        """The record of the same content under the same settings, now also that of `path`."""
        record = self._records.get(content)
        if record and _key(path) in self._files:
            self._write(path, record)
        elif record:
            self.add(path, content, record)
        return record

    def add(self, path: Path | None, content: str, record: dict[str, Any]) -> None:
        """Keep a summary: first the line in the log, then the Markdown file."""
        about = {"path": _key(path), "sha256": content, "file": self._file(path)}
        line = {**about, **record, **about, "settings": self._settings}
        self._append(line)
        self._records[content] = line
        self._write(path, record)

    def add_failure(self, failure: Failure) -> None:
        """Log why a document has no summary; a later run tries it again."""
        error = {"kind": failure.kind, "message": failure.message}
        self._append({"path": _key(failure.path), "settings": self._settings, "error": error})

    def _write(self, path: Path | None, record: Mapping[str, Any]) -> None:
        """Write the Markdown file of a document, or the one over all, unless it is there."""
        file = self._folder / self._file(path)
        content = _encoded(markdown(printable(path.name) if path else "Summary", record))
        with suppress(OSError):
            if file.read_bytes() == content:
                return
        partial = file.with_name(f".{file.name}.part")
        try:
            partial.write_bytes(content)
            partial.replace(file)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise UnwritableError(self._folder, error) from error

    def _append(self, line: Mapping[str, Any]) -> None:
        content = _encoded(json.dumps(line, ensure_ascii=False)) + b"\n"
        try:
            with self._log.open("ab", buffering=0) as log:
                end = log.tell()
                try:
                    if log.write(content) < len(content):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(log.fileno())
                except OSError:
                    log.truncate(end)  # the next line must not go on where half of this one ended
                    raise
        except OSError as error:
            raise UnwritableError(self._folder, error) from error

    def _load(self) -> None:
        """Take in the log of earlier runs; a line left half written is cut off."""
        if not self._log.exists():
            return
        content = self._log.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self._log.open("r+b") as log:
                log.truncate(len(whole))
        for line in whole.splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if "file" in record:
                self._files[record["path"]] = record["file"]
                if record["settings"] == self._settings:
                    self._records[record["sha256"]] = record

    def _file(self, path: Path | None) -> str:
        """The name of a Markdown file: always the same for a path, never that of another file."""
        key = _key(path)
        if key not in self._files:
            stem = path.stem if path else Path(OVERALL).stem
            taken = {name.casefold() for name in self._files.values()}
            taken |= {file.name.casefold() for file in self._folder.iterdir()}
            if path:
                taken.add(OVERALL)
            name, number = f"{stem}.md", 1
            while name.casefold() in taken:
                number += 1
                name = f"{stem}-{number}.md"
            self._files[key] = name
        return self._files[key]


def markdown(title: str, record: Mapping[str, Any]) -> str:
    """A summary as a Markdown file, with a last line on what it was made from."""
    made = []
    if record.get("pages"):
        made.append(f"{record['pages']:,} pages" if record["pages"] > 1 else "1 page")
    if record.get("readings"):
        made.append(f"{sum(reading['tokens'] for reading in record['readings']):,} tokens")
    if record["parts"] > 1:
        made.append(f"read in {record['parts']} parts")
    if record["finish_reason"] != "stop":
        made.append(f"the summary ended by {record['finish_reason']}")
    made.extend(record.get("notices", ()))
    below = f"\n*{'; '.join(made)}*\n" if made else ""
    return f"# {title}\n\n{record['summary']}\n{below}"


def _encoded(text: str) -> bytes:
    r"""UTF-8; a byte of a file's name that is none becomes `\udcXX`, which JSON reads back."""
    return text.encode(errors="backslashreplace")


def _key(path: Path | None) -> str | None:
    """A document's name in the log, the same from wherever the run is started."""
    return str(path.resolve()) if path else None


def _finished(made: Summary, notices: Sequence[str] = ()) -> dict[str, Any]:
    """The record of a summary; one that was interrupted is to be made again."""
    if made.finish_reason == "interrupted":
        raise KeyboardInterrupt
    record = made.record()
    return {**record, "notices": [*notices, *record["notices"]]}


def _failure(path: Path, error: Exception) -> Failure:
    if isinstance(error, DashdocError):
        return Failure(path, error.kind, error.message)
    if isinstance(error, OSError):
        return Failure(path, "input", f"{path} cannot be read: {error.strerror or error}.")
    return Failure(path, "internal", f"{type(error).__name__}: {error}")
