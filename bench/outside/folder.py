"""A folder of images that some other program made: scored as they are, paired with the data set's by name.

`{dataset}` and `{scale}` in the path stand for those of the run: `results/{dataset}/x{scale}`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench.errors import UserError
from bench.files.layouts import SUFFIXES
from bench.files.pairing import Pairing, pair
from bench.files.whole_file import read_whole
from bench.outside.model import Outside
from bench.outside.spec import Spec
from bench.printable import printable
from bench.records import Dataset, content_hash

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor


def opened(spec: Spec) -> Outside:
    """A folder as a participant of `bench.sr_quality`; it is read when its data set is known."""

    def make(scale: int, device: torch.device) -> NoReturn:
        raise UserError(
            f"{spec.source!r} is a folder of images, which can be scored but not run; required a network"
        )

    return Outside(
        spec=spec,
        kind="images",
        about="images that another program made",
        scale=spec.options.get("scale"),
        content="",
        make=make,
    )


@dataclass(frozen=True, kw_only=True)
class MadeImages:
    """The images that a folder has for one data set at one scale.

    Attributes:
        pairing: stem of the hr image to its file, and what does not pair.
        hash: of the names and the bytes of all that paired.
    """

    folder: Path
    scale: int
    pairing: Pairing
    hash: str
    device: torch.device

    def image(self, stem: str) -> Float[Tensor, "1 c h w"]:
        """The sr of the hr image `stem`, as its file has it.

        Raises:
            ImageError: the file is not an image that is measured.
            ValueError: there is none.
        """
        from bench import images

        if stem not in self.pairing.pairs:
            raise ValueError(f"the folder {str(self.folder)!r} has no file for it")
        return images.to_tensor(images.read(self.pairing.pairs[stem])).to(self.device)

    def lines(self) -> Iterator[str]:
        """What does not pair, and what only pairs by the rule of :mod:`bench.files.pairing`."""
        for line in self.pairing.lines():
            yield f"{printable(str(self.folder))}: {line}"
        stripped = self.pairing.stripped
        if stripped:
            first, file = next(iter(stripped.items()))
            others = f" and {len(stripped) - 1} more" if len(stripped) > 1 else ""
            yield f"{printable(str(self.folder))}: taken without their ending: {printable(file.name)!r} for " \
                  f"{printable(first)!r}{others}"  # fmt: skip


def images_for(model: Outside, data: Dataset, scale: int, device: Any) -> MadeImages:
    """The folder's images for a data set, paired by name.

    Raises:
        UserError: no such folder, no image in it fits the data set, or two fit one.
    """
    folder = place(model.spec, data.name, scale)
    pairing = pair([image.stem for image in data.images], files(folder))
    if not pairing.pairs:
        raise UserError(
            f"no image in {str(folder)!r} has the name of one of {data.name}: {'; '.join(pairing.lines())}"
        )
    return MadeImages(folder=folder, scale=scale, pairing=pairing, hash=_hash(pairing), device=device)


def place(spec: Spec, dataset: str, scale: int) -> Path:
    """The folder for a data set at a scale.

    Raises:
        UserError: there is no such folder.
    """
    folder = Path(spec.source.replace("{dataset}", dataset).replace("{scale}", str(scale)))
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(folder)!r}; required the images for {dataset} at x{scale}")
    return folder


def files(folder: Path) -> list[Path]:
    """The images of a folder, not of its sub-folders, and no hidden ones."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be listed: {error.strerror or error}") from error
    return [
        entry
        for entry in entries
        if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".") and not entry.is_dir()
    ]


def _hash(pairing: Pairing) -> str:
    return content_hash({stem: _sha256(file) for stem, file in pairing.pairs.items()})


def _sha256(file: Path) -> str:
    """Of a file's bytes; of nothing where it cannot be read, which is reported when it is scored."""
    try:
        return hashlib.sha256(read_whole(file)).hexdigest()
    except OSError:
        return ""
