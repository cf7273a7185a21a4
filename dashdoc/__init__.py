"""Ask long documents on your own machine, the whole document in one context."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashdoc.documents import Document, read_document
    from dashdoc.errors import DashdocError
    from dashdoc.models import Model, load_model
    from dashdoc.session import Session

__version__ = "0.1.0"
__all__ = ["DashdocError", "Document", "Model", "Session", "load_model", "read_document"]

# Imported when first used: `dashdoc --help` must not wait for torch.
_HOMES = {
    "DashdocError": "dashdoc.errors",
    "Document": "dashdoc.documents",
    "Model": "dashdoc.models",
    "Session": "dashdoc.session",
    "load_model": "dashdoc.models",
    "read_document": "dashdoc.documents",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dashdoc' has no attribute {name!r}")
