"""A folder of images that some other program made: scored as they are, paired with the data set's by name.

What the names say of a scale is respected (:mod:`bench.data.names`), and `pattern=` says what no rule finds out.
`{dataset}` and `{scale}` in the path stand for those of the run: `results/{dataset}/x{scale}`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bench.data import images
from bench.data.layouts import Listing, listing
from bench.data.names import listed
from bench.data.pairing import Pairing, pair
from bench.data.whole_file import read_whole
from bench.errors import UserError
from bench.records import Dataset, content_hash
from bench.registry.external import ExternalModel
from bench.registry.spec import Spec
from bench.text import escape_control_chars

if TYPE_CHECKING:
    import numpy as np
    import torch
    from jaxtyping import UInt8


def load_external(spec: Spec) -> ExternalModel:
    """A folder as a model of `bench.sr_quality`; it is read when its data set is known."""

    def make(scale: int, device: torch.device) -> NoReturn:
        raise UserError(
            f"{spec.source!r} is a folder of images, which can be scored but not run; must be a network"
        )

    return ExternalModel(
        spec=spec,
        kind="images",
        about="images that another program made",
        scale=spec.options.get("scale"),
        content="",  # known when the data set is: `PrecomputedImages.hash`
        make=make,
    )


class OtherScale(UserError):
    """A folder whose images are for another scale."""


@dataclass(frozen=True, kw_only=True)
class PrecomputedImages:
    """The images that a folder has for one data set at one scale.

    Attributes:
        there: what lies in the folder.
        pairing: stem of the hr image to its file, and what does not pair.
        hash: of the names and the bytes of all that paired.
    """

    folder: Path
    scale: int
    there: Listing
    pairing: Pairing
    hash: str

    def pixels(self, stem: str) -> UInt8[np.ndarray, "h w c"]:
        """The sr of the hr image `stem`, as its file has it.

        Raises:
            ImageError: the file is not an image that is measured.
            ValueError: there is none.
        """
        if stem not in self.pairing.pairs:
            raise ValueError(f"the folder {str(self.folder)!r} has no file for it")
        return images.read(self.pairing.pairs[stem])

    def lines(self) -> Iterator[str]:
        """What does not pair, and what only pairs by the rule of :mod:`bench.data.pairing`."""
        for line in (*self.there.lines(), *self.pairing.lines()):
            yield f"{escape_control_chars(str(self.folder))}: {line}"
        stripped = self.pairing.stripped
        if stripped:
            first, file = next(iter(stripped.items()))
            others = f" and {len(stripped) - 1} more" if len(stripped) > 1 else ""
            folder, name = escape_control_chars(str(self.folder)), escape_control_chars(file.name)
            yield f"{folder}: taken without their ending: {name!r} for {escape_control_chars(first)!r}{others}"


def images_for(model: ExternalModel, data: Dataset, scale: int) -> PrecomputedImages:
    """The folder's images for a data set, paired by name.

    Raises:
        OtherScale: those that fit the data set all say that they are of another scale.
        UserError: no such folder, no image in it fits the data set, or two fit one.
    """
    folder = place(model.spec, data.name, scale)
    there = listing(folder)
    pairing = pair(
        [image.stem for image in data.images],
        [folder / name for name in there.names],
        scale=scale,
        role="sr",
        pattern=model.spec.options.get("pattern"),
    )
    # a kind of its own, since a run of several scales skips this one and goes on
    if not pairing.pairs and pairing.other_scale:
        raise OtherScale(
            f"{str(folder)!r} holds no image for {data.name} at x{scale}: "
            f"{listed(file.name for file in pairing.other_scale)} say another scale; must be images for x{scale}, or "
            "pattern={stem}... where that is part of their names"
        )
    if not pairing.pairs:
        lines = "; ".join((*pairing.lines(), *there.lines()))
        raise UserError(f"no image in {str(folder)!r} has the name of one of {data.name}: {lines}")
    return PrecomputedImages(folder=folder, scale=scale, there=there, pairing=pairing, hash=_hash(pairing))


def place(spec: Spec, dataset: str, scale: int) -> Path:
    """The folder for a data set at a scale.

    Raises:
        UserError: there is no such folder.
    """
    # not str.format: a path may hold other braces
    folder = Path(spec.source.replace("{dataset}", dataset).replace("{scale}", str(scale)))
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(folder)!r}; must be the images for {dataset} at x{scale}")
    return folder.absolute()


def _hash(pairing: Pairing) -> str:
    # under the stems of hr: renaming a file that pairs all the same changes nothing
    return content_hash({stem: _sha256(file) for stem, file in pairing.pairs.items()})


def _sha256(file: Path) -> str:
    """Of a file's bytes; of nothing where it cannot be read, which is reported when it is scored."""
    try:
        return hashlib.sha256(read_whole(file)).hexdigest()
    except OSError:
        return ""
