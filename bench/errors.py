"""Errors that are shown to a user as one message, without a traceback."""

import difflib
import os
from collections.abc import Iterable


class UserError(ValueError):
    """Something the user can mend; the message states what was given, then what is required."""

    exit_status = 2


class MissingFile(UserError):
    """A file of the manifest is neither in the cache nor to be had by download.

    Attributes:
        group: what `bench.doctor --fetch` gets it with; empty where that would not help.
        reason: why it could not be downloaded, short; empty if that was not tried.
    """

    def __init__(self, message: str, *, group: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.group, self.reason = group, reason


class ImageError(UserError):
    """A file is not an image that the protocols can measure."""


class RunError(UserError):
    """A run that was asked for rightly but could not be finished."""

    exit_status = 1


class StoreError(RunError):
    """The results file cannot be used as it is."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'bicubic'?)`, or nothing where no known name is near."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def describe_os_error(error: OSError) -> str:
    """`No space left on device: 'results/x.png'`: the reason first, then the file."""
    file = f": {os.fspath(error.filename)!r}" if error.filename else ""
    return f"{error.strerror or error}{file}"
