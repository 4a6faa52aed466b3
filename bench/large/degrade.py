"""hr to lr in strips: the same pixels as :func:`bench.lr.degrade`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from baselines.bicubic import BLOCK_ROWS
from bench.images import to_tensor
from bench.lr import degrade
from bench.prepare import to_luma
from bench.records import SRProtocol
from bench.tiling.grid import up_to

STRIP_PIXELS = 1 << 18  # of hr at a time: small enough for buffers that the allocator keeps and gives again
KERNEL = 3  # lr pixels around a pixel of lr that the cubic kernel, stretched, reaches into

Small = UInt8[np.ndarray, "h w c"] | Float32[np.ndarray, "h w c"]


def degrade_large(
    hr: UInt8[np.ndarray, "h w c"], protocol: SRProtocol, *, strip_pixels: int = STRIP_PIXELS
) -> Small:
    """lr as the protocol makes it: uint8 where its arithmetic is that, else float32.

    A row of lr depends on a few rows of hr, so a strip with some more on each side, which are then thrown away, gives
    the same rows. Where nothing is rounded, strips begin at multiples of `BLOCK_ROWS` lr rows and have so many more:
    imresize multiplies blocks of that height, and the same blocks give the same last bit.

    Args:
        hr: cropped to multiples of the scale; luma where the protocol's colour is `y` (:func:`luma`).
        strip_pixels: of hr that are kept of a strip, roughly; any number gives the same pixels.

    Raises:
        ValueError: as :func:`bench.lr.degrade`.
    """
    scale = protocol.scale
    h, w, channels = hr.shape
    rounded = protocol.arithmetic == "uint8"
    lr = np.empty((h // scale, w // scale, channels), dtype=np.uint8 if rounded else np.float32)
    block = 1 if rounded else BLOCK_ROWS
    around = up_to(KERNEL + math.ceil(math.ceil(3 * protocol.blur_sigma) / scale), block)
    for start, stop in strips(h // scale, strip_pixels // (scale * w), block):
        first, last = max(start - around, 0), min(stop + around, h // scale)
        strip = degrade(to_tensor(hr[first * scale : last * scale]), protocol)
        kept = strip[0, :, start - first : stop - first].permute(1, 2, 0)
        lr[start:stop] = ((kept * 255).round().to(torch.uint8) if rounded else kept).numpy()
    return lr


def luma(hr: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w 1"]:
    """:func:`bench.prepare.to_luma` of an array."""
    out = np.empty((*hr.shape[:2], 1), dtype=np.uint8)
    for start, stop in strips(hr.shape[0], STRIP_PIXELS // hr.shape[1]):
        levels = (to_luma(to_tensor(hr[start:stop])) * 255).round()
        out[start:stop] = levels[0].permute(1, 2, 0).to(torch.uint8).numpy()
    return out


def strips(height: int, rows: int, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """First row and end of each strip of `rows` rows, brought up to a multiple, at least one."""
    step = up_to(max(rows, 1), multiple)
    for start in range(0, height, step):
        yield start, min(start + step, height)
