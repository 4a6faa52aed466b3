"""Errors that are shown to a user as one message, without a traceback."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

from bench.text import RUN

# What torch's CPU allocator says; a CUDA device has an exception of its own.
CPU_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory")


class UserError(ValueError):
    """Something the user can mend; the message states what was given, then what is required."""

    exit_status = 2


class MissingFile(UserError):
    """A file of the manifest is neither in the cache nor to be had by download; the message ends with the command to run.

    Attributes:
        what: the message without that command.
        group: what `bench.doctor --fetch` gets it with; empty where that would not help.
        reason: why it could not be downloaded, short; empty if that was not tried.
    """

    def __init__(self, message: str, *, group: str = "", reason: str = "") -> None:
        super().__init__(f"{message}. {run_fetch(group)}" if group else message)
        self.what, self.group, self.reason = message, group, reason

    def of(self, what: str, more: str = "") -> MissingFile:
        """The same error of what needs the file: `metric lpips-alex cannot run`."""
        before = f"{what}: " if what else ""
        return MissingFile(f"{before}{self.what}{more}", group=self.group, reason=self.reason)


class MissingExtra(UserError):
    """A package that is in an optional extra of this one is not installed."""

    def __init__(self, what: str, package: str, extra: str, *, instead: str = "") -> None:
        super().__init__(missing_extra(what, package, extra, instead=instead))


class ImageError(UserError):
    """A file is not an image that the protocols can measure."""


class RunError(UserError):
    """A run that was asked for rightly but could not be finished."""

    exit_status = 1


class StoreError(RunError):
    """The results file cannot be used as it is."""


def run_fetch(*groups: str) -> str:
    """`Run: python -m bench.doctor --fetch vgg16`, which gets missing and damaged files."""
    return " ".join([f"{RUN}python -m bench.doctor --fetch", *dict.fromkeys(groups)])


def run_install(*extras: str) -> str:
    """`Run: pip install 'perceptual-bench[onnx]'`, which installs optional packages."""
    return f"{RUN}pip install 'perceptual-bench[{','.join(dict.fromkeys(extras))}]'"


def missing_extra(what: str, package: str, extra: str, *, instead: str = "") -> str:
    """That `what` needs a package of an extra, and how to install it.

    Args:
        instead: what needs no package, as `--to csv`.
    """
    other = f" ({instead} does not)" if instead else ""
    return f"{what} needs {package}, which is not installed{other}. {run_install(extra)}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'bicubic'?)`, or nothing where no known name is near."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def describe_os_error(error: OSError) -> str:
    """`No space left on device: 'results/x.png'`: the reason first, then the file."""
    file = f": {os.fspath(error.filename)!r}" if error.filename else ""
    return f"{error.strerror or error}{file}"


def reason(error: Exception) -> str:
    """Why something could not be measured, in one line, as it is stored; an error that nobody expected with its type."""
    text = describe_os_error(error) if isinstance(error, OSError) else str(error)
    if not isinstance(error, ValueError | OSError):
        text = f"{type(error).__name__}: {text}"
    return " ".join(text.split())


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: what Python, a CUDA device and torch's CPU allocator raise."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in CPU_OUT_OF_MEMORY)
