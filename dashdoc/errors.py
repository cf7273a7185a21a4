"""Every error a user can meet: one message naming the thing and the way out, an exit code."""

from typing import ClassVar


class DashdocError(Exception):
    """An error with one message for the user.

    `details` holds the numbers behind the message (tokens, bytes, pages); `--json` prints them.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class UsageError(DashdocError):
    """The call itself is off: an argument that cannot be meant."""

    exit_code = 2
    kind = "usage"


class InputError(DashdocError):
    """A document cannot be read: missing, of an unknown type, encrypted, empty, damaged."""

    exit_code = 3
    kind = "input"


class PartialFailureError(DashdocError):
    """Some of many documents failed; the others are done."""

    exit_code = 4
    kind = "partial"


class DoesNotFitError(DashdocError):
    """The document is longer than the context that memory or the user allows."""

    exit_code = 5
    kind = "does_not_fit"


class DeviceError(DashdocError):
    """The device is missing or out of memory."""

    exit_code = 6
    kind = "device"


class ModelError(DashdocError):
    """The checkpoint is missing, incomplete or of another architecture."""

    exit_code = 7
    kind = "model"


class NotDownloadedError(ModelError):
    """The checkpoint is not in the hub cache; `dashdoc model pull` may get it."""
