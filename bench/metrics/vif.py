"""Visual information fidelity in the pixel domain.

Hamid Sheikh, Alan Bovik: Image Information and Visual Quality, IEEE Transactions on Image Processing 15(2), 2006.

Differs from the paper: on Gaussian-filtered pixels at four scales, as in the authors' later code (VIFp), not on
wavelet bands.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from bench.metrics.pair import one_thread, require_pair

LEAST = 41
SCALES = 4
NOISE = 2.0  # variance of the eye's own noise, on the 0..255 scale
EPSILON = 1e-8
LUMA = (0.299, 0.587, 0.114)

Planes = Float[Tensor, "n h w"]


# Own code: piq's took 24 times as long in float64, and was off on flat images in float32 (docs/metrics.md).
@one_thread()
@torch.no_grad()
def vif_p(sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """VIFp of RGB images in [0, 1]: at least 0, 1 for identical ones; above 1 where sr has more contrast than hr.

    On full-range luma (0.299 R + 0.587 G + 0.114 B); not symmetric: hr is the reference. Computed in float64.

    Raises:
        ValueError: the shapes differ, or a side is below 41 pixels.
    """
    require_pair(sr, hr, "vif-p", least=LEAST)
    x, y = luma(sr), luma(hr)
    # one tensor under two names: added to below, never in place
    kept = whole = torch.zeros(sr.shape[0], dtype=torch.float64, device=sr.device)
    for scale in range(SCALES):
        side = 2 ** (SCALES - scale) + 1  # 17, 9, 5, 3
        if scale:
            x, y = (smooth(plane, side)[..., ::2, ::2] for plane in (x, y))
        terms = information(x, y, side)
        kept, whole = kept + terms[0], whole + terms[1]
    return (kept + EPSILON) / (whole + EPSILON)


def information(x: Planes, y: Planes, side: int) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """What x keeps of y at one scale, and what y has: sums over the windows of `side` pixels."""
    mean_x, mean_y = smooth(x, side), smooth(y, side)
    # rounding leaves variances of flat areas just below 0
    of_x = (smooth(x * x, side) - mean_x**2).clamp_(min=0)
    of_y = (smooth(y * y, side) - mean_y**2).clamp_(min=0)
    covariance = smooth(x * y, side) - mean_x * mean_y
    # where sr goes against hr, nothing of hr is kept
    gain = (covariance / (of_y + EPSILON)).clamp_(min=0)
    rest = (of_x - gain * covariance).clamp_(min=EPSILON)
    kept = torch.log10(1 + gain**2 * of_y / (rest + NOISE))
    return kept.sum((-2, -1)), torch.log10(1 + of_y / NOISE).sum((-2, -1))


def smooth(plane: Planes, side: int) -> Float[Tensor, "n h2 w2"]:
    """Gaussian means of `side` x `side` pixels, sigma = side / 5, where the window fits; rows, then columns."""
    distance = torch.arange(side, dtype=torch.float64) - side // 2
    weights = torch.exp(-(distance**2) / (2 * (side / 5) ** 2))
    for dim in (-2, -1):
        length = plane.shape[dim] - side + 1
        total = torch.zeros_like(plane.narrow(dim, 0, length))
        # a window is a product of two: 2 * 17 terms a pixel, not 17 * 17
        for offset, weight in enumerate((weights / weights.sum()).tolist()):
            total.add_(plane.narrow(dim, offset, length), alpha=weight)
        plane = total
    return plane


def luma(image: Float[Tensor, "n 3 h w"]) -> Planes:
    """Full-range luma in 0..255, float64."""
    weights = torch.tensor(LUMA, dtype=torch.float64, device=image.device)
    return 255 * torch.einsum("nchw,c->nhw", image.double(), weights)
