"""Which input pixels make an output pixel, and with which weights: the arithmetic of MATLAB's `imresize`.

Everything about positions is done in whole numbers, so no weight depends on how a scale like 1/3 was rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int


def cubic(x: Float[np.ndarray, "o t"]) -> Float[np.ndarray, "o t"]:
    """Keys's cubic with a = -0.5 (R. Keys, "Cubic convolution interpolation", 1981, equation 15)."""
    x = np.abs(x)
    inner = 1.5 * x**3 - 2.5 * x**2 + 1
    outer = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return inner * (x <= 1) + outer * ((x > 1) & (x <= 2))


def box(x: Float[np.ndarray, "o t"]) -> Float[np.ndarray, "o t"]:
    """1 in [-0.5, 0.5): the nearest pixel, the right one where two are equally near."""
    return ((x >= -0.5) & (x < 0.5)).astype(x.dtype)


def triangle(x: Float[np.ndarray, "o t"]) -> Float[np.ndarray, "o t"]:
    """Linear interpolation."""
    return np.maximum(1 - np.abs(x), 0)


def lanczos3(x: Float[np.ndarray, "o t"]) -> Float[np.ndarray, "o t"]:
    """sinc(x) sinc(x/3) for |x| < 3."""
    # MATLAB adds eps above and below the fraction; weights differ by less than 1e-15 (docs/imresize.md).
    return np.sinc(x) * np.sinc(x / 3) * (np.abs(x) < 3)


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A weight as a function of distance in pixels, zero beyond `width` / 2."""

    function: Callable[[np.ndarray], np.ndarray]
    width: int


KERNELS = MappingProxyType(
    {
        "bicubic": Kernel(function=cubic, width=4),
        "box": Kernel(function=box, width=1),
        "triangle": Kernel(function=triangle, width=2),
        "lanczos3": Kernel(function=lanczos3, width=6),
    }
)


def mirrored(index: Int[np.ndarray, "*i"], length: int) -> Int[np.ndarray, "*i"]:
    """Positions outside 0..length-1 reflected at the edge of the outermost pixel, as often as needed."""
    index = index % (2 * length)
    return np.minimum(index, 2 * length - 1 - index)


def clamped(index: Int[np.ndarray, "*i"], length: int) -> Int[np.ndarray, "*i"]:
    """Positions outside 0..length-1 moved to the outermost pixel."""
    return np.clip(index, 0, length - 1)


BORDERS = MappingProxyType({"symmetric": mirrored, "replicate": clamped})


@dataclass(frozen=True, kw_only=True)
class Taps:
    """Output pixel i is the sum over t of `weights[i, t]` times input pixel `index[i, t]`, counted from 0."""

    weights: Float[np.ndarray, "o t"]
    index: Int[np.ndarray, "o t"]


def taps(n_in: int, n_out: int, scale: Fraction, kernel: str, border: str) -> Taps:
    """The taps that make `n_out` pixels of `n_in`, as MATLAB's `contributions` has them.

    Shrinking stretches the kernel by 1/scale (antialiasing). The weights of an output pixel add up to 1; taps
    that the border rule moves onto one pixel stay apart.

    Args:
        scale: output over input; `n_out` may be rounded up from `n_in` times it.
        kernel: a name in :data:`KERNELS`.
        border: a name in :data:`BORDERS`.
    """
    up, down = scale.numerator, scale.denominator
    stretch = max(up, down)
    # Half of the stretched kernel in the units below; width / up is the whole of it in input pixels.
    width = KERNELS[kernel].width * stretch
    # In units of 1/(2 up) input pixels, counted from 1 as in MATLAB: u = x / scale + (1 - 1 / scale) / 2.
    centre = 2 * down * np.arange(1, n_out + 1)[:, None] + up - down
    first = (centre - width) // (2 * up)
    # Two taps more than the kernel is wide, as MATLAB has it; those outside weigh 0.
    index = first + np.arange(math.ceil(width / up) + 2)
    weights = KERNELS[kernel].function((centre - 2 * up * index) / (2 * stretch))
    # MATLAB's positions count from 1, those of a tensor from 0.
    return Taps(weights=weights / weights.sum(1, keepdims=True), index=BORDERS[border](index - 1, n_in))
