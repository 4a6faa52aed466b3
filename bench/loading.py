"""An image of a data set: its pixels and the hash of its file, from one read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bench import cache, images, manifest
from bench.datasets import LoadedImage
from bench.errors import ImageError, MissingFile
from bench.records import ImageFile


def load(image: ImageFile) -> LoadedImage:
    """Read an image once: its pixels and its hash. A file of the cache is downloaded where it is missing.

    Raises:
        ImageError: unreadable, not an image that is measured, or not the file that was pinned.
        MissingFile: a file of the cache that is not to be had, or is damaged.
    """
    pinned = None if Path(image.file).is_absolute() else manifest.file(image.file)
    path = Path(image.file) if pinned is None else cache.find(pinned.name, verify=False)
    data = images.read_bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    if pinned is not None and cache.wrong(pinned, sha256):
        raise MissingFile(cache.damage(pinned, sha256))
    if image.sha256 is not None and sha256 != image.sha256:
        raise ImageError(f"{str(path)!r} is not the pinned file: sha256 is {sha256}; required {image.sha256}")
    return LoadedImage(pixels=images.decode(data, str(path)), sha256=sha256)
