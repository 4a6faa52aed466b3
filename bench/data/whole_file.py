"""A file's bytes, where it is a file and not too large: a third party's folder may hold links to devices and pipes."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST_IMAGE_BYTES = 2**31
LARGEST_WEIGHTS_BYTES = 2**36  # 64 GiB: against sparse files, not against large networks


def read_whole(path: Path, *, most: int = LARGEST_IMAGE_BYTES) -> bytes:
    """The bytes of a regular file.

    Args:
        most: bytes that are read; an image of the largest size that is decoded has less than 2 GiB uncompressed.

    Raises:
        OSError: it cannot be read, is a pipe, a device or a folder, or is larger.
    """
    with opened_file(path) as stream:
        # of the open file: under its path another one may lie by now
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it must have at most {most} bytes (got {size})", str(path))
        return stream.read()


def opened_file(path: Path) -> BinaryIO:
    """A regular file, opened for reading; opening it waits for nobody.

    Raises:
        OSError: it cannot be read, or is a pipe, a device or a folder.
    """
    stream = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 (closed by the caller)
    # after opening, not before: what lies at the path may change in between
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "it is a pipe or a device, must be a file", str(path))
    return stream


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe would wait for somebody who writes into it."""
    # Windows has no such flag, and no such pipes
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
