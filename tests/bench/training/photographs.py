"""Folders of images to be trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.data import images


def write_photographs(
    folder: Path, count: int = 10, *, seed: int = 0, size: tuple[int, int] = (40, 48)
) -> None:
    """Smooth random images, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        coarse = torch.from_numpy(rng.random((1, 3, 6, 6)))
        fine = nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)
        images.write(folder / f"{i:03}.png", images.to_array(fine))
