"""Where sr differs from hr by SSIM and by LPIPS: maps of a run, as small 8-bit pictures for a report's viewer.

A level k of a map stands for an error of k/255, and 255 for 1 and more: 1 - SSIM of the window around a pixel, and what
LPIPS adds up there. What is not measured (the border crop, half a window) has level 0. A map whose longer side is above
:data:`LONGEST` holds means of squares of 2x2, 3x3, ... pixels.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.interfaces import LocalMetric
from bench.metrics.ssim import LOST, local_ssim, ssim
from bench.quality.plan import LoadedMetric

LONGEST = 320


def local_error(
    metric: LoadedMetric,
    sr: Float[Tensor, "1 c h w"],
    hr: Float[Tensor, "1 c h w"],
    features: object,
) -> Float[Tensor, "h w"] | None:
    """Of a prepared pair: 0 where the two agree; None of a metric that has one value for an image.

    Args:
        features: what the metric keeps of hr; None of one that keeps nothing.

    Raises:
        ValueError: it cannot measure the pair.
    """
    if metric.metric is ssim:
        return F.pad(1 - local_ssim(sr, hr)[0].mean(0), [LOST // 2] * 4)
    if isinstance(metric.metric, LocalMetric):
        return metric.metric.local(sr, features)[0]
    return None


def encoded(error: Float[Tensor, "h w"], shave: int) -> UInt8[np.ndarray, "h2 w2 1"]:
    """As a map of hr, of which `shave` pixels of each border were not measured."""
    whole = F.pad(error.float(), [shave] * 4)[None, None]
    factor = shrunk_by(*whole.shape[-2:])
    small = F.avg_pool2d(whole, factor, ceil_mode=True, count_include_pad=False)[0, 0]
    return (small.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()[..., None]


def shrunk_by(height: int, width: int) -> int:
    """Side of the square of pixels of hr that a pixel of its map stands for."""
    return -(-max(height, width) // LONGEST)
