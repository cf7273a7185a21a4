"""Memory that nobody wrote is poisoned."""

from typing import Any

import pytest
import torch

JUNK = 0x5A5A5A5A


@pytest.fixture(autouse=True)
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill what is allocated without a value with NaN, or junk: what is read was written."""

    def poisoned(allocate: Any) -> Any:
        def call(*args: Any, **options: Any) -> torch.Tensor:
            tensor = allocate(*args, **options)
            return tensor.fill_(float("nan") if tensor.is_floating_point() else JUNK)

        return call

    monkeypatch.setattr(torch.Tensor, "new_empty", poisoned(torch.Tensor.new_empty))
    monkeypatch.setattr(torch, "empty_like", poisoned(torch.empty_like))
