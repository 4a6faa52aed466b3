"""The lr files that came with a data set: read for a run, and compared with the lr that a protocol makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.data import images
from bench.data.images import load
from bench.errors import ImageError, UserError
from bench.lr import degrade
from bench.prepare import modcrop
from bench.records import Border, Dataset, SRProtocol

# Recent MATLAB mirrors outside the image, older MATLAB clamps; lr files of either are in use (docs/datasets.md).
OTHER_BORDER: dict[Border, Border] = {"symmetric": "replicate", "replicate": "symmetric"}


@dataclass(frozen=True, kw_only=True)
class LrComparison:
    """What a comparison found.

    Attributes:
        levels: by image, the largest difference in 8-bit levels; 0 for equal pixels.
        other_size: by image, the size of its lr file and the one that it must have, in words.
        unreadable: by image, why there is nothing to compare: hr or its lr file cannot be read.
    """

    protocol: SRProtocol
    levels: Mapping[str, int]
    other_size: Mapping[str, str]
    unreadable: Mapping[str, str]

    @property
    def equal(self) -> tuple[str, ...]:
        """The images whose lr file has the very pixels that the protocol makes."""
        return tuple(stem for stem, level in self.levels.items() if level == 0)

    @property
    def images(self) -> int:
        """How many were looked at."""
        return len(self.levels) + len(self.other_size) + len(self.unreadable)

    def __str__(self) -> str:
        p = self.protocol
        text = (
            f"{len(self.equal)} of {self.images} lr files equal what {p.name} makes at x{p.scale} "
            f"(borders: {p.border})"
        )
        most = max(self.levels.values(), default=0)
        if most:
            text += f", the others differ by at most {most} level{'s' * (most > 1)}"
        for those, what in (
            (self.other_size, f"{'have' if len(self.other_size) > 1 else 'has'} another size"),
            (self.unreadable, "cannot be compared"),
        ):
            if those:
                stem, why = next(iter(those.items()))
                text += f", {len(those)} {what} ({stem}: {why})"
        return text


def same_lr(data: Dataset, files: Mapping[str, Path], protocol: SRProtocol) -> LrComparison:
    """Compare lr files (:func:`bench.data.layouts.lr_of`) with the lr images made of `data` under `protocol`.

    Raises:
        UserError: the protocol's lr is no 8-bit RGB image, or an image has no lr file.
    """
    check_protocol(protocol)
    levels, other_size, unreadable = {}, {}, {}
    for image in data.images:
        if image.stem not in files:
            raise UserError(
                f"data set {data.name}: {image.stem!r} has no lr file; must be one for each image"
            )
        try:
            made = _made(load(image).pixels, protocol)
            given = images.read(files[image.stem])
        except (ValueError, OSError) as error:  # it costs itself, when it is scored
            unreadable[image.stem] = str(error)
            continue
        if made.shape[:2] == given.shape[:2]:
            # int16: differences of uint8 wrap. A grey hr's lr may be stored as three equal channels, which broadcasts.
            levels[image.stem] = int(np.abs(made.astype(np.int16) - given).max())
        else:
            other_size[image.stem] = f"{_size(given)}, must be {_size(made)}"
    return LrComparison(protocol=protocol, levels=levels, other_size=other_size, unreadable=unreadable)


def closest_lr(data: Dataset, files: Mapping[str, Path], protocol: SRProtocol) -> LrComparison:
    """As :func:`same_lr`, under the protocol or, where more files equal that, the protocol with MATLAB's other border.

    Raises:
        UserError: as :func:`same_lr`.
    """
    found = same_lr(data, files, protocol)
    # all that could be compared; another border would not help the rest
    if len(found.equal) == len(found.levels):
        return found
    other = same_lr(data, files, replace(protocol, border=OTHER_BORDER[protocol.border]))
    return max(found, other, key=lambda proof: len(proof.equal))


def check_protocol(protocol: SRProtocol) -> None:
    """Refuse a protocol whose lr no image file can stand for.

    Raises:
        UserError: it degrades luma, or never rounds.
    """
    if protocol.arithmetic != "uint8" or protocol.colour != "rgb":
        raise UserError(
            f"protocol {protocol.name} makes lr that is no 8-bit RGB image; must be one that does"
        )


def read_lr(file: Path, hr: Float[Tensor, "1 c h w"], scale: int) -> Float[Tensor, "1 c h2 w2"]:
    """lr as a file has it, on hr's device; one channel where hr is grey and the file's three are equal.

    Args:
        hr: cropped to multiples of the scale.

    Raises:
        ImageError: the file is not an image that is measured, or has not the size or the channels that hr asks for.
    """
    h, w = hr.shape[-2:]
    return images.to_tensor(read_lr_pixels(file, (h, w, hr.shape[1]), scale)).to(hr.device)


def read_lr_pixels(file: Path, hr: tuple[int, int, int], scale: int) -> UInt8[np.ndarray, "h2 w2 c"]:
    """As :func:`read_lr`, the pixels; `hr` is hr's height, width and channels.

    Raises:
        ImageError: as :func:`read_lr`.
    """
    lr = images.read(file)
    height, width, channels = hr
    required = (height // scale, width // scale)
    if lr.shape[:2] != required:
        raise ImageError(
            f"{str(file)!r} is {_size(lr)}, must be {required[1]}x{required[0]}: hr is {width}x{height}"
        )
    # many programs store grey as three equal channels
    if channels == 1 and bool((lr == lr[..., :1]).all()):
        return lr[..., :1]
    if lr.shape[2] != channels:
        raise ImageError(f"{str(file)!r} has {lr.shape[2]} channels, must be {channels} as hr has")
    return lr


def _made(pixels: UInt8[np.ndarray, "h w c"], protocol: SRProtocol) -> UInt8[np.ndarray, "h2 w2 c"]:
    return images.to_array(degrade(modcrop(images.to_tensor(pixels), protocol.scale), protocol))


def _size(pixels: UInt8[np.ndarray, "h w c"]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
