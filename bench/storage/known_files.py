"""Files that were read before: those that were not touched since need not be read again to know what is in them.

As version-control systems do, a file is taken for the same while its size, its times of change and its number on the
file system are. Times have a grain, so a file that was changed just before it was read is not remembered.
"""

from __future__ import annotations

import os
import time

from bench.datasets import LoadedImage
from bench.records import ImageFile, KnownFile
from bench.store import Store

GRAIN_NANOSECONDS = 2_000_000_000
"""Of the coarsest times that a file system in use has (FAT)."""


def stamp(image: ImageFile) -> str | None:
    """Of a file outside the cache; None where it has none, or was changed so lately that it could change unseen."""
    if not os.path.isabs(image.file):  # noqa: PTH117 (a hundred thousand times)
        return None
    try:
        found = os.stat(image.file)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    changed = max(found.st_mtime_ns, found.st_ctime_ns)
    if not changed < time.time_ns() - GRAIN_NANOSECONDS:
        return None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def known(store: Store, image: ImageFile) -> KnownFile | None:
    """What the file holds, if it was read before and not touched since."""
    now = stamp(image)
    found = store.known_file(_key(image)) if now is not None else None
    return found if found is not None and found.stamp == now else None


def read_between(before: str | None, image: ImageFile, loaded: LoadedImage) -> KnownFile | None:
    """What is to be remembered of a file that was read after `before` was its stamp; None if it changed meanwhile."""
    if before is None or stamp(image) != before:
        return None
    return KnownFile(
        path=_key(image), stamp=before, sha256=loaded.sha256, height=loaded.height, width=loaded.width
    )


def _key(image: ImageFile) -> str:
    """The path with bytes that are not UTF-8 written out, so that it can be stored."""
    return os.fsencode(image.file).decode("utf-8", "backslashreplace")
