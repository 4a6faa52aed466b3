"""Data sets by name, and folders of images in the layouts of :mod:`bench.data.layouts`; listing reads no image.

To add a set, put a group called like it into `manifest.toml` and a line into `NAMED`.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from bench.data import manifest
from bench.data.formats import USUAL
from bench.data.layouts import hr_folder, hr_names, listing
from bench.data.names import normal
from bench.errors import UserError, did_you_mean
from bench.records import Dataset, ImageFile
from bench.text import RUN, stem_name, stem_of_name

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8

NAMED: Mapping[str, str] = {
    "samples": "7 photographs that scikit-image installs, two of them grey",
    "set5": "5 images (Bevilacqua et al. 2012)",
    "set14": "14 images, bridge is grey (Zeyde et al. 2010)",
    "bsd100": "100 photographs of the Berkeley segmentation set (Martin et al. 2001); also b100",
    "coco50": "50 photographs of MS-COCO val2017, as in Figure 5",
    "urban100": "100 photographs of buildings (Huang et al. 2015), cropped to multiples of 4",
    "t91": "91 small images, a training set (Yang et al. 2010)",
    "contents": "2 content images of the authors' release",
}
"""The data sets that have a name, each with a line about it."""
ALIASES = {"b100": "bsd100"}
WITHOUT_A_NAME = {
    "manga109": "its owners ask that it is not passed on; apply for it at manga109.org",
    "div2k-val": "its authors give one archive, of which no hash is known here; it is on data.vision.ee.ethz.ch/cvl/DIV2K",
    "general100": "no public address that holds each of its images, with hashes, is known here; it came with FSRCNN",
}
"""Sets that people ask for and that cannot be had by name: why, and where they come from."""

SAMPLES_LICENCE = "CC0 or public domain; motorcycle: Middlebury 2014"
# Pinned, since another version of scikit-image may install other files under these names.
SAMPLES = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "coins.png": "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
    "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}


@dataclass(frozen=True, kw_only=True)
class LoadedImage:
    """Pixels (uint8, one grey channel or RGB) and the SHA-256 of the file that they came from."""

    pixels: UInt8[np.ndarray, "h w c"]
    sha256: str

    @property
    def height(self) -> int:
        """In pixels."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.pixels.shape[1]


@dataclass(frozen=True)
class FolderImages(Sequence[ImageFile]):
    """The images of a folder. Only their names are kept, so that 100,000 of them take a few megabytes.

    Attributes:
        prefix: the folder, with a separator at its end.
        names: of the files.
        left_out: a line for each kind of file of the folder that is not among them.
    """

    prefix: str
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> ImageFile: ...

    @overload
    def __getitem__(self, index: slice) -> FolderImages: ...

    def __getitem__(self, index: int | slice) -> ImageFile | FolderImages:
        if isinstance(index, slice):
            return FolderImages(self.prefix, self.names[index], self.left_out)
        return _image(self.prefix + self.names[index])


def files(name: str) -> tuple[str, ...]:
    """The manifest's files that a named data set needs; none for `samples`, which are installed."""
    return tuple(image.file for image in dataset(name).images) if name != "samples" else ()


def left_out(data: Dataset) -> Iterator[str]:
    """What of a data set's folder is no part of it, in lines to be shown."""
    if isinstance(data.images, FolderImages):
        yield from (f"{data.name}: {line}" for line in data.images.left_out)


def dataset(name_or_folder: str, *, scale: int | None = None, every: bool = False) -> Dataset:
    """A named data set, or the hr images of a folder, by name; no hidden files.

    A name goes before a folder of that name, which is had as `./NAME`. A folder's data set is called like the
    folder's last part, with `folder-` before it where that is the name of a data set. The images lie in the folder
    itself, or in its folder `GTmod12` or `HR` (:mod:`bench.data.layouts`); its other sub-folders are not looked into.
    What their names say is respected (:mod:`bench.data.names`); :func:`left_out` says what is not among the images.

    Args:
        scale: upscaling factor, for folders with hr images for several.
        every: all images of a folder, whatever their names say.

    Raises:
        UserError: neither a name nor a folder; a folder without images, with two images of one stem, or one that
            could be read in two ways.
    """
    name = ALIASES.get(name_or_folder, name_or_folder)
    if name == "samples":
        # absolute paths: the files are installed, and never in the cache
        folder = samples_folder()
        images = (_image(str(folder / file), sha256) for file, sha256 in SAMPLES.items())
        return Dataset(name="samples", images=tuple(images), source=f"scikit-image; {SAMPLES_LICENCE}")
    if name in NAMED:
        group = manifest.groups()[name]
        files = tuple(_image(file.name, file.sha256) for file in group.files)
        return Dataset(name=name, images=files, source=group.source)
    if os.path.isdir(name_or_folder):  # noqa: PTH112 (Path.is_dir raises on names that are too long)
        folder = Path(os.path.abspath(name_or_folder))  # noqa: PTH100 (links stay as they were given)
        return _folder(folder, scale, every=every)
    if reason := WITHOUT_A_NAME.get(name.casefold()):
        raise UserError(f"{name} is no data set by name: {reason}; must be the folder that holds its images")
    # a typed path cannot have been meant for a name
    what = "folder" if "/" in name or os.sep in name else "data set or folder"
    raise UserError(
        f"no {what} is called {name_or_folder!r}{did_you_mean(name_or_folder, NAMED)}; must be a folder of images, or "
        f"one of: {', '.join(NAMED)}"
    )


def samples_folder() -> Path:
    """Where scikit-image has its photographs; found without importing it."""
    # importing it would take longer than the listing does
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise UserError(
            f"the data set samples needs scikit-image, which is not installed. {RUN}pip install scikit-image"
        )
    return Path(found.origin).parent / "data"


def _folder(folder: Path, scale: int | None, *, every: bool) -> Dataset:
    holder = hr_folder(folder)
    there = listing(holder)
    by_stem: dict[str, str] = {}
    for name in there.names:
        stem = _image(name).stem
        # NFC: names that look equal would be one image in every table, and one file on macOS
        twin = by_stem.setdefault(normal(stem), name)
        if twin is not name:
            raise UserError(
                f"{str(holder)!r} has two images called {stem!r}: {twin!r} and {name!r}; must be one"
            )
    lines = list(there.lines())
    if not there.names:
        raise UserError(
            f"{str(folder)!r} holds no image; needs files with one of: {USUAL}"
            + "".join(f" ({line})" for line in lines)
        )
    names = there.names
    if not every:
        try:
            names, roles = hr_names(names, scale)
        except UserError as error:
            raise UserError(f"{str(holder)!r}: {error}") from error
        lines += roles
    if not names:
        raise UserError(f"{str(holder)!r} holds no hr image: {'; '.join(lines)}; needs some that are")
    own = stem_name(folder.name) or "folder"
    name = f"folder-{own}" if own in NAMED or own in ALIASES else own
    # `/` keeps its one separator
    prefix = str(holder).rstrip(os.sep) + os.sep
    images = FolderImages(prefix, names, tuple(lines))
    return Dataset(name=name, images=images, source=stem_name(str(holder)))


def _image(file: str, sha256: str | None = None) -> ImageFile:
    # no Path: this is done 100,000 times before the first image is read
    name = file.replace(os.sep, "/").rpartition("/")[2]
    return ImageFile(stem=stem_of_name(name), file=file, sha256=sha256)
