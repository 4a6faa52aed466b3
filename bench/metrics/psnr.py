"""Peak signal-to-noise ratio."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from bench.metrics.pair import one_thread, require_pair


@one_thread()
@torch.no_grad()
def psnr(sr: Float[Tensor, "n c h w"], hr: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """10 log10(1 / mean squared error) in dB, for images in [0, 1]; the mean is over channels and pixels.

    Infinite for identical images: no epsilon is added. Computed in float64.

    Raises:
        ValueError: the shapes differ.
    """
    require_pair(sr, hr, "psnr")
    squares = (sr.double() - hr.double()).square_()
    return 10 * torch.log10(1 / squares.mean((1, 2, 3)))
