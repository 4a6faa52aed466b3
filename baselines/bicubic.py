"""MATLAB's `imresize`, to the bit, as two banded products: batched, differentiable, on any device.

Files that MATLAB wrote come out without one differing pixel; `docs/imresize.md` says how, and what the
variants in circulation cost.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from baselines.kernels import BORDERS, KERNELS, taps

ARITHMETICS = ("float", "uint8")
CACHED_PAIRS = 64
BLOCK_ROWS = 32  # measured from 8 to 256: fewer pay for launches, more for multiplying by zeros
LARGEST_TERM = 1 << 16

# A pass gives whole multiples of 1 / (16 s^4) at scale s. Where s is a power of two, weights and sums are
# exact in float64: a tie (k + 1/2) comes out as one and goes up, as in MATLAB's files. At an odd s there are
# none: the weights share an odd denominator. At the rest (x6) a tie lands up to 1e-13 to one side, by the
# order of the sum; what is as near as this counts as a tie, so every machine gives the same pixels. Other
# values keep 1e-8 away from a tie up to x40.
TIE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Bicubic:
    """Upscaler with the cubic kernel, a = -0.5, and a symmetric border; never rounds or clips."""

    scale: int
    channels: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise ValueError(f"scale is {self.scale}, must be an integer of at least 1")

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        return imresize(lr, self.scale)


def imresize(
    image: Float[Tensor, "n c h w"],
    size: tuple[int, int] | Fraction | float | int,
    *,
    arithmetic: str = "float",
    border: str = "symmetric",
    kernel: str = "bicubic",
) -> Float[Tensor, "n c h2 w2"]:
    """Resize as MATLAB does, antialiased when shrinking; returns the image's dtype on its device.

    The dimension that shrinks more goes first, the vertical one where they are equal.

    Args:
        image: float in [0, 1]; anything below float32 is computed in float32.
        size: output height and width, or output over input; a float such as 1/3 stands for the fraction. As
            in MATLAB, a scale gives ceil(scale * length) pixels, spaced by the scale itself.
        arithmetic: `float` never rounds or clips and is differentiable. `uint8` is what MATLAB does to a
            uint8 image: the image is brought to 8 bits, each pass is rounded half up and clipped, the result
            lies on the grid k/255. It is computed in float64 (on the CPU for a device without it) and its
            gradient is zero.
        border: taps outside the image: `symmetric` mirrors (recent MATLAB), `replicate` clamps (older).
        kernel: `bicubic`, `box`, `triangle` or `lanczos3`.

    Raises:
        ValueError: an unknown name, an empty image, a size below 1, or a scale that is no positive fraction
            of whole numbers up to 65536.
    """
    for what, name, known in (
        ("arithmetic", arithmetic, ARITHMETICS),
        ("border", border, tuple(BORDERS)),
        ("kernel", kernel, tuple(KERNELS)),
    ):
        if name not in known:
            raise ValueError(f"{what} is {name!r}, must be {', '.join(known[:-1])} or {known[-1]}")
    axes = _axes(image, size)
    exact = arithmetic == "uint8"
    pixels = image.to(torch.promote_types(image.dtype, torch.float32))
    if exact:  # in 0..255, as MATLAB's uint8() makes it
        # MPS has no float64, in which ties are exact.
        device = "cpu" if image.device.type == "mps" else image.device
        pixels = _round_in_place(pixels * 255).to(device, torch.float64)
    # sorted() is stable: where scales are equal, the vertical pass stays the first.
    for axis in sorted(axes, key=lambda axis: axis.scale):
        blocks = _blocks(axis, kernel, border, pixels.dtype, pixels.device)
        # the banded matrix times columns or rows, a block of the output at a time
        if axis.dim == -2:
            pixels = torch.cat([b.weights @ pixels[..., b.start : b.stop, :] for b in blocks], dim=-2)
        else:
            pixels = torch.cat([pixels[..., b.start : b.stop] @ b.weights.mT for b in blocks], dim=-1)
        if exact:
            _round_in_place(pixels)
    return (pixels / 255 if exact else pixels).to(image)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One dimension (-2 rows, -1 columns) with its length before and after."""

    dim: int
    n_in: int
    n_out: int
    scale: Fraction


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some rows of the banded matrix; outside the columns `start`..`stop` they are zero."""

    start: int
    stop: int
    weights: Float[Tensor, "rows columns"]


@functools.lru_cache(maxsize=CACHED_PAIRS)
def _blocks(
    axis: Axis, kernel: str, border: str, dtype: torch.dtype, device: torch.device
) -> tuple[Block, ...]:
    found = taps(axis.n_in, axis.n_out, axis.scale, kernel, border)
    # BLOCK_ROWS counts rows of the smaller side; enlarging makes `scale` rows of each.
    rows = BLOCK_ROWS * max(1, round(axis.scale))
    blocks = []
    for i in range(0, axis.n_out, rows):
        index, weights = found.index[i : i + rows], found.weights[i : i + rows]
        # Taps of weight 0, at the ends of the kernel, would only make the block wider.
        row, tap = np.nonzero(weights)
        columns = index[row, tap]
        start, stop = int(columns.min()), int(columns.max()) + 1
        dense = np.zeros((len(index), stop - start))
        np.add.at(dense, (row, columns - start), weights[row, tap])  # taps that meet in a column add up
        with torch.inference_mode(False):  # what is cached here may later take part in training
            block = torch.tensor(dense, dtype=dtype, device=device)
        blocks.append(Block(start=start, stop=stop, weights=block))
    return tuple(blocks)


def _axes(image: Tensor, size: tuple[int, int] | Fraction | float | int) -> list[Axis]:
    if image.numel() == 0:
        raise ValueError(f"image has shape {tuple(image.shape)}, needs at least one pixel")
    lengths = [int(length) for length in image.shape[-2:]]  # the ONNX exporter's are tensors
    if isinstance(size, tuple):
        if min(size) < 1:
            raise ValueError(f"size is {size}, must be a height and a width of at least 1")
        scales = [Fraction(n_out, n_in) for n_out, n_in in zip(size, lengths, strict=True)]
    else:
        valid = math.isfinite(size) and size > 0
        # a float such as 1/3 stands for the fraction that it is nearest to
        scale = Fraction(size).limit_denominator(LARGEST_TERM) if valid else Fraction(0)
        # A float is within 2**-53 of the fraction that was meant; farther away, another number was.
        if not valid or scale.numerator > LARGEST_TERM or abs(scale - Fraction(size)) > 1e-15 * size:
            raise ValueError(
                f"scale is {size}, must be a positive fraction of whole numbers up to {LARGEST_TERM}, or a size"
            )
        scales = [scale] * 2
    return [
        Axis(dim=dim, n_in=n_in, n_out=math.ceil(n_in * scale), scale=scale)
        for dim, n_in, scale in zip((-2, -1), lengths, scales, strict=True)
    ]


def _round_in_place(pixels: Tensor) -> Tensor:
    """Half up, to 0..255; for a tensor that nobody else has. Allocating anew costs more than rounding."""
    return pixels.add_(0.5 + TIE).floor_().clamp_(0, 255)
