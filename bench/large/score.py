"""Images too large for the ordinary path, scored to the same values in bounded memory.

hr -> lr, lr -> sr and (sr, hr) -> PSNR and SSIM are each done a strip or a tile at a time. Beside the arrays that are
given and returned (8 bits per channel; a memory map will do) the memory needed does not grow with the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.large.degrade import Small, degrade_large, luma
from bench.large.metrics import PsnrSsim, psnr_ssim
from bench.prepare import quantize
from bench.records import SRProtocol
from bench.roles import Upscaler
from bench.scoring.one_image import OVERSHOOT
from bench.tiling.seams import SeamScore, seam_score
from bench.tiling.tiles import Tiled, Tiling


@dataclass(frozen=True, kw_only=True)
class LargeResult:
    """What one large image gave.

    Attributes:
        tiling: how sr was made.
        seams: of sr; None where it was made whole.
    """

    sr: UInt8[np.ndarray, "h w c"]
    scores: PsnrSsim
    tiling: Tiling
    seams: SeamScore | None


def score_large(
    hr: UInt8[np.ndarray, "h w c"],
    upscaler: Upscaler,
    protocol: SRProtocol,
    *,
    device: torch.device | None = None,
    out: UInt8[np.ndarray, "h w c"] | None = None,
) -> LargeResult:
    """Degrade, upscale and score one image under a protocol.

    Args:
        hr: RGB or grey; cut to a multiple of the scale as the protocols do.
        upscaler: put into tiles by itself where it is not a :class:`bench.tiling.tiles.Tiled` yet.
        device: of the upscaler; the CPU by default.
        out: where sr is written; by default a new array.

    Raises:
        ValueError: the image is too small to be measured, the upscaler has another scale, or returns what is no
            image of the right size.
    """
    reference = cropped(luma(hr) if protocol.colour == "y" else hr, protocol.scale)
    lr = degrade_large(reference, protocol)
    tiles = upscaler if isinstance(upscaler, Tiled) else Tiled(upscaler=upscaler)
    if tiles.scale != protocol.scale:
        raise ValueError(f"the upscaler's scale is {tiles.scale}, required the protocol's, {protocol.scale}")
    sr = upscale_large(lr, tiles, device=device, out=out)
    assert tiles.last is not None
    seams = None
    if tiles.last.tile is not None:
        seams = seam_score(sr, tiles.last.rows, tiles.last.columns, protocol.scale)
    return LargeResult(sr=sr, scores=psnr_ssim(sr, reference, protocol), tiling=tiles.last, seams=seams)


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
    if out.shape != shape or out.dtype != np.uint8:
        raise ValueError(f"out is {out.dtype} {out.shape}, required uint8 {shape}")

    def read(rows: slice, columns: slice) -> Float[Tensor, "1 c h w"]:
        piece = as_tensor(lr[rows, columns]).to(device or torch.device("cpu"))
        return piece.expand(-1, colours, -1, -1)

    for piece in upscaler.pieces(height, width, read):
        _refuse(piece.sr, colours)
        out[piece.rows, piece.columns] = as_bytes(piece.sr)
    return out


def as_tensor(pixels: Small) -> Float[Tensor, "1 c h w"]:
    """float32 in [0, 1]."""
    image = torch.tensor(pixels).permute(2, 0, 1)[None].to(torch.float32).contiguous()
    return image / 255 if pixels.dtype == np.uint8 else image


def as_bytes(sr: Float[Tensor, "1 c h w"]) -> UInt8[np.ndarray, "h w c"]:
    """On the 8-bit grid, exactly as the ordinary path measures it."""
    exact = sr.double() if sr.device.type != "mps" else sr.cpu().double()
    return (quantize(exact) * 255).round().to(torch.uint8)[0].permute(1, 2, 0).cpu().numpy()


def _refuse(sr: Tensor, channels: int) -> None:
    """As :func:`bench.scoring.one_image.upscale` does; sizes are looked at where tiles are made."""
    if sr.shape[1] != channels:
        raise ValueError(f"the model returned {sr.shape[1]} channels, required {channels}")
    low, high = (float(value) for value in sr.aminmax())
    if not -OVERSHOOT <= low <= high <= 1 + OVERSHOOT:
        raise ValueError(
            f"the model returned values from {low:.3g} to {high:.3g}, required [0, 1] (small overshoot is clipped)"
        )
