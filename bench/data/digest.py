"""SHA-256 of files, each computed once per process and again when the file changes."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes; OSError if it cannot be read."""
    found = path.stat()
    return _sha256(path, found.st_size, found.st_mtime_ns)


@functools.cache
def _sha256(path: Path, size: int, modified_ns: int) -> str:
    """Size and time of change are there so that a changed file is hashed again."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def of_bytes(content: bytes) -> str:
    """Hex digest of bytes."""
    return hashlib.sha256(content).hexdigest()
