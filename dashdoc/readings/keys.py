"""The name of a kept reading: a hash of everything that it depends on."""

import json
from array import array
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import dashdoc
from dashdoc.readings.layout import FORMAT

if TYPE_CHECKING:
    from dashdoc.models import Model


def reading_key(model: "Model", ids: Sequence[int]) -> str:
    """The hash of checkpoint, routing, number formats, versions and the tokens, all of them.

    A reading that only begins with the same tokens has another key: prefixes are not shared.
    """
    from dashdoc.models.configuration import ROUTING_PRESETS

    choice = model.choice
    depends = {
        "format": FORMAT,
        "dashdoc": dashdoc.__version__,
        "checkpoint": checkpoint_identity(choice.folder),
        "routing": {name: getattr(choice.config, name) for name in ROUTING_PRESETS["package"]},
        "device": choice.device.type,
        "dtype": str(choice.dtype),
        "quantization": choice.quantization,
        "tokens": sha256(array("i", ids).tobytes()).hexdigest(),
    }
    return sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()


def checkpoint_identity(folder: Path) -> list[list[str]]:
    """Configuration and shards by what they hold, as far as that is told without reading them.

    In the hub cache a shard is a link to a file that is named by its hash. The bundled shards are
    small enough to be hashed. In other folders a shard is known by its size and time of change.
    """
    from dashdoc.models.loading import BUNDLED

    identity = []
    for file in [folder / "config.json", *sorted(folder.glob("*.safetensors"))]:
        target = file.resolve()
        if target.parent.name == "blobs":
            known = target.name
        elif folder == BUNDLED or file.suffix == ".json":
            known = sha256(file.read_bytes()).hexdigest()
        else:
            found = file.stat()
            known = f"{found.st_size} bytes, {found.st_mtime_ns}"
        identity.append([file.name, known])
    return identity
