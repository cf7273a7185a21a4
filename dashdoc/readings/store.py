"""The folder of kept readings: restoring, saving, listing and removing them.

Several processes may use it at once. A file appears whole, by renaming, and one that is removed
while another process reads it stays readable there.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any

from dashdoc.measures import Reading, Routing, to_json
from dashdoc.readings.keys import reading_key
from dashdoc.readings.layout import UnusableReadingError, read_about

if TYPE_CHECKING:
    from dashdoc.models import Model
    from dashdoc.models.cache import DashCache
    from dashdoc.readings.file import ReadingWriter

LIMIT = 20 * 10**9  # bytes
SUFFIX, PARTIAL = ".safetensors", ".part"
# An unfinished file that nobody has written to for so long was left by a process that was killed.
ABANDONED_SECONDS = 24 * 3600
SHOWN_DIGITS = 12


def readings_folder() -> Path:
    """Where readings are kept: in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "dashdoc" / "readings"


@dataclass(frozen=True)
class Kept:
    """What is known of a restored reading beside its cache."""

    routing: Routing
    read_at: str


@dataclass(frozen=True)
class Entry:
    """A kept reading in its folder; `about` is None where the file cannot be used."""

    path: Path
    bytes: int
    used: float  # seconds since the epoch
    about: dict[str, Any] | None

    @property
    def id(self) -> str:
        """Enough of its key to name it."""
        return self.path.stem[:SHOWN_DIGITS]


class Readings:
    """The kept readings of this user.

    What could not be restored or kept is a notice and never an error: a document can always be
    read.

    Args:
        folder: private to the user; that of `readings_folder` where not given.
        limit: bytes; what was not used for longest is removed to stay below.
        on_save: called when saving begins.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        limit: int = LIMIT,
        on_save: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder or readings_folder()
        self.limit = limit
        self._notices: list[str] = []
        self._on_save = on_save

    def restore(
        self,
        model: "Model",
        ids: Sequence[int],
        cache: "DashCache",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Kept | None:
        """Fill an empty cache with the reading of `ids`; None if there is none that can be used."""
        from dashdoc.readings.file import restore_reading

        path = self._path(key := reading_key(model, ids))
        try:
            kept = _kept(restore_reading(path, key, model, ids, cache, on_progress))
        except FileNotFoundError:
            return None
        except (UnusableReadingError, OSError) as error:
            cache.rewind(0)
            why = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            self._notices.append(f"The kept reading {path} {why}: the document was read anew.")
            return None
        with suppress(OSError):
            os.utime(path)
        return kept

    def save(
        self, model: "Model", ids: Sequence[int], cache: "DashCache", reading: Reading
    ) -> None:
        """Keep a reading, in place of an earlier one of the same key, and stay below the limit."""
        from dashdoc.readings.file import ReadingWriter

        key = reading_key(model, ids)
        about = {
            "model": model.name,
            "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "reading": to_json(reading),
        }
        writer = ReadingWriter(key, about, ids, cache)
        if writer.bytes > self.limit:
            self._notices.append(
                f"The reading is not kept: it takes {writer.bytes / 1e9:.1f} GB, and all kept "
                f"readings together may take {self.limit / 1e9:.1f} GB."
            )
            return
        if self._on_save:
            self._on_save()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self._remove_partial(older_than=ABANDONED_SECONDS)
            self._write(self._path(key), writer)
            self.prune(self.limit)
        except OSError as error:
            why = error.strerror or str(error)
            self._notices.append(f"The reading could not be kept in {self.folder}: {why}.")

    def take_notices(self) -> list[str]:
        """What went wrong since the last call."""
        taken, self._notices = self._notices, []
        return taken

    def entries(self) -> list[Entry]:
        """All of them, the last used first."""
        found = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # another process has removed it
                status = path.stat()
                found.append(Entry(path, status.st_size, status.st_mtime, read_about(path)))
        return sorted(found, key=lambda entry: entry.used, reverse=True)

    def prune(self, limit: int) -> list[Entry]:
        """Remove what was not used for longest until the rest takes at most `limit` bytes."""
        total, gone = 0, []
        for entry in self.entries():
            total += entry.bytes
            if total > limit:
                gone.append(entry)
        return self.remove(gone)

    def remove(self, entries: Iterable[Entry]) -> list[Entry]:
        """Remove some; those that were still there."""
        removed = []
        for entry in entries:
            with suppress(FileNotFoundError):
                entry.path.unlink()
                removed.append(entry)
        return removed

    def clear(self) -> list[Entry]:
        """Remove all, also what is half written: another process then fails to keep it."""
        self._remove_partial(older_than=0)
        return self.remove(self.entries())

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _write(self, path: Path, writer: "ReadingWriter") -> None:
        """Write beside the target, sync, rename: whatever happens, a file is whole or not there."""
        file, name = mkstemp(PARTIAL, ".", self.folder)  # readable by the user only
        partial = Path(name)
        try:
            try:
                writer.write(file)
                os.fsync(file)
            finally:
                os.close(file)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _remove_partial(self, *, older_than: float) -> None:
        for partial in self.folder.glob(f".*{PARTIAL}"):
            with suppress(FileNotFoundError):
                if time.time() - partial.stat().st_mtime >= older_than:
                    partial.unlink()


def _kept(about: dict[str, Any]) -> Kept:
    try:
        return Kept(Routing(**about["reading"]["routing"]), about["read_at"])
    except (KeyError, TypeError) as error:
        raise UnusableReadingError("is of another version") from error
