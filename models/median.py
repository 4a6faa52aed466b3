"""The 3x3 median filter that the authors' release applies to what its networks give."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def ordered(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The smallest, the middle and the largest, element by element."""
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    return torch.minimum(low, c), torch.maximum(low, torch.minimum(high, c)), torch.maximum(high, c)


def median_filter(image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h-2 w-2"]:
    """The median of each 3x3 window that fits: one pixel per side is lost. NaN spreads to its windows.

    With each column of the window sorted, the median of the nine is the middle one of three: the largest of
    the column minima, the median of the column medians and the smallest of the column maxima.

    Raises:
        ValueError: less than 3 pixels per side.
    """
    h, w = image.shape[-2:]
    if min(h, w) < 3:
        raise ValueError(f"image must be at least 3 pixels per side (got {w}x{h})")
    low, middle, high = ordered(image[..., :-2, :], image[..., 1:-1, :], image[..., 2:, :])
    return ordered(ordered(*columns(low))[2], ordered(*columns(middle))[1], ordered(*columns(high))[0])[1]


def columns(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The left, centre and right element of each window."""
    return rows[..., :-2], rows[..., 1:-1], rows[..., 2:]
