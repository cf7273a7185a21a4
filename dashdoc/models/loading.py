"""From a name to a model on a device: the bundled one, a folder, or a checkpoint of the hub."""

import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from transformers import AutoTokenizer
from transformers.utils import logging as transformers_logging

from dashdoc.errors import DeviceError, ModelError, NotDownloadedError, UsageError
from dashdoc.kernels.operator import QUERY_BLOCK
from dashdoc.models.cache import cache_bytes
from dashdoc.models.checkpoint import check_checkpoint, read_config, read_routing
from dashdoc.models.configuration import ROUTING_PRESETS, DashLlamaConfig
from dashdoc.models.hub import cached_folder, revision_of
from dashdoc.models.llama import DashLlamaForCausalLM
from dashdoc.models.memory import (
    free_bytes,
    is_out_of_memory,
    kernel_workspace_bytes,
    largest_context,
    workspace_bytes,
)
from dashdoc.models.quantized import Quantization, check_library, restored_bytes, saved_bytes
from dashdoc.models.weights import OnBytes, load_network
from dashdoc.released import RELEASED

BUNDLED = Path(__file__).parent / "bundled"


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
    quantization: Quantization | None = None

    @property
    def revision(self) -> str | None:
        """The commit of the hub, for a checkpoint of its cache."""
        return revision_of(self.folder)

    @property
    def prefill_piece(self) -> int:
        """Tokens read at once: enough to fill the device, few enough to keep memory flat."""
        return 512 if self.device.type == "cpu" else 8192

    @property
    def trained_tokens(self) -> int:
        """The context the model was trained for."""
        return int(self.config.max_position_embeddings)

    def largest_context(self, free: int) -> int:
        """Tokens of context that fit into `free` bytes beside the weights."""
        return largest_context(self.config, self.dtype, free, self.workspace_bytes)

    def cache_bytes(self, tokens: int) -> int:
        """What the cache of a context takes."""
        return cache_bytes(self.config, tokens, self.dtype)

    def workspace_bytes(self, tokens: int) -> int:
        """What reading takes beside weights and cache, at a context of `tokens`."""
        restored = restored_bytes(self.config, self.dtype) if self.quantization else 0
        if self.device.type == "cuda":
            return restored + kernel_workspace_bytes(self.config, self.dtype, self.prefill_piece)
        block = QUERY_BLOCK[self.device.type]
        return restored + workspace_bytes(self.config, tokens, self.prefill_piece, block)


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
    quantize: Quantization | None = None,
    device: str | None = None,
) -> ModelChoice:
    """Find a checkpoint and check its files, without loading a weight.

    Args:
        name: `auto`, `bundled`, a folder, or a hub id, looked up in the hub cache only.
        routing: a preset of `ROUTING_PRESETS`; scale, chunk_size: single overrides.
        quantize: `8bit` or `4bit`, for the weights of the decoder layers; as they are without it.
        device: `cuda`, `cpu`; the best there is where not given.

    Raises:
        NotDownloadedError: a hub id that the hub cache does not hold.
        ModelError: missing, incomplete or of another architecture.
        DeviceError: the device asked for is not there.
        UsageError: a routing for a checkpoint without class queries; no library to quantise with.
    """
    if quantize:
        check_library()
    place = _device(device)
    notices: list[str] = []
    if name == "auto":
        name, notice = _automatic(place, quantize)
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
    if dense := read_routing(folder):
        if routing or scale is not None:
            raise UsageError(
                f"{name} has no class queries: its attention is dense, and takes no --routing or "
                "--scale."
            )
        notices.append(f"{name} has no class queries: its attention is dense, nothing is skipped.")
    config = read_config(folder, {**overrides, **dense})
    # fp32 on a CPU: few of them multiply bf16 faster, and none more exactly.
    dtype = torch.float32 if place.type == "cpu" else torch.bfloat16
    # A copy: the network that it builds for its shapes marks the configuration as its own.
    stored = check_checkpoint(folder, deepcopy(config))
    taken = int(stored * dtype.itemsize / (config.dtype or torch.bfloat16).itemsize)
    if quantize:
        taken -= saved_bytes(config, dtype, quantize)
    return ModelChoice(name, folder, config, place, dtype, taken, tuple(notices), quantize)


def load_model(
    choice: ModelChoice | str = "auto",
    on_bytes: OnBytes | None = None,
    *,
    quantize: Quantization | None = None,
) -> Model:
    """Load the weights to the device.

    Args:
        choice: of `choose_model`, or the name to give it.
        on_bytes: gets the bytes read and in all.
        quantize: given to `choose_model` with a name; a choice has its own.

    Raises:
        ModelError, DeviceError, UsageError: as `choose_model`.
        DeviceError: the weights do not fit on the device.
    """
    if isinstance(choice, str):
        choice = choose_model(choice, quantize=quantize)
    check_weights_fit(choice, free_bytes(choice.device))
    began = time.perf_counter()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        tokenizer = AutoTokenizer.from_pretrained(choice.folder)
        network = load_network(
            choice.folder,
            choice.config,
            choice.device,
            choice.dtype,
            on_bytes,
            choice.quantization,
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"{choice.folder} cannot be loaded: {error}") from error
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise _weights_do_not_fit(choice, free_bytes(choice.device)) from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    return Model(choice, network, tokenizer, time.perf_counter() - began)


def check_weights_fit(choice: ModelChoice, free: int) -> None:
    """Raises DeviceError: the weights alone take more than the `free` bytes of memory."""
    if choice.weight_bytes > free:
        raise _weights_do_not_fit(choice, free)


def _weights_do_not_fit(choice: ModelChoice, free: int) -> DeviceError:
    needed = choice.weight_bytes
    way_out = "Close what else takes memory there"
    if choice.name != "bundled":
        if choice.quantization != "4bit":
            way_out += ", keep the weights in fewer bits: --quantize 4bit"
        way_out += ", or use the small model: --model bundled"
    return DeviceError(
        f"The weights of {choice.name} need {needed / 2**30:.2f} GiB on {choice.device}, of which "
        f"{free / 2**30:.2f} GiB are free. {way_out}.",
        needed_bytes=needed,
        free_bytes=free,
    )


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


def _automatic(device: torch.device, quantize: Quantization | None) -> tuple[str, str]:
    """The released checkpoint where it is cached and fits, else the bundled one; and why."""
    if device.type != "cuda":
        return "bundled", (
            f"No CUDA GPU: using the small bundled model; --model {RELEASED} takes the large one."
        )
    try:
        folder = cached_folder(RELEASED)
    except NotDownloadedError:
        return "bundled", (
            f"{RELEASED} is not in the hub cache: using the small bundled model. "
            "To get it: dashdoc model pull."
        )
    needed = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    if quantize:
        needed -= saved_bytes(read_config(folder, {}), torch.bfloat16, quantize)
    free = free_bytes(device)
    if needed * 1.2 > free:
        way_out = "" if quantize == "4bit" else " It takes less with --quantize 4bit."
        return "bundled", (
            f"{RELEASED} needs {needed / 2**30:.0f} GiB, {free / 2**30:.0f} GiB of GPU memory are "
            f"free: using the small bundled model.{way_out}"
        )
    return RELEASED, f"Using {RELEASED} on {torch.cuda.get_device_name(device)}."


def _find(name: str) -> Path:
    """The folder of a checkpoint named by path or hub id."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    try:
        if path.exists() or "/" not in name:
            raise HFValidationError(name)
        validate_repo_id(name)
    except HFValidationError as error:
        raise ModelError(
            f"There is no checkpoint folder {name}, and it is not a hub id like {RELEASED}. "
            "Use --model bundled, a folder or a hub id."
        ) from error
    return cached_folder(name)
