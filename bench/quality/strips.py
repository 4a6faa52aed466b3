"""Images larger than memory allows at once: the same lr, sr, PSNR and SSIM, a strip or a tile at a time.

Beside the arrays that are given and returned (8 bits per channel; a memory map will do) the memory needed does not grow
with the image. PSNR and SSIM are means: of squared errors, and of SSIM over the places where its window fits. A strip's
sum is exact when it has the rows that its windows reach into, 10 more than it has windows; sums are added in another
order than on the whole image, which costs some 1e-13.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, UInt8
from torch import Tensor

from baselines.bicubic import BLOCK_ROWS
from bench.data.images import to_tensor
from bench.lr import degrade
from bench.metrics.pair import one_thread
from bench.metrics.ssim import LOST, WINDOW, similarity
from bench.prepare import prepare, quantize, to_luma
from bench.quality.whole import check_range
from bench.records import SRProtocol
from bench.tiling.grid import up_to
from bench.tiling.tiles import Tiled

STRIP_PIXELS = 1 << 18  # of hr at a time: small enough for buffers that the allocator keeps and gives again
METRIC_PIXELS = (
    1 << 20
)  # at a time: an RGB pair of a megapixel is 48 MB in float64, some five times that in work

KERNEL = 3  # lr pixels around a pixel of lr that the cubic kernel, stretched, reaches into

Small = UInt8[np.ndarray, "_h _w _c"] | Float32[np.ndarray, "_h _w _c"]


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
    # in lr pixels; the blur reaches ceil(3 sigma) hr pixels (bench.lr.blur)
    around = up_to(KERNEL + math.ceil(math.ceil(3 * protocol.blur_sigma) / scale), block)
    for start, stop in strips(h // scale, strip_pixels // (scale * w), block):
        first, last = max(start - around, 0), min(stop + around, h // scale)
        strip = degrade(to_tensor(hr[first * scale : last * scale]), protocol)
        kept = strip[0, :, start - first : stop - first].permute(1, 2, 0)
        # uint8 arithmetic gives k/255, of which k comes back exactly
        lr[start:stop] = ((kept * 255).round().to(torch.uint8) if rounded else kept).numpy()
    return lr


def luma(hr: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w 1"]:
    """8-bit luma in studio range, as :func:`bench.prepare.to_luma` makes it; an image of one channel as it is."""
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
    strip_pixels: int = METRIC_PIXELS,
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
        # the LOST rows below are the next strip's as well: here they are for SSIM's windows alone
        squares += float((a[:, : stop - start] - b[:, : stop - start]).square_().sum())
        height = a.shape[1] - LOST
        # the last strip may have no window of its own
        if height > 0:
            # similarity is a mean over a strip's windows; all strips have as many columns, so rows are its weight
            ssim += height * sum(float(similarity(x, y).ssim) for x, y in zip(a, b, strict=True))
    error = squares / (channels * rows * columns)
    return PsnrSsim(
        psnr=10 * math.log10(1 / error) if error else math.inf, ssim=ssim / (channels * (rows - LOST))
    )


def _pairs(
    sr: UInt8[np.ndarray, "h w c"], hr: UInt8[np.ndarray, "h w c2"], protocol: SRProtocol, strip_pixels: int
) -> Iterator[tuple[int, int, Float64[Tensor, "c h w"], Float64[Tensor, "c h w"]]]:
    """Strips as they are measured, each with the `LOST` rows below it; where in the image each begins and ends."""
    # the border was cropped from the whole image; a strip's upper and lower edge are none of its border
    unshaved = replace(protocol, shave=0)
    # a strip lower than the window would be mostly rows that are computed twice
    for start, stop in strips(hr.shape[0], max(strip_pixels // hr.shape[1], WINDOW)):
        a, b = (to_tensor(image[start : stop + LOST]).double() for image in (sr, hr))
        sides = prepare(a, b, unshaved)
        yield start, stop, sides[0].channel[0], sides[1].channel[0]


def _refuse(sr: np.ndarray, hr: np.ndarray, protocol: SRProtocol) -> None:
    for name, image in (("sr", sr), ("hr", hr)):
        if image.dtype != np.uint8 or image.ndim != 3:
            raise ValueError(f"{name} is {image.dtype} {image.shape}, must be uint8 (h, w, c)")
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(f"sr is {sr.shape[1]}x{sr.shape[0]}, must be {hr.shape[1]}x{hr.shape[0]}, as hr")
    least = WINDOW + 2 * protocol.shave
    if min(hr.shape[:2]) < least:
        raise ValueError(
            f"image must be at least {least}x{least} (got {hr.shape[1]}x{hr.shape[0]}): "
            f"SSIM's window of {WINDOW}, and a border crop of {protocol.shave} on each side"
        )


def cropped(hr: UInt8[np.ndarray, "h w c"], scale: int) -> UInt8[np.ndarray, "h2 w2 c"]:
    """Rows cut at the bottom and columns at the right, as :func:`bench.prepare.modcrop` does; a view."""
    h, w = hr.shape[:2]
    return hr[: h - h % scale, : w - w % scale]


@torch.inference_mode()
def upscale_large(
    lr: Small,
    upscaler: Tiled,
    *,
    device: torch.device | None = None,
    out: UInt8[np.ndarray, "h w c"] | None = None,
) -> UInt8[np.ndarray, "h w c"]:
    """sr in 8 bits, written a tile at a time, rounded as :func:`bench.prepare.quantize` does.

    Args:
        lr: uint8, or float in [0, 1]; grey is given as (v, v, v) to an upscaler that takes RGB only.
        device: of the upscaler; the CPU by default.
        out: where sr is written; by default a new array.

    Raises:
        ValueError: `out` has another shape or type, or the upscaler does not return an image of the right size.
    """
    height, width, channels = lr.shape
    colours = 3 if channels == 1 and upscaler.channels == 3 else channels
    shape = (height * upscaler.scale, width * upscaler.scale, colours)
    if out is None:
        out = np.empty(shape, dtype=np.uint8)
    # assigning would broadcast or cast in silence
    if out.shape != shape or out.dtype != np.uint8:
        raise ValueError(f"out is {out.dtype} {out.shape}, must be uint8 {shape}")

    def read(rows: slice, columns: slice) -> Float[Tensor, "1 c h w"]:
        piece = as_tensor(lr[rows, columns]).to(device or torch.device("cpu"))
        return piece.expand(-1, colours, -1, -1)

    for piece in upscaler.pieces(height, width, read):
        if piece.sr.shape[1] != colours:
            raise ValueError(f"the model returned {piece.sr.shape[1]} channels, must be {colours}")
        check_range(*(float(value) for value in piece.sr.aminmax()))
        out[piece.rows, piece.columns] = as_bytes(piece.sr)
    return out


def as_tensor(pixels: Small) -> Float[Tensor, "1 c h w"]:
    """float32 in [0, 1]."""
    # a copy: a memory map may be read-only, and a model may write into what it is given
    image = torch.tensor(pixels).permute(2, 0, 1)[None].to(torch.float32).contiguous()
    return image / 255 if pixels.dtype == np.uint8 else image


def as_bytes(sr: Float[Tensor, "1 c h w"]) -> UInt8[np.ndarray, "h w c"]:
    """On the 8-bit grid, exactly as the ordinary path measures it."""
    exact = sr.double() if sr.device.type != "mps" else sr.cpu().double()  # mps has no float64
    return (quantize(exact) * 255).round().to(torch.uint8)[0].permute(1, 2, 0).cpu().numpy()
