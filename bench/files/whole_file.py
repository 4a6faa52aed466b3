"""A file's bytes, where it is a file and not too large: a folder of strangers may hold links to devices and pipes."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST_IMAGE_BYTES = 2**31
LARGEST_WEIGHTS_BYTES = 2**36


def read_whole(path: Path, *, most: int = LARGEST_IMAGE_BYTES) -> bytes:
    """The bytes of a regular file.

    Args:
        most: bytes that are read; an image of the largest size that is decoded has less than 2 GiB uncompressed.

    Raises:
        OSError: it cannot be read, is a pipe, a device or a folder, or is larger.
    """
    with open(path, "rb", opener=_without_waiting) as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, required a file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"it has {found.st_size} bytes, required at most {most}", str(path))
        return stream.read()


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe would wait for somebody who writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
