"""Downloading a checkpoint of the hub: what it takes, then the transfer, which can be cut.

The hub's library starts a file again that was cut. A shard has gigabytes, so shards are fetched
into the hub cache here, from the byte where the last transfer ended; all else is the library's.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType

from huggingface_hub import HfApi, constants, hf_hub_url, snapshot_download
from huggingface_hub.file_download import http_get, repo_folder_name
from huggingface_hub.utils import (
    WeakFileLock,
    build_hf_headers,
    disable_progress_bars,
    filter_repo_objects,
    logging,
)

from dashdoc.errors import ModelError
from dashdoc.models.checkpoint import check_checkpoint, read_config, read_routing
from dashdoc.models.hub import DESCRIPTION, IGNORED, WEIGHTS, explained
from dashdoc.models.weights import OnBytes

# Left free on the disk: the library's own small files, and the user's next step.
SPARE_BYTES = 64 << 20


@dataclass(frozen=True)
class RemoteFile:
    """A file of the hub; `key` is its content's, by which the cache stores it."""

    name: str
    size: int
    key: str

    @property
    def resumable(self) -> bool:
        """Whether the key is the sha256 of the content, as for all but small files."""
        return len(self.key) == hashlib.sha256().digest_size * 2


@dataclass(frozen=True)
class Download:
    """What pulling a checkpoint takes; `revision` is the commit that was looked at."""

    name: str
    revision: str
    files: tuple[RemoteFile, ...]

    @property
    def total_bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def missing_bytes(self) -> int:
        """What is not in the hub cache yet."""
        return self.total_bytes - sum(self.held(file) for file in self.files)

    @property
    def repository(self) -> Path:
        """Its place in the hub cache."""
        return Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=self.name, repo_type="model"))

    @property
    def free_bytes(self) -> int:
        """Room on the disk of the hub cache."""
        place = self.repository
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def blob(self, file: RemoteFile) -> Path:
        """Where the cache stores a content."""
        return self.repository / "blobs" / file.key

    def part(self, file: RemoteFile) -> Path:
        """What a cut transfer left."""
        return self.repository / "blobs" / f"{file.key}.part"

    def placed(self, file: RemoteFile) -> Path:
        """Where the checkpoint has it: a link to the content, or the content itself."""
        return self.repository / "snapshots" / self.revision / file.name

    def is_whole(self, file: RemoteFile) -> bool:
        return any(
            path.is_file() and path.stat().st_size == file.size
            for path in (self.blob(file), self.placed(file))
        )

    def held(self, file: RemoteFile) -> int:
        """Bytes of a file that are in the hub cache."""
        if self.is_whole(file):
            return file.size
        part = self.part(file)
        return min(part.stat().st_size, file.size) if part.is_file() else 0


def plan_download(name: str) -> Download:
    """Ask the hub which files a checkpoint has at its newest commit.

    Raises:
        ModelError: unknown, refused, offline or out of reach.
    """
    with explained(name):
        info = HfApi().model_info(name, files_metadata=True)
    remote = filter_repo_objects(
        info.siblings or (),
        allow_patterns=[*DESCRIPTION, WEIGHTS],
        ignore_patterns=IGNORED,
        key=lambda file: file.rfilename,
    )
    files = tuple(
        RemoteFile(
            file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else file.blob_id or ""
        )
        for file in remote
    )
    if info.sha is None or not any(fnmatch(file.name, WEIGHTS) for file in files):
        raise ModelError(f"{name} holds no safetensors weights: dashdoc cannot load it.")
    return Download(name, info.sha, files)


def check_room(plan: Download) -> None:
    """Raises ModelError: the disk has no room for what is missing."""
    needed, free = plan.missing_bytes + SPARE_BYTES, plan.free_bytes
    if needed > free:
        raise ModelError(
            f"{plan.name} needs {needed / 2**30:.1f} GiB in {constants.HF_HUB_CACHE}, of which "
            f"{free / 2**30:.1f} GiB are free. Free some, or set HF_HUB_CACHE to a larger disk.",
            needed_bytes=needed,
            free_bytes=free,
        )


def download(plan: Download, on_bytes: OnBytes) -> Path:
    """Fetch what is missing, and check it; `on_bytes` gets the bytes there and in all.

    One file after the other, so that Ctrl-C ends it at once and little is half done.

    Raises:
        ModelError: no room, refused, cut, or of an architecture that dashdoc does not run, which
            is told before the weights are fetched.
    """
    check_room(plan)
    with explained(plan.name, transfer=True), _quiet():
        plan.repository.mkdir(parents=True, exist_ok=True)
        for file in plan.files:
            if not plan.is_whole(file):  # of another size: damaged
                plan.blob(file).unlink(missing_ok=True)
                plan.placed(file).unlink(missing_ok=True)
        _place(plan, DESCRIPTION)
    folder = plan.repository / "snapshots" / plan.revision
    read_config(folder, {})
    done = plan.total_bytes - plan.missing_bytes

    def more(count: int) -> None:
        nonlocal done
        done += count
        on_bytes(min(done, plan.total_bytes), plan.total_bytes)

    with explained(plan.name, transfer=True), _quiet():
        for file in plan.files:
            if file.resumable and not plan.is_whole(file):
                _fetch(plan, file, more)
        _place(plan, [*DESCRIPTION, WEIGHTS])
    check_checkpoint(folder, read_config(folder, read_routing(folder)))
    # Written last: until all is there, an older commit stays the one that is used.
    reference = plan.repository / "refs" / constants.DEFAULT_REVISION
    reference.parent.mkdir(exist_ok=True)
    reference.write_text(plan.revision, encoding="ascii")
    return folder


def _place(plan: Download, patterns: list[str]) -> None:
    """Let the library fetch what is not there and lay everything out."""
    snapshot_download(
        plan.name,
        revision=plan.revision,
        allow_patterns=patterns,
        ignore_patterns=IGNORED,
    )


def _fetch(plan: Download, file: RemoteFile, more: Callable[[int], None]) -> None:
    """One shard into the cache, from where the last transfer ended."""
    part, blob = plan.part(file), plan.blob(file)
    part.parent.mkdir(parents=True, exist_ok=True)
    # The library's own lock: another download of the same file waits.
    lock = Path(constants.HF_HUB_CACHE, ".locks", plan.repository.name, f"{file.key}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if part.is_file() and part.stat().st_size > file.size:
            part.unlink()
        with part.open("ab") as stream:
            http_get(
                hf_hub_url(plan.name, file.name, revision=plan.revision),
                stream,
                resume_size=stream.tell(),
                headers=build_hf_headers(),
                expected_size=file.size,
                tqdm_class=_counting(more),
            )
        with part.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != file.key:
            part.unlink()
            raise ModelError(
                f"{file.name} of {plan.name} arrived damaged (sha256 {found}, expected {file.key})."
                f" Once more: dashdoc model pull {plan.name}"
            )
        part.replace(blob)


def _counting(more: Callable[[int], None]) -> type:
    """A progress bar, as the library takes it, that hands on the bytes."""

    class Counting:
        def __init__(self, **_: object) -> None:
            pass

        def __enter__(self) -> "Counting":
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None:
            pass

        def update(self, count: int) -> None:
            more(count)

    return Counting


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own bars and warnings."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with disable_progress_bars():
            yield
    finally:
        logging.set_verbosity(verbosity)
