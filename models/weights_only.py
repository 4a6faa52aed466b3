"""torch's reader of weights, kept from files that only pretend to be small."""

from __future__ import annotations

import errno
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

# What torch and Python's zip reader raise on bytes that are not what they should be.
DAMAGE = (
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    NotImplementedError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


def load(file: Path) -> Any:
    """What torch's reader of weights makes of a file, on the CPU; no code in it is run and nothing is unpacked.

    Raises:
        pickle.UnpicklingError: it holds more than tensors and plain containers.
        OSError: it cannot be read.
        One of :data:`DAMAGE`: it is damaged, or larger inside than outside.
    """
    try:
        _check_uncompressed(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles by other writers than torch
            return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        # an offset that leads before the file's beginning makes the seek fail: damage, no fault of the disk
        if error.errno != errno.EINVAL:
            raise
        raise ValueError("it names a place before the beginning of the file") from error


def _check_uncompressed(file: Path) -> None:
    """
    Raises:
        ValueError: the parts of the archive are together larger than it: torch never compresses them.
    """
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        # of the directory alone: nothing is unpacked to find out
        inside = sum(part.file_size for part in archive.infolist())
    if inside > file.stat().st_size:
        raise ValueError(
            f"its parts have {inside} bytes unpacked, more than the file; must be parts that are not compressed"
        )
