"""A reading on the GPU is restored to the GPU as it was."""

from pathlib import Path

import torch

from dashdoc.models import choose_model, load_model
from dashdoc.models.generation import forward
from dashdoc.readings import Readings
from dashdoc.session import Session
from tests.session.conftest import document, pages, request_of


def test_restored_logits_equal_fresh_ones_bit_for_bit(tmp_path: Path) -> None:
    model = load_model(choose_model("bundled", device="cuda"))
    ids = torch.tensor([request_of(model, "Where was it?")], device="cuda")
    logits = []
    for restored in (False, True):
        session = Session(model, [document(*pages(60))])
        reading = session.read(readings=Readings(tmp_path / "readings"))
        assert bool(reading.restored_from) == restored
        logits.append(forward(model.network, ids, session._cache))
    assert torch.equal(*logits)
