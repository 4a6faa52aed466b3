"""How much of the content a stylized image keeps: the distance, and the likeness, of the two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from bench.metrics.lpips_distance import LpipsDistance
from bench.metrics.ssim import ssim
from bench.prepare import rgb_to_y
from bench.styling.stylized import Stylized


def content_lpips(trunk: Path, device: torch.device) -> Callable[[Stylized], float]:
    """LPIPS 0.1 on AlexNet between image and content: 0 for the content itself.

    Args:
        trunk: AlexNet's convolutions.
    """
    lpips = LpipsDistance("alex", trunk, device)
    return lambda stylized: lpips(stylized.image, stylized.content).item()


def content_ssim(stylized: Stylized) -> float:
    """Mean SSIM of the two as BT.601 studio-range luma, not rounded: 1 for the content itself.

    Raises:
        ValueError: a side is below 11 pixels.
    """
    return ssim(rgb_to_y(stylized.image.double()), rgb_to_y(stylized.content.double())).item()
