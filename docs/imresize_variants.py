"""What each variant of bicubic shrinking costs: the table of `imresize.md`.

Run from the repository's root: `python docs/imresize_variants.py [DATASET] [SCALE]` (default: set5 4).
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from statistics import fmean

import numpy as np
import PIL
import skimage
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from baselines.bicubic import imresize
from bench.data.datasets import dataset
from bench.data.images import load, to_array, to_tensor
from bench.metrics.psnr import psnr
from bench.prepare import modcrop, prepare, quantize
from bench.protocols import johnson2016

Resize = Callable[[Tensor, Fraction], Tensor]
EDGE = 3  # lr pixels: beyond them no variant's border rule reaches


def matlab(arithmetic: str = "uint8", border: str = "symmetric") -> Resize:
    return lambda image, scale: imresize(image, scale, arithmetic=arithmetic, border=border)


def horizontal_first(image: Tensor, scale: Fraction) -> Tensor:
    return imresize(image.mT, scale, arithmetic="uint8").mT


def half_to_even(image: Tensor, scale: Fraction) -> Tensor:
    """NumPy's and Python's way to round, after each pass."""
    rows, columns = lengths(image, scale)
    levels = (imresize(image * 255, (rows, image.shape[-1]))).round().clamp(0, 255)
    return imresize(levels, (rows, columns)).round().clamp(0, 255) / 255


def in_torch(antialias: bool) -> Resize:
    """Without antialiasing this is OpenCV's INTER_CUBIC formula too: a = -0.75, clamped border."""
    return lambda image, scale: F.interpolate(
        image, size=lengths(image, scale), mode="bicubic", antialias=antialias, align_corners=False
    )


def in_pillow(image: Tensor, scale: Fraction) -> Tensor:
    rows, columns = lengths(image, scale)
    channels = (Image.fromarray(channel) for channel in to_array(image).transpose(2, 0, 1))
    resized = [np.array(c.resize((columns, rows), Image.Resampling.BICUBIC)) for c in channels]
    return to_tensor(np.stack(resized, axis=-1)).double()


def in_skimage(image: Tensor, scale: Fraction) -> Tensor:
    """Cubic splines after a Gaussian blur."""
    from skimage.transform import resize

    pixels = image[0].permute(1, 2, 0).numpy()
    resized = resize(pixels, lengths(image, scale), order=3, anti_aliasing=scale < 1)
    return torch.from_numpy(resized).permute(2, 0, 1)[None]


def lengths(image: Tensor, scale: Fraction) -> tuple[int, int]:
    rows, columns = image.shape[-2:]
    return int(rows * scale), int(columns * scale)


VARIANTS: dict[str, Resize] = {
    "exact: uint8, symmetric": matlab(),
    "rounded half to even": half_to_even,
    "border clamped (replicate)": matlab(border="replicate"),
    "rounded once, at the end (float)": matlab("float"),
    "float and clamped": matlab("float", "replicate"),
    "horizontal pass first": horizontal_first,
    "Pillow BICUBIC": in_pillow,
    "torch, antialias=True": in_torch(antialias=True),
    "skimage resize, order 3, anti_aliasing": in_skimage,
    "torch, no antialias (OpenCV's formula)": in_torch(antialias=False),
}


def images(name: str, scale: int) -> Iterator[Tensor]:
    """hr in float64, exactly on the grid k/255."""
    for image in dataset(name).images:
        yield modcrop(quantize(to_tensor(load(image).pixels).double()), scale)


def quality(sr: Tensor, hr: Tensor, scale: int) -> float:
    a, b = prepare(sr, hr, johnson2016(scale))
    return float(psnr(a.channel, b.channel))


def row(resize: Resize, name: str, scale: int) -> str:
    """Differing values in all and inside, the largest difference, PSNR enlarged by imresize and by the variant."""
    differences, inside, ours, own = [], [], [], []
    for hr in images(name, scale):
        lr = quantize(resize(hr, Fraction(1, scale)))
        exact = imresize(hr, Fraction(1, scale), arithmetic="uint8")
        levels = ((lr - exact) * 255).round().abs()
        differences.append(levels.flatten())
        inside.append(levels[..., EDGE:-EDGE, EDGE:-EDGE].flatten())
        ours.append(quality(imresize(lr, scale), hr, scale))
        own.append(quality(resize(lr, Fraction(scale)), hr, scale))
    everywhere, away = torch.cat(differences), torch.cat(inside)
    shares = " | ".join(
        f"{100 * float((d > 0).double().mean()):.2f} % | {int(d.max())}" for d in (everywhere, away)
    )
    return f"{shares} | {fmean(ours):.3f} | {fmean(own):.3f}"


def main(name: str = "set5", scale: str = "4") -> None:
    versions = f"torch {torch.__version__}, Pillow {PIL.__version__}, scikit-image {skimage.__version__}"
    print(f"{name} x{scale}; Python {platform.python_version()}, {versions}\n")
    print(
        "| variant | differ | max | differ inside | max inside | PSNR, imresize up | PSNR, variant both ways |"
    )
    print("|---|---|---|---|---|---|---|")
    for title, resize in VARIANTS.items():
        print(f"| {title} | {row(resize, name, int(scale))} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
