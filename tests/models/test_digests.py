"""Files of a checkpoint that are not what its `SHA256SUMS` says."""

import shutil
from pathlib import Path

import pytest

from dashdoc.errors import ModelError
from dashdoc.models import checkpoint
from dashdoc.models.digests import SUMS, check_digests
from dashdoc.models.loading import BUNDLED


def test_the_bundled_model_is_what_its_checksums_say() -> None:
    check_digests(BUNDLED)
    listed = [line.split("  ")[1] for line in (BUNDLED / SUMS).read_text("utf-8").splitlines()]
    assert {path.name for path in checkpoint.shards(BUNDLED)} < set(listed)
    card = (BUNDLED / "README.md").read_text("utf-8")
    for line in (BUNDLED / SUMS).read_text("utf-8").splitlines():
        if "safetensors" in line:
            assert line.split("  ")[0] in card


def test_a_flipped_bit_in_the_weights_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(BUNDLED, folder)
    shard = checkpoint.shards(folder)[0]
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(ModelError, match=f"{shard.name} is damaged: its SHA-256 is .*again"):
        checkpoint.check_checkpoint(folder, checkpoint.read_config(folder, {}))


def test_a_folder_without_checksums_is_taken_as_it_is(tmp_path: Path) -> None:
    check_digests(tmp_path)
