"""Bytes of a file in tensors: every one in its place, a file that ends early refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dashdoc.models import transfer
from dashdoc.models.transfer import ShortFileError, fill_from


@pytest.fixture
def stored() -> dict[str, torch.Tensor]:
    shapes = {"a": (7, 33), "b": (1,), "large": (300, 101)}
    return {name: torch.randn(*shape).to(torch.bfloat16) for name, shape in shapes.items()}


@pytest.mark.parametrize("block", [64, 1000, 1 << 20], ids="{}-byte blocks".format)
def test_tensors_get_the_bytes_stored_under_their_names(
    tmp_path: Path,
    stored: dict[str, torch.Tensor],
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "TURN", 2 * block)
    monkeypatch.setattr(transfer, "PIECE", block)
    save_file(stored, tmp_path / "shard", metadata={"format": "pt"})
    wanted = {name: torch.zeros_like(stored[name]) for name in ("large", "b")}
    copied: list[int] = []
    fill_from(tmp_path / "shard", wanted, copied.append)
    assert all(torch.equal(tensor, stored[name]) for name, tensor in wanted.items())
    assert sum(copied) == sum(tensor.nbytes for tensor in wanted.values())


def test_a_file_that_ends_early_is_an_error(
    tmp_path: Path, stored: dict[str, torch.Tensor]
) -> None:
    save_file(stored, tmp_path / "shard")
    whole = (tmp_path / "shard").read_bytes()
    (tmp_path / "shard").write_bytes(whole[:-1])
    with pytest.raises(ShortFileError):
        fill_from(tmp_path / "shard", stored, lambda _: None)
