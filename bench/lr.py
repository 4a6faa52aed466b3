"""hr to lr: what happens to an image before a model sees it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from baselines.bicubic import imresize
from baselines.kernels import BORDERS
from bench.prepare import size
from bench.records import SRProtocol


def degrade(hr: Float[Tensor, "n c h w"], protocol: SRProtocol) -> Float[Tensor, "n c h2 w2"]:
    """lr as the protocol makes it: blur if it has one, then MATLAB's imresize by 1/scale.

    Args:
        hr: float in [0, 1], cropped to multiples of the scale (:func:`bench.prepare.modcrop`). Where the
            protocol's colour is `y` it is the luma of :func:`bench.prepare.to_luma`; luma comes first, then the crop.

    Returns:
        hr's dtype and device; 8-bit values k/255 with `uint8` arithmetic, unclipped ones with `float`.

    Raises:
        ValueError: hr has other channels than the protocol degrades, or no multiples of the scale as sides.
    """
    if protocol.colour == "y" and hr.shape[1] != 1:
        raise ValueError(f"hr has {hr.shape[1]} channels, must be 1: protocol {protocol.name} degrades luma")
    if any(side % protocol.scale for side in hr.shape[-2:]):
        raise ValueError(f"hr is {size(hr)}, must be multiples of {protocol.scale}")
    if protocol.blur_sigma:
        hr = blur(hr, protocol.blur_sigma, protocol.border)
    # A Fraction: 1/3 as a float would shift positions and weights of taps in their last digits.
    return imresize(hr, Fraction(1, protocol.scale), arithmetic=protocol.arithmetic, border=protocol.border)


def blur(image: Float[Tensor, "n c h w"], sigma: float, border: str) -> Float[Tensor, "n c h w"]:
    """Gaussian blur, rows then columns, of radius ceil(3 sigma), weights normalised to 1; never rounds.

    Args:
        sigma: in pixels, above 0.
        border: as in :func:`baselines.bicubic.imresize`.
    """
    radius = math.ceil(3 * sigma)
    weights = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-radius, radius + 1)]
    for dim in (-2, -1):
        length = image.shape[dim]
        index = BORDERS[border](np.arange(-radius, length + radius), length)
        padded = image.index_select(dim, torch.tensor(index, device=image.device))
        shifted = (w * padded.narrow(dim, i, length) for i, w in enumerate(weights))
        # A sum of shifts in a fixed order: a strip of a large image gives the same bits as the whole.
        image = sum(shifted, torch.zeros_like(image)) / sum(weights)
    return image
