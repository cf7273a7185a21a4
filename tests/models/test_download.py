"""Downloads from the hub: what they take, how they are cut and go on, and how they fail."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from dashdoc.errors import ModelError, NotDownloadedError
from dashdoc.models import choose_model, load_model
from dashdoc.models.download import download, plan_download
from dashdoc.models.hub import cached_folder, cached_repository, occupied_bytes, remove
from tests.hub import Hub
from tests.models import released

NAME = "someone/tiny"


def pull(name: str = NAME) -> Path:
    return download(plan_download(name), lambda done, total: None)


def weights(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


@pytest.fixture
def published(hub: Hub, tiny_checkpoint: Path) -> Hub:
    hub.publish(NAME, tiny_checkpoint)
    return hub


# What is downloaded


def test_a_downloaded_model_is_found_and_loads(published: Hub) -> None:
    folder = pull()
    assert folder == cached_folder(NAME) == choose_model(NAME, device="cpu").folder
    load_model(choose_model(NAME, device="cpu"))


def test_only_what_a_model_is_loaded_from_is_downloaded(hub: Hub, tiny_checkpoint: Path) -> None:
    hub.publish(NAME, tiny_checkpoint, **{"pytorch_model.bin": b"pickle", "run.py": b"import os"})
    names = {path.name for path in pull().iterdir()}
    assert names == {path.name for path in tiny_checkpoint.iterdir()}


def test_the_plan_tells_what_is_missing(published: Hub, tiny_checkpoint: Path) -> None:
    plan = plan_download(NAME)
    assert plan.missing_bytes == plan.total_bytes
    assert plan.total_bytes == sum(path.stat().st_size for path in tiny_checkpoint.iterdir())
    pull()
    assert plan.missing_bytes == 0


def test_the_bytes_are_counted_up_to_all(published: Hub) -> None:
    counts: list[tuple[int, int]] = []
    plan = plan_download(NAME)
    download(plan, lambda done, total: counts.append((done, total)))
    assert counts == sorted(counts)
    assert counts[-1] == (plan.total_bytes, plan.total_bytes)


def test_what_is_there_is_not_downloaded_again(published: Hub) -> None:
    pull()
    served = published.served
    pull()
    assert published.served == served


def test_a_damaged_file_is_downloaded_again(published: Hub) -> None:
    shard = min(pull().glob("*.safetensors"))
    shard.resolve().write_bytes(b"damaged")
    with pytest.raises(ModelError, match="dashdoc model pull"):
        choose_model(NAME, device="cpu")
    pull()
    load_model(choose_model(NAME, device="cpu"))


def test_a_plain_llama_is_downloaded_too(hub: Hub, tmp_path: Path) -> None:
    weights = {n: t for n, t in released.tensors().items() if not n.endswith("indexer_q")}
    hub.publish("someone/tiny-FullAttn", released.write(tmp_path / "plain", weights))
    pull("someone/tiny-FullAttn")
    assert choose_model("someone/tiny-FullAttn", device="cpu").config.scaling_factor == 0


# Which revision


def test_the_revision_is_that_of_the_last_pull(published: Hub, tmp_path: Path) -> None:
    pull()
    first = choose_model(NAME, device="cpu").revision
    second = published.publish(NAME, released.write(tmp_path / "second"))
    assert choose_model(NAME, device="cpu").revision == first != second
    pull()
    assert choose_model(NAME, device="cpu").revision == second


def test_a_model_moved_on_while_asking_is_pulled_as_shown(
    published: Hub, tiny_checkpoint: Path
) -> None:
    """What the user agreed to is what comes, or an error, never something newer."""
    plan = plan_download(NAME)
    published.publish(NAME, tiny_checkpoint, **{"notes.json": b"{}"})
    assert download(plan, lambda done, total: None).name == plan.revision


def test_until_a_pull_is_whole_the_older_revision_is_used(published: Hub, tmp_path: Path) -> None:
    first = pull()
    published.publish(NAME, released.write(tmp_path / "second"))
    published.left = 1000
    with pytest.raises(ModelError):
        pull()
    assert cached_folder(NAME) == first


# Cut


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_transfer_goes_on_where_it_ended(
    published: Hub, tiny_checkpoint: Path, share: float
) -> None:
    total = weights(tiny_checkpoint)
    published.left = int(share * total)
    with pytest.raises(ModelError, match="was cut .* is kept") as caught:
        pull()
    assert caught.value.exit_code == 7
    with pytest.raises(NotDownloadedError, match="not wholly"):
        cached_folder(NAME)
    plan = plan_download(NAME)
    there = sum(plan.held(file) for file in plan.files if file.name.endswith(".safetensors"))
    assert 0 <= int(share * total) - there < constants.DOWNLOAD_CHUNK_SIZE
    published.left = None
    published.served = 0
    pull()
    assert published.served == total - there
    load_model(choose_model(NAME, device="cpu"))


def test_a_connection_that_breaks_now_and_then_is_taken_up_in_the_same_pull(
    published: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.left = constants.DOWNLOAD_CHUNK_SIZE + 10
    monkeypatch.setattr(
        "huggingface_hub.file_download.time.sleep", lambda _: setattr(published, "left", None)
    )
    pull()
    assert max(first for _, first in published.ranges) == constants.DOWNLOAD_CHUNK_SIZE


def test_a_part_that_is_not_of_this_file_is_noticed(published: Hub) -> None:
    plan = plan_download(NAME)
    part = plan.part(next(file for file in plan.files if file.name.endswith(".safetensors")))
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    with pytest.raises(ModelError, match="arrived damaged"):
        pull()
    pull()


# Refused


REFUSALS: dict[str, tuple[int, str | None, str]] = {
    "unknown": (404, "RepoNotFound", "no model someone/tiny, or it is private"),
    "without a token": (401, None, "HTTP 401 .* HF_TOKEN"),
    "gated": (403, "GatedRepo", "accept its terms"),
    "forbidden": (403, None, "HTTP 403 .* HF_TOKEN"),
    "broken": (500, None, "HTTP 500 .* try again later"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_what_to_do(published: Hub, case: str) -> None:
    published.status, published.error_code, words = REFUSALS[case]
    with pytest.raises(ModelError, match=words) as caught:
        pull()
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("name", ["nonsense/", "a b/c", "a/b/c", ""])
def test_a_name_that_is_no_id_is_refused(hub: Hub, name: str) -> None:
    with pytest.raises(ModelError, match="not a hub id"):
        pull(name)


def test_a_model_without_safetensors_is_refused(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf" / "weights.gguf").write_bytes(b"GGUF")
    hub.publish(NAME, tmp_path / "gguf")
    with pytest.raises(ModelError, match="no safetensors"):
        pull()


@pytest.mark.parametrize("attention", ["NSA", "InfLLMv2"])
def test_a_model_that_cannot_run_is_refused_before_its_weights_come(
    hub: Hub, tiny_checkpoint: Path, attention: str
) -> None:
    hub.publish(f"someone/tiny-{attention}", tiny_checkpoint)
    with pytest.raises(ModelError, match=f"trained with {attention}"):
        pull(f"someone/tiny-{attention}")
    assert hub.served == 0


# Offline, and out of reach


def test_offline_nothing_is_asked(published: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="Offline mode is on") as caught:
        pull()
    assert "HF_HUB_OFFLINE=0" in caught.value.message


def test_a_downloaded_model_needs_no_hub(published: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    pull()
    published.status = 500
    assert load_model(choose_model(NAME, device="cpu")).name == NAME


@pytest.mark.parametrize(
    "break_it",
    [
        lambda patch: patch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9"),
        lambda patch: patch.setenv("HTTP_PROXY", "http://127.0.0.1:9"),
        lambda patch: patch.setenv("HTTP_PROXY", "nonsense://proxy"),
        lambda patch: patch.setenv("HTTP_PROXY", "socks5://127.0.0.1:9"),
    ],
    ids=["no server", "a dead proxy", "a proxy of no kind", "a proxy without its package"],
)
def test_a_hub_out_of_reach_is_one_message(
    published: Hub,
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[pytest.MonkeyPatch], None],
) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    break_it(monkeypatch)
    with pytest.raises(ModelError, match="The hub cannot be reached") as caught:
        pull()
    assert "proxy" in caught.value.message


# The disk


def test_no_space_is_told_with_the_numbers_before_the_transfer(
    published: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=100_000)
    monkeypatch.setattr("dashdoc.models.download.shutil.disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match="GiB are free") as caught:
        pull()
    assert caught.value.details["free_bytes"] == 100_000
    assert published.served == 0


def test_a_cache_that_cannot_be_written_is_named(
    published: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match=r"cannot be stored in .*Not a directory"):
        pull()


def test_removing_frees_everything(published: Hub, hub_cache: Path, tmp_path: Path) -> None:
    pull()
    published.publish(NAME, released.write(tmp_path / "second"))
    published.left = 1000
    with pytest.raises(ModelError):
        pull()
    repository = cached_repository(NAME)
    assert repository is not None
    assert occupied_bytes(repository) > weights(cached_folder(NAME)) + 1000
    remove(repository)
    assert cached_repository(NAME) is None
    assert not any(hub_cache.glob("models--*"))


def test_a_download_that_was_cut_can_be_removed(published: Hub) -> None:
    published.left = 1000
    with pytest.raises(ModelError):
        pull()
    repository = cached_repository(NAME)
    assert repository is not None and occupied_bytes(repository) > 1000
    remove(repository)
    assert plan_download(NAME).missing_bytes == plan_download(NAME).total_bytes
