"""The machine and what computes on it."""

import os
import platform
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashdoc.models import ModelChoice


def machine(choice: "ModelChoice") -> dict[str, Any]:
    """System, processor, device and backend."""
    import torch

    found: dict[str, Any] = {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "cpus": os.cpu_count() or 1,
        "device": str(choice.device),
        "device_name": None,
        "backend": "PyTorch",
    }
    if choice.device.type == "cuda":
        found["device_name"] = torch.cuda.get_device_name(choice.device)
    return found
