"""Multi-scale structural similarity.

Zhou Wang, Eero Simoncelli, Alan Bovik: Multiscale Structural Similarity for Image Quality Assessment,
Asilomar 2003, equation 7, as in the authors' MATLAB code: means of 2x2 pixels between scales, the image
mirrored where a side is odd.

Differs from the paper: a negative contrast-structure mean, to which no power can be taken, counts as 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from bench.metrics.pair import one_thread, require_pair
from bench.metrics.ssim import WINDOW, Plane, similarity

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # the paper's, from the finest scale to the coarsest
# 161: halved four times, rounding up, SSIM's window still fits.
MINIMUM = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1


def half(plane: Plane) -> Float[Tensor, "h2 w2"]:
    """Means of 2x2 pixels; an odd last row or column is averaged with its mirror image, which is itself."""
    return F.avg_pool2d(plane[None, None], 2, ceil_mode=True)[0, 0]


def product(x: Plane, y: Plane, workers: int) -> Float[Tensor, ""]:
    """MS-SSIM of one pair of planes: contrast-structure of the finer scales, SSIM of the coarsest."""
    terms = []
    for weight in WEIGHTS[:-1]:
        terms.append(similarity(x, y, workers).contrast.clamp(min=0) ** weight)
        x, y = half(x), half(y)
    terms.append(similarity(x, y, workers).ssim.clamp(min=0) ** WEIGHTS[-1])
    return torch.stack(terms).prod()


@torch.no_grad()
def ms_ssim(sr: Float[Tensor, "n c h w"], hr: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """MS-SSIM of images in [0, 1]: in [0, 1], 1 for identical images; each channel alone, then their mean.

    Five scales with the paper's weights; windows as in :func:`bench.metrics.ssim.ssim`. Computed in float64.

    Raises:
        ValueError: the shapes differ, or a side is below 161 pixels: the window must fit the last scale.
    """
    require_pair(sr, hr, "ms-ssim", least=MINIMUM)
    with one_thread() as workers:
        planes = zip(sr.double().flatten(0, 1), hr.double().flatten(0, 1), strict=True)
        return torch.stack([product(x, y, workers) for x, y in planes]).view(sr.shape[:2]).mean(1)
