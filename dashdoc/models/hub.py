"""Checkpoints of the hub: found in its cache, downloaded, removed.

A checkpoint is used at the commit that was pulled last; between two pulls the hub is asked nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from huggingface_hub import (
    CachedRepoInfo,
    constants,
    errors,
    scan_cache_dir,
    snapshot_download,
)

from dashdoc.errors import ModelError, NotDownloadedError
from dashdoc.released import RELEASED

# What a model is loaded from; weights in folders of their own are other formats.
DESCRIPTION = ["*.json", "*.jinja", "tokenizer.model"]
WEIGHTS = "*.safetensors"
IGNORED = ["*/*"]


def cached_folder(name: str) -> Path:
    """The folder of a checkpoint in the hub cache.

    Raises:
        NotDownloadedError: it is not there, or only a part of it.
        ModelError: the name is no hub id.
    """
    with explained(name):
        try:
            folder = snapshot_download(
                name,
                allow_patterns=[*DESCRIPTION, WEIGHTS],
                ignore_patterns=IGNORED,
                local_files_only=True,
            )
        except errors.LocalEntryNotFoundError as error:
            offline = ", with offline mode off (HF_HUB_OFFLINE)" if constants.HF_HUB_OFFLINE else ""
            raise NotDownloadedError(
                f"{name} is not, or not wholly, in the hub cache ({constants.HF_HUB_CACHE}). "
                f"To download it: dashdoc model pull {name}{offline}",
                model=name,
            ) from error
    return Path(folder)


def revision_of(folder: Path) -> str | None:
    """The commit of a folder of the hub cache."""
    return folder.name if folder.parent.name == "snapshots" else None


def cached_repository(name: str) -> CachedRepoInfo | None:
    """All that the hub cache holds of a checkpoint, every revision."""
    with suppress(errors.CacheNotFound):
        for repository in scan_cache_dir(constants.HF_HUB_CACHE).repos:
            if (repository.repo_id, repository.repo_type) == (name, "model"):
                return repository
    return None


def occupied_bytes(repository: CachedRepoInfo) -> int:
    """What removing it frees, parts of files that a cut transfer left included."""
    return sum(
        path.lstat().st_size for path in repository.repo_path.rglob("*") if not path.is_symlink()
    )


def remove(repository: CachedRepoInfo) -> None:
    """Delete every revision from the hub cache."""
    # The library finds revisions by their commits alone, which a copy of a model shares with it.
    cache = replace(scan_cache_dir(constants.HF_HUB_CACHE), repos=frozenset({repository}))
    commits = [revision.commit_hash for revision in repository.revisions]
    cache.delete_revisions(*commits).execute()


@contextmanager
def explained(name: str, *, transfer: bool = False) -> Iterator[None]:
    """Whatever the hub, the network or the disk answers becomes one message.

    Args:
        transfer: whether files are under way, which can be cut and go on.

    Raises:
        ModelError: instead of their errors.
    """
    try:
        yield
    except errors.HFValidationError as error:
        raise ModelError(f"{name} is not a hub id like {RELEASED}.") from error
    except errors.OfflineModeIsEnabled as error:
        raise ModelError(
            f"Offline mode is on (HF_HUB_OFFLINE): {name} cannot be downloaded. "
            f"Without it: HF_HUB_OFFLINE=0 dashdoc model pull {name}"
        ) from error
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{name} is gated: accept its terms on its page of the hub, and set HF_TOKEN."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"The hub has no model {name}, or it is private (set HF_TOKEN)."
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        way_out = "set an HF_TOKEN that may read it" if status in (401, 403) else "try again later"
        raise ModelError(f"The hub answered HTTP {status} for {name}: {way_out}.") from error
    except (
        errors.HTTPError,  # of whichever HTTP client the library has
        errors.LocalEntryNotFoundError,
        ValueError,  # this and the next: the client refuses the address of a proxy
        ImportError,
    ) as error:
        raise _broken(name, error, transfer) from error
    except OSError as error:
        if error.errno is None:  # fewer bytes than were announced
            raise _broken(name, error, transfer) from error
        raise ModelError(
            f"{name} cannot be stored in {constants.HF_HUB_CACHE}: {error.strerror}."
        ) from error


def _broken(name: str, error: Exception, transfer: bool) -> ModelError:
    reason = f"{type(error).__name__}: {error}".rstrip(".")
    if transfer:
        return ModelError(
            f"The transfer of {name} was cut ({reason}). What came is kept; to go on from there: "
            f"dashdoc model pull {name}"
        )
    return ModelError(f"The hub cannot be reached ({reason}). Check the network and the proxy.")
