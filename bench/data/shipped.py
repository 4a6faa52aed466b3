"""Weights that come with the package, in `models/weights`, each with its card; no download, no cache."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from bench.data import manifest

PREFIX = "shipped/"
"""Of the names in the tables of models; all others are files of the manifest."""


def is_shipped(name: str) -> bool:
    """Whether a file of weights comes with the package."""
    return name.startswith(PREFIX)


def path(name: str) -> Path:
    """Where the file called `shipped/...` lies.

    Raises:
        FileNotFoundError: an incomplete installation.
    """
    file = Path(str(resources.files("models"))) / "weights" / name.removeprefix(PREFIX)
    if not file.is_file():
        raise FileNotFoundError(2, "the file is missing in this installation", str(file))
    return file


@functools.cache
def sha256(name: str) -> str:
    """Of its bytes, so that scores of other weights are never taken for these; FileNotFoundError as :func:`path`."""
    return hashlib.sha256(path(name).read_bytes()).hexdigest()


def sha256_of(name: str) -> str:
    """Of a file of weights that comes with the package, or that the manifest pins.

    Raises:
        FileNotFoundError: an incomplete installation.
        UserError: the manifest has no such file.
    """
    return sha256(name) if is_shipped(name) else manifest.file(name).sha256


def find(name: str, otherwise: Callable[[str], Path]) -> Path:
    """The file, wherever files of its kind are found."""
    return path(name) if is_shipped(name) else otherwise(name)
