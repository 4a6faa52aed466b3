"""Gradient magnitude similarity deviation, computed by `piq` (the extra `metrics`).

Wufeng Xue, Lei Zhang, Xuanqin Mou, Alan Bovik: Gradient Magnitude Similarity Deviation: A Highly Efficient
Perceptual Image Quality Index, IEEE Transactions on Image Processing 23(2), 2014, arXiv:1308.3052.
"""

from __future__ import annotations

import piq
import torch
from jaxtyping import Float
from torch import Tensor

from bench.metrics.pair import require_pair, require_unit


@torch.no_grad()
def gmsd(sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """GMSD of RGB images in [0, 1]: 0 for identical ones, at most 0.5; symmetric.

    On full-range luma (0.299 R + 0.587 G + 0.114 B) after means of 2x2 pixels, as the paper has it: Prewitt
    gradients, T = 170 on the 0..255 scale, zeros outside the image. Computed in float64.

    Raises:
        ValueError: the shapes differ, or a value is outside [0, 1].
    """
    require_pair(sr, hr, "gmsd")
    for image in (sr, hr):
        # before piq, whose own check is an assertion: that would end the run and not cost the image alone
        require_unit(image, "gmsd")
    return piq.gmsd(sr.double(), hr.double(), data_range=1.0, reduction="none")
