"""Where the images lie in the folders that people have; nothing is guessed, what could mean two things is refused.

- `ROOT/GTmod12` with `ROOT/LRbicx4` (and other scales), as BasicSR and mmagic have it; hr is cropped already;
- `ROOT/HR` with `ROOT/LR_bicubic/X4`, as EDSR and KAIR have it, whose lr files are called `babyx4.png`;
- a flat folder: the images lie in `ROOT` itself, and there are no lr files.

Case of the folders' names does not count.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from bench.errors import ImageError, UserError
from bench.files.pairing import pair, stem_of
from bench.files.whole_file import read_whole
from bench.printable import printable
from bench.records import Dataset, content_hash

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
HR_FOLDERS = ("GTmod12", "HR")
LR_FOLDERS: tuple[Callable[[int], tuple[str, ...]], ...] = (
    lambda scale: (f"LRbicx{scale}",),
    lambda scale: ("LR_bicubic", f"X{scale}"),
)
NAMED = 10


def hr_folder(root: Path) -> Path:
    """The folder below `root` whose images are hr; `root` itself where the images lie flat in it.

    Raises:
        UserError: it could be two, or there is neither an image nor a folder of hr images.
    """
    found = [folder for name in HR_FOLDERS for folder in _below(root, name) if any(image_names(folder))]
    flat = sum(1 for _ in image_names(root))
    if len(found) > 1 or (found and flat):
        names = [f"the folder {folder.name}" for folder in found] + [f"{flat} images beside it"] * bool(flat)
        typed = " or ".join(repr(printable(str(folder))) for folder in found)
        raise UserError(
            f"{_named(root)} has {' and '.join(names)}; required one: type {typed}{_or_move(flat)}"
        )
    if found:
        return found[0]
    if not flat and (others := _folders_with_images(root)):
        typed = " or ".join(repr(printable(str(folder))) for folder in others[:NAMED])
        raise UserError(
            f"{_named(root)} holds no image and no folder {' or '.join(HR_FOLDERS)}; "
            f"required the folder that holds the hr images: type {typed}"
        )
    return root


def image_names(folder: Path) -> Iterator[str]:
    """Of image files by suffix, hidden ones left out.

    Links that lead nowhere are among them: they are reported when they are read, not left out in silence.

    Raises:
        UserError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.lower().endswith(SUFFIXES):
                    continue
                if _may_be_file(entry):
                    yield entry.name
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be listed: {error.strerror or error}") from error


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    return (entry.is_symlink() or entry.is_file()) and not _is_folder(entry)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that lead in a circle
        return False


def lr_files(root: Path, scale: int) -> Mapping[str, Path]:
    """The lr file of each hr image by its stem, paired by name (:mod:`bench.files.pairing`).

    Args:
        root: the folder of the layout, or its folder of hr images.

    Raises:
        UserError: there is no folder of lr files for the scale, or two; or an image lacks its file.
    """
    if root.name.casefold() in {name.casefold() for name in HR_FOLDERS}:
        hr, folder = root, lr_folder(root.parent, scale)
    else:
        hr, folder = hr_folder(root), lr_folder(root, scale)
    stems = [stem_of(Path(name)) for name in sorted(image_names(hr))]
    paired = pair(stems, (folder / name for name in image_names(folder)))
    if paired.missing or paired.extra:
        raise UserError(
            f"{_named(folder)}: {'; '.join(paired.lines())}; required one lr file for each hr image"
        )
    return paired.pairs


def lr_of(data: Dataset, scale: int) -> Mapping[str, Path]:
    """The lr files that came with a folder's data set, for the images that the record still has.

    Raises:
        UserError: as :func:`lr_files`; or the data set is a named one, which comes without lr files.
    """
    first = Path(data.images[0].file)
    if not first.is_absolute():
        raise UserError(f"data set {data.name} comes without lr files; required a folder that has them")
    files = lr_files(first.parent, scale)
    return {image.stem: files[image.stem] for image in data.images}


def digest(files: Mapping[str, Path]) -> str:
    """SHA-256 over the names and contents of lr files: what scores made with them depend on.

    Raises:
        ImageError: a file cannot be read.
    """
    return content_hash({stem: _sha256(file) for stem, file in files.items()})


def lr_folder(root: Path, scale: int) -> Path:
    """The folder of lr files for `scale` below `root`.

    Raises:
        UserError: there is none, or two.
    """
    found = [folder for parts in LR_FOLDERS for folder in _below(root, *parts(scale))]
    if len(found) == 1:
        return found[0]
    required = " or ".join("/".join(parts(scale)) for parts in LR_FOLDERS)
    if found:
        names = " and ".join(str(folder.relative_to(root)) for folder in found)
        raise UserError(f"{_named(root)} has two folders of lr files for x{scale}: {names}; required one")
    there = ", ".join(sorted(folder.name for folder in _folders(root))) or "no folder"
    raise UserError(
        f"{_named(root)} has no lr files for x{scale}: it has {printable(there)}; required {required}"
    )


def _below(root: Path, *parts: str) -> list[Path]:
    """Folders whose names are `parts`, one below the other, but for their case."""
    found = [root]
    for part in parts:
        found = [f for folder in found for f in _folders(folder) if f.name.casefold() == part.casefold()]
    return found


def _folders(folder: Path) -> Iterable[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / entry.name for entry in entries if _is_folder(entry))
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be listed: {error.strerror or error}") from error


def _folders_with_images(root: Path) -> list[Path]:
    """Below `root`, or one folder deeper where a layout lies there: what one could have meant."""
    return [
        folder
        for folder in _folders(root)
        if any(image_names(folder)) or any(_below(folder, name) for name in HR_FOLDERS)
    ]


def _or_move(flat: int) -> str:
    return ", or move the images that lie beside it" if flat else ""


def _named(folder: Path) -> str:
    return repr(printable(str(folder)))


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(read_whole(file)).hexdigest()
    except OSError as error:
        raise ImageError(f"{str(file)!r} cannot be read: {error.strerror or error}") from error
