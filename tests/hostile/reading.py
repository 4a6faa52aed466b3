"""What every target shares: what may come out of a reader of untrusted bytes, and where these bytes lie."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import UserError

SOUND = False
"""What is read must not be refused."""


@contextmanager
def refusing(kind: type[UserError] = UserError) -> Iterator[None]:
    """What may come out: nothing, or a refusal in one line that a terminal can be given."""
    try:
        yield
    except kind as error:
        if SOUND:
            raise
        _check_fields(str(error))


def _check_fields(message: str) -> None:
    assert message
    assert message.isprintable(), ascii(message)


@functools.cache
def folder() -> Path:
    """Somewhere in memory, where there is such a place, for files that are read once."""
    shared = Path("/dev/shm")
    place = shared if shared.is_dir() and os.access(shared, os.W_OK) else None
    made = tempfile.mkdtemp(prefix="perceptual-bench-", dir=place)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def written(content: bytes, name: str) -> Path:
    """A file with these bytes."""
    file = folder() / name
    file.write_bytes(content)
    return file
