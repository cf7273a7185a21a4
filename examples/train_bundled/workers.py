"""One process a GPU: what the processes of `torchrun` agree on; alone, one agrees with itself."""

import os

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Worker:
    """This process among those of a training; the processes hold equal weights throughout.

    `torchrun` tells each its place by `RANK`, `LOCAL_RANK` and `WORLD_SIZE`.
    """

    def __init__(self) -> None:
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.device = torch.device("cpu")
        if torch.cuda.is_available():
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
            torch.cuda.set_device(self.device)
        if self.count > 1:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    @property
    def first(self) -> bool:
        """Whether this process is the one that logs and saves."""
        return self.rank == 0

    def average_gradients(self, *models: nn.Module) -> None:
        """The mean of every gradient over all processes."""
        if self.count == 1:
            return
        learned = [p for model in models for p in model.parameters() if p.grad is not None]
        together = torch.cat([p.grad.flatten() for p in learned if p.grad is not None])
        dist.all_reduce(together)
        together /= self.count
        for p, mean in zip(learned, together.split([p.numel() for p in learned]), strict=True):
            p.grad = mean.view_as(p)

    def agreed(self, value: float) -> float:
        """The first process's value: clocks differ, learning rates must not."""
        if self.count == 1:
            return value
        return self.shared(torch.tensor(value, dtype=torch.float64)).item()

    def shared(self, tensor: Tensor) -> Tensor:
        """The first process's tensor, on this one's device; all must have the same shape."""
        tensor = tensor.to(self.device)
        if self.count > 1:
            dist.broadcast(tensor, 0)
        return tensor

    def leave(self) -> None:
        """Part from the others, at the end."""
        if self.count > 1:
            dist.destroy_process_group()
