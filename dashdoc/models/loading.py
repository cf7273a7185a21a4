"""From a name to a model on a device: the bundled one, a folder, or a checkpoint of the hub."""

import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from transformers import AutoTokenizer
from transformers.utils import logging as transformers_logging

from dashdoc.errors import DeviceError, ModelError
from dashdoc.kernels.operator import QUERY_BLOCK
from dashdoc.models.checkpoint import check_checkpoint, read_config
from dashdoc.models.configuration import ROUTING_PRESETS, DashLlamaConfig
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.memory import free_bytes, largest_context

RELEASED = "fasa-org/MiniCPM-4-8B-DashAttention"
BUNDLED = Path(__file__).parent / "bundled"
_FILES = ["*.safetensors", "*.json", "*.jinja", "tokenizer.model"]


@dataclass(frozen=True)
class ModelChoice:
    """Which checkpoint is meant, found but not loaded; `reason` says why under `auto`."""

    name: str
    folder: Path
    config: DashLlamaConfig
    device: torch.device
    dtype: torch.dtype
    weight_bytes: int
    notices: tuple[str, ...] = ()

    @property
    def prefill_piece(self) -> int:
        """Tokens read at once: enough to fill the device, few enough to keep memory flat."""
        return 512 if self.device.type == "cpu" else 4096

    @property
    def trained_tokens(self) -> int:
        """The context the model was trained for."""
        return int(self.config.max_position_embeddings)

    def largest_context(self, free: int) -> int:
        """Tokens of context that fit into `free` bytes beside the weights."""
        block = QUERY_BLOCK[self.device.type]
        return largest_context(self.config, self.dtype, free, self.prefill_piece, block)


@dataclass(frozen=True)
class Model:
    """A loaded checkpoint."""

    choice: ModelChoice
    network: DashLlamaForCausalLM
    tokenizer: Any
    load_seconds: float

    @property
    def name(self) -> str:
        return self.choice.name

    @property
    def config(self) -> DashLlamaConfig:
        return self.choice.config

    @property
    def device(self) -> torch.device:
        return self.choice.device

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        eos = self.network.generation_config.eos_token_id or self.config.eos_token_id
        return frozenset(eos if isinstance(eos, list) else [eos])

    @property
    def prefill_piece(self) -> int:
        """Tokens read at once."""
        return self.choice.prefill_piece

    @property
    def trained_tokens(self) -> int:
        """The context the model was trained for."""
        return self.choice.trained_tokens

    def largest_context(self) -> int:
        """Tokens of context that fit into the memory that is free now."""
        return self.choice.largest_context(free_bytes(self.device))


def choose_model(
    name: str = "auto",
    *,
    routing: str | None = None,
    scale: float | None = None,
    chunk_size: int | None = None,
    device: str | None = None,
) -> ModelChoice:
    """Find a checkpoint and check its files, without loading a weight.

    Args:
        name: `auto`, `bundled`, a folder, or a hub id (looked up in the hub cache first).
        routing: a preset of `ROUTING_PRESETS`; scale, chunk_size: single overrides.
        device: `cuda`, `cpu`; the best there is where not given.

    Raises:
        ModelError: missing, incomplete, offline or of another architecture.
        DeviceError: the device asked for is not there.
    """
    place = _device(device)
    notices: list[str] = []
    if name == "auto":
        name, notice = _automatic(place)
        notices.append(notice)
    folder = BUNDLED if name == "bundled" else _find(name)
    overrides: dict[str, Any] = dict(ROUTING_PRESETS[routing]) if routing else {}
    if routing and name == "bundled":
        notices.append(
            f"The bundled model was trained with its own routing, not the preset '{routing}'."
        )
    if scale is not None:
        overrides["scaling_factor"] = scale
    if chunk_size is not None:
        overrides["chunk_size"] = chunk_size
    config = read_config(folder, overrides)
    # fp32 on a CPU: few of them multiply bf16 faster, and none more exactly.
    dtype = torch.float32 if place.type == "cpu" else torch.bfloat16
    # A copy: the network that it builds for its shapes marks the configuration as its own.
    stored = check_checkpoint(folder, deepcopy(config))
    width = dtype.itemsize / (config.dtype or torch.bfloat16).itemsize
    return ModelChoice(name, folder, config, place, dtype, int(stored * width), tuple(notices))


def load_model(choice: ModelChoice | str = "auto") -> Model:
    """Load the weights to the device.

    Raises:
        ModelError, DeviceError: as `choose_model`; or the weights do not fit on the device.
    """
    if isinstance(choice, str):
        choice = choose_model(choice)
    began = time.perf_counter()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(choice.folder)
        network = DashLlamaForCausalLM.from_pretrained(
            choice.folder, config=choice.config, dtype=choice.dtype
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"{choice.folder} cannot be loaded: {error}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
        transformers_logging.enable_progress_bar()
    try:
        network = network.to(choice.device).eval()
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"The weights need {choice.weight_bytes / 2**30:.1f} GiB on {choice.device}, of which "
            f"{free_bytes(choice.device) / 2**30:.1f} GiB are free. Try --model bundled."
        ) from error
    return Model(choice, network, tokenizer, time.perf_counter() - began)


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(
            "No CUDA device is present here. Leave out --device, or use --device cpu."
        )
    if name not in ("cpu", "cuda", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))):
        raise DeviceError(f"There is no device {name} here. Use --device cuda or cpu.")
    return torch.device(name)


def _automatic(device: torch.device) -> tuple[str, str]:
    """The released checkpoint where it is cached and fits, else the bundled one; and why."""
    get = f"To use it: hf download {RELEASED}, then --model {RELEASED}."
    if device.type != "cuda":
        return "bundled", (
            f"No CUDA GPU: using the small bundled model; --model {RELEASED} takes the large one."
        )
    try:
        folder = Path(snapshot_download(RELEASED, allow_patterns=_FILES, local_files_only=True))
    except LocalEntryNotFoundError:
        return (
            "bundled",
            f"{RELEASED} is not in the hub cache: using the small bundled model. {get}",
        )
    needed = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    free = free_bytes(device)
    if needed * 1.2 > free:
        return "bundled", (
            f"{RELEASED} needs {needed / 2**30:.0f} GiB, {free / 2**30:.0f} GiB of GPU memory are "
            "free: using the small bundled model."
        )
    return RELEASED, f"Using {RELEASED} on {torch.cuda.get_device_name(device)}."


def _find(name: str) -> Path:
    """The folder of a checkpoint named by path or hub id."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    no_name = ModelError(
        f"There is no checkpoint folder {name}, and it is not a hub id like {RELEASED}. "
        "Use --model bundled, a folder or a hub id."
    )
    if path.exists() or "/" not in name:
        raise no_name
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=True))
    except HFValidationError as error:
        raise no_name from error
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES))
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"The hub has no model {name}, or it is private (set HF_TOKEN)."
        ) from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{name} is not in the hub cache ({constants.HF_HUB_CACHE}) and cannot be fetched: the "
            f"hub is out of reach or offline mode is on. With a connection: hf download {name}."
        ) from error
