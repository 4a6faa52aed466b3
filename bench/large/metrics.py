"""PSNR and SSIM in strips: the same values as :func:`bench.metrics.psnr.psnr` and :func:`bench.metrics.ssim.ssim`.

Both are means: of squared errors, and of SSIM over the places where its window fits. A strip's sum is exact when it
has the rows that its windows reach into, 10 more than it has windows; sums are added in another order than on the
whole image, which costs some 1e-13.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from bench.images import to_tensor
from bench.large.degrade import strips
from bench.metrics.one_thread import one_thread
from bench.metrics.ssim import LOST, WINDOW, similarity
from bench.prepare import prepare
from bench.records import SRProtocol

STRIP_PIXELS = (
    1 << 20
)  # at a time: an RGB pair of a megapixel is 48 MB in float64, some five times that in work


@dataclass(frozen=True, kw_only=True)
class PsnrSsim:
    """PSNR in dB, infinite for identical images; SSIM."""

    psnr: float
    ssim: float


@one_thread()
@torch.inference_mode()
def psnr_ssim(
    sr: UInt8[np.ndarray, "h w c"],
    hr: UInt8[np.ndarray, "h w c2"],
    protocol: SRProtocol,
    *,
    strip_pixels: int = STRIP_PIXELS,
) -> PsnrSsim:
    """Both metrics of a pair under a protocol, as `prepare` and the metrics give them, to 1e-10.

    Args:
        sr: RGB, or one channel where hr has one; a memory map will do.
        hr: RGB or grey, cropped to multiples of the scale; luma where the protocol's colour is `y`.
        strip_pixels: at a time; any number gives the same values.

    Raises:
        ValueError: sizes or channels do not fit, or less than SSIM's window is left after shaving.
    """
    _refuse(sr, hr, protocol)
    inner = tuple(slice(protocol.shave, side - protocol.shave) for side in hr.shape[:2])
    rows, columns = (side - 2 * protocol.shave for side in hr.shape[:2])
    squares, ssim, channels = 0.0, 0.0, 0
    for start, stop, a, b in _pairs(sr[inner], hr[inner], protocol, strip_pixels):
        channels = a.shape[0]
        squares += float((a[:, : stop - start] - b[:, : stop - start]).square_().sum())
        height = a.shape[1] - LOST
        if height > 0:
            ssim += height * sum(float(similarity(x, y).ssim) for x, y in zip(a, b, strict=True))
    error = squares / (channels * rows * columns)
    return PsnrSsim(
        psnr=10 * math.log10(1 / error) if error else math.inf, ssim=ssim / (channels * (rows - LOST))
    )


def _pairs(
    sr: UInt8[np.ndarray, "h w c"], hr: UInt8[np.ndarray, "h w c2"], protocol: SRProtocol, strip_pixels: int
) -> Iterator[tuple[int, int, Float64[Tensor, "c h w"], Float64[Tensor, "c h w"]]]:
    """Strips as they are measured, each with the `LOST` rows below it; where in the image each begins and ends."""
    unshaved = replace(protocol, shave=0)
    for start, stop in strips(hr.shape[0], max(strip_pixels // hr.shape[1], WINDOW)):
        a, b = (to_tensor(image[start : stop + LOST]).double() for image in (sr, hr))
        sides = prepare(a, b, unshaved)
        yield start, stop, sides[0].channel[0], sides[1].channel[0]


def _refuse(sr: np.ndarray, hr: np.ndarray, protocol: SRProtocol) -> None:
    for name, image in (("sr", sr), ("hr", hr)):
        if image.dtype != np.uint8 or image.ndim != 3:
            raise ValueError(f"{name} is {image.dtype} {image.shape}, required uint8 (h, w, c)")
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(f"sr is {sr.shape[1]}x{sr.shape[0]}, required {hr.shape[1]}x{hr.shape[0]}, as hr")
    least = WINDOW + 2 * protocol.shave
    if min(hr.shape[:2]) < least:
        raise ValueError(
            f"image is {hr.shape[1]}x{hr.shape[0]}, required at least {least}x{least} "
            f"(SSIM's window of {WINDOW}, and {protocol.shave} shaved from each side)"
        )
