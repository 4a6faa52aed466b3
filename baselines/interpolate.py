"""Upscalers for orientation: the nearest pixel, straight lines, Lanczos."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from baselines.bicubic import imresize
from baselines.kernels import KERNELS


@dataclass(frozen=True, kw_only=True)
class Interpolation:
    """Upscaler with one of MATLAB's kernels and a symmetric border; never rounds or clips.

    Attributes:
        kernel: `box` (nearest), `triangle` (bilinear), `bicubic` or `lanczos3`.
        tiles_exactly: the same bits, whole or in tiles: where a single pixel is taken.
    """

    kernel: str
    scale: int
    channels: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise ValueError(f"kernel is {self.kernel!r}, must be one of: {', '.join(KERNELS)}")
        if self.scale < 1:
            raise ValueError(f"scale is {self.scale}, must be an integer of at least 1")

    @property
    def tiles_exactly(self) -> bool:
        return self.kernel == "box"

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        return imresize(lr, self.scale, kernel=self.kernel)
