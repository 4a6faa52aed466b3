"""Full-size pictures beside the page: hard links where they can be had, else copies."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.atomic import atomic_write
from reports.writers.page_viewer import Gallery


def copy_images(shown: Sequence[Gallery], folder: Path) -> None:
    """`folder/GROUP/SOURCE/POSITION.png` of every picture that is shown, `POSITION.METRIC.png` of its maps."""
    for gallery in shown:
        group, folders = gallery.group, dict(gallery.sources)
        positions = {image: position for position, image in enumerate(gallery.images)}
        pictures = {(image, source, ""): file for (image, source), file in group.pictures.items()}
        for (image, source, metric), file in {**pictures, **group.maps}.items():
            if image in positions and source in folders:
                name = f"{positions[image]}.{metric}.png" if metric else f"{positions[image]}.png"
                link_or_copy(file, folder / group.id / folders[source] / name)


def link_or_copy(source: Path, target: Path) -> None:
    """`target` becomes another name of `source`, or, on another file system, a copy of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _linked(source, target):
        with atomic_write(target) as part:
            shutil.copyfile(source, part)


def _linked(source: Path, target: Path) -> bool:
    """Whether `target` could be made a hard link to `source`, in one step."""
    # Not through atomic_write: it empties the part that a killed process left, and with that the picture itself.
    link = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        os.link(source.resolve(), link)
        link.replace(target)
    except OSError:
        return False
    finally:
        # Still there where both are links to one file already: renaming does nothing then.
        link.unlink(missing_ok=True)
    return True
