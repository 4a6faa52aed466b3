"""The spread that the resize kernel alone brings: hr made smaller and larger again in three ways.

None of it is a model: the same bicubic by name, in three well-known implementations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from baselines.bicubic import imresize
from bench.data.images import to_array, to_tensor
from bench.explaining.conventions import Convention, Psnr, Ssim
from bench.explaining.scores import measure
from bench.explaining.table import cell
from bench.prepare import modcrop
from bench.tables import Column, Table


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A way to degrade by `scale` and enlarge again; 8 bits between and after."""

    name: str
    about: str
    resize: Callable[[Float[Tensor, "1 c h w"], tuple[int, int]], Float[Tensor, "1 c h2 w2"]]


def round_trip(
    hr: UInt8[np.ndarray, "h w c"], scale: int, kernel: Kernel
) -> tuple[UInt8[np.ndarray, "h2 w2 c"], UInt8[np.ndarray, "h2 w2 c"]]:
    """sr as the kernel makes it, and hr cropped to multiples of the scale."""
    whole = modcrop(to_tensor(hr), scale)
    h, w = whole.shape[-2:]
    # Through 8 bits, as lr that was written to a file.
    lr = to_tensor(to_array(kernel.resize(whole, (h // scale, w // scale))))
    return to_array(kernel.resize(lr, (h, w))), to_array(whole)


def matlab(image: Float[Tensor, "1 c h w"], size: tuple[int, int]) -> Float[Tensor, "1 c h2 w2"]:
    """MATLAB's imresize of a uint8 image: antialiased, a = -0.5, mirrored borders."""
    shrinking = size[0] < image.shape[-2]
    ratio = image.shape[-2] // size[0] if shrinking else size[0] // image.shape[-2]
    return imresize(image, Fraction(1, ratio) if shrinking else ratio, arithmetic="uint8")


def pillow(image: Float[Tensor, "1 c h w"], size: tuple[int, int]) -> Float[Tensor, "1 c h2 w2"]:
    """Pillow's BICUBIC itself: antialiased, a = -0.5, weights renormalised at borders."""
    pixels = to_array(image)
    made = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).resize(
        size[::-1], Image.Resampling.BICUBIC
    )
    found = np.array(made)
    return to_tensor(found if found.ndim == 3 else found[..., None])


def unfiltered(image: Float[Tensor, "1 c h w"], size: tuple[int, int]) -> Float[Tensor, "1 c h2 w2"]:
    """OpenCV's INTER_CUBIC and torch's bicubic: a = -0.75, not antialiased, borders repeated."""
    return F.interpolate(image, size, mode="bicubic", align_corners=False, antialias=False)


def table(pixels: Sequence[UInt8[np.ndarray, "h w c"]], scale: int) -> Table:
    """A row per kernel: the papers' convention, and RGB; a border crop of `scale` pixels, means over the images."""
    conventions: list[Convention] = [
        make(channel=channel, shave="scale") for channel in ("y", "rgb") for make in (Psnr, Ssim)
    ]
    rows = []
    for kernel in KERNELS:
        images = [measure("", *round_trip(hr, scale, kernel), scale, conventions) for hr in pixels]
        rows.append((kernel.name, *(cell(convention, images) for convention in conventions), kernel.about))
    heads = ("kernel", "PSNR y", "SSIM y", "PSNR rgb", "SSIM rgb", "what")
    return Table(
        columns=tuple(Column(head=head, align="left", overflow="words") for head in heads),
        rows=tuple(rows),
        layout="open",
    )


KERNELS = (
    Kernel(name="matlab", about="imresize: antialiased, a = -0.5", resize=matlab),
    Kernel(name="pillow", about="Image.BICUBIC: antialiased, a = -0.5", resize=pillow),
    Kernel(
        name="opencv", about="INTER_CUBIC, torch's bicubic: not antialiased, a = -0.75", resize=unfiltered
    ),
)
