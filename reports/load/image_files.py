"""Which of the files that results name may stand in a report: a third party's results may name any file of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"


def is_image_file(file: Path) -> bool:
    """Whether there is a file that begins as a PNG does, which all pictures of a run are."""
    try:
        if not os.path.isfile(file):  # noqa: PTH113 (Path.is_file raises on names that are too long)
            return False
        with file.open("rb") as stream:
            # The report links or copies it: any other file of this machine would be published with the page.
            return stream.read(len(PNG)) == PNG
    except OSError:
        return False


def is_map(file: Path, about: Mapping[str, str]) -> bool:
    """Whether there is a PNG that says of itself what it is a map of, and says this."""
    from PIL import Image, UnidentifiedImageError

    if not is_image_file(file):
        return False
    try:
        with Image.open(file, formats=["PNG"]) as picture:
            return all(picture.info.get(key) == value for key, value in about.items())
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return False
