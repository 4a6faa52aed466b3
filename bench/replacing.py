"""Files that appear whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` for a file that is written and closed in the block; it becomes `path` at the end.

    Missing folders are made. If the block raises, or is killed, `path` is as it was before. Several threads
    or processes may replace one path at once; the last one stays.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
