"""Haar wavelet-based perceptual similarity index, computed by `piq` (the extra `metrics`).

Rafael Reisenhofer, Sebastian Bosse, Gitta Kutyniok, Thomas Wiegand: A Haar Wavelet-Based Perceptual
Similarity Index for Image Quality Assessment, Signal Processing: Image Communication 61, 2018, arXiv:1607.06140.
"""

from __future__ import annotations

import piq
import torch
from jaxtyping import Float
from torch import Tensor

from bench.metrics.pair import require_pair, require_unit

LEAST = 16


@torch.no_grad()
def haarpsi(sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """HaarPSI of RGB images in [0, 1]: in [0, 1], 1 for identical images (to float64); symmetric.

    The paper's colour version on YIQ after means of 2x2 pixels, with its constants C = 30 and alpha = 4.2, three
    scales. A grey image is three equal channels here: its chroma counts as wholly similar. Computed in float64.

    Raises:
        ValueError: the shapes differ, a side is below 16 pixels, or a value is outside [0, 1].
    """
    require_pair(sr, hr, "haarpsi", least=LEAST)
    for image in (sr, hr):
        # before piq, whose own check is an assertion, as in gmsd
        require_unit(image, "haarpsi")
    return piq.haarpsi(sr.double(), hr.double(), data_range=1.0, reduction="none")
