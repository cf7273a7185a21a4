"""Several processes train one model: each on rows of its own, all with the same weights."""

import os
import socket
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.multiprocessing import spawn

from examples.train_bundled.workers import Worker


def work(rank: int, port: int, out: Path) -> None:
    told = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    torch.set_num_threads(1)
    worker = Worker()
    model = nn.Linear(3, 2)
    nn.init.ones_(model.weight)
    model(torch.full((1, 3), rank + 1.0)).sum().backward()
    worker.average_gradients(model)
    found = (model.weight.grad, worker.agreed(float(rank + 7)), worker.first)
    torch.save(found, out / f"{rank}.pt")
    worker.leave()


def test_workers_have_the_same_gradients_and_the_same_clock(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(work, (port, tmp_path), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for rank, (gradient, clock, first) in enumerate(found):
        # Of 1 and 2, the inputs of the two.
        torch.testing.assert_close(gradient, torch.full((2, 3), 1.5))
        assert clock == 7.0
        assert first == (rank == 0)


def test_a_process_alone_needs_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    worker, model = Worker(), nn.Linear(3, 2)
    model(torch.ones(1, 3)).sum().backward()
    before = model.weight.grad
    worker.average_gradients(model)
    assert worker.first and worker.agreed(2.5) == 2.5
    assert model.weight.grad is before
