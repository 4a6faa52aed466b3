"""How far the colours of a stylized image are from those of the style, wherever they lie in the image."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from bench.prepare import quantize
from bench.styling.stylized import Stylized

LEVELS = 256


def colour_histogram(stylized: Stylized) -> float:
    """Wasserstein-1 distance of the two histograms of 256 levels, mean of R, G and B: in levels, 0 to 255.

    In one dimension it is the sum over levels of the difference of the two cumulative distributions: how far the mean
    pixel's value must move to turn one histogram into the other. Both images are rounded to 8 bits first.
    """
    difference = cumulative(stylized.image) - cumulative(stylized.style)
    return difference.abs().sum(1).mean().item()


def cumulative(image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "3 256"]:
    """Of each channel the share of pixels at or below each level; float64, on the CPU."""
    # quantize gives k/255, so that round() corrects the product's last bits and no more.
    levels = (quantize(image) * (LEVELS - 1)).round().long().flatten(2)[0].cpu()
    counts = torch.stack([torch.bincount(channel, minlength=LEVELS) for channel in levels])
    return counts.double().cumsum(1) / levels.shape[1]
