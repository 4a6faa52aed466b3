"""(sr, hr) to the pair that is measured: the one place where conventions are applied."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bench.records import SRProtocol

# ITU-R BT.601 luma in studio range as MATLAB's rgb2ycbcr has it, for R, G, B in [0, 1] and y in 0..255.
STUDIO_OFFSET = 16.0
STUDIO_WEIGHTS = (65.481, 128.553, 24.966)
FULL_WEIGHTS = (0.299, 0.587, 0.114)
# The same for R, G, B in 0..255 in whole numbers: luma = 16 + (sum of LUMA_PARTS x RGB) / LUMA_WHOLE.
LUMA_PARTS = (65_481, 128_553, 24_966)
LUMA_WHOLE = 255_000


def rgb_to_y(rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """BT.601 studio-range luma, in [16/255, 235/255] for RGB in [0, 1]; not rounded."""
    # The constants give y in 0..255; images are in [0, 1] here.
    weights = torch.tensor(STUDIO_WEIGHTS, dtype=rgb.dtype, device=rgb.device) / 255
    return torch.einsum("nchw,c->nhw", rgb, weights)[:, None] + STUDIO_OFFSET / 255


def rgb_to_grey(rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """BT.601 full-range luma: the grey image (v, v, v) gives back v."""
    weights = torch.tensor(FULL_WEIGHTS, dtype=rgb.dtype, device=rgb.device)
    return torch.einsum("nchw,c->nhw", rgb, weights)[:, None]


def quantize(image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Clip to [0, 1] and round half up to the 8-bit grid k/255, as MATLAB's uint8() does."""
    # Not torch.round, which rounds halves to even.
    return image.clamp(0, 1).mul_(255).add_(0.5).floor_().div_(255)


def to_luma(hr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1 h w"]:
    """BT.601 studio-range luma rounded half up to 8 bits, as MATLAB's rgb2ycbcr does it to a uint8 image.

    An image of one channel is returned as it is. Computed in whole numbers: the same pixels on every device.

    Args:
        hr: float in [0, 1], on the 8-bit grid k/255.

    Raises:
        ValueError: hr has neither one channel nor three.
    """
    if hr.shape[1] == 1:
        return hr
    if hr.shape[1] != 3:
        raise ValueError(f"hr has {hr.shape[1]} channels, must be 1 or 3")
    levels = (quantize(hr) * 255).round().int()  # all sums below are less than 2 ** 31
    parts = levels * torch.tensor(LUMA_PARTS, device=hr.device)[:, None, None]
    # Half up in whole numbers: floor(x / n + 1/2) is (2 x + n) // (2 n).
    twice = 2 * parts.sum(1, keepdim=True, dtype=torch.int32) + LUMA_WHOLE
    return (16 + twice // (2 * LUMA_WHOLE)).to(hr.dtype) / 255


def modcrop(hr: Float[Tensor, "n c h w"], scale: int) -> Float[Tensor, "n c h2 w2"]:
    """Cut rows at the bottom and columns at the right until both are multiples of `scale`."""
    h, w = hr.shape[-2:]
    return hr[..., : h - h % scale, : w - w % scale]


def shave(image: Float[Tensor, "n c h w"], pixels: int) -> Float[Tensor, "n c h2 w2"]:
    """Cut `pixels` from each side."""
    h, w = image.shape[-2:]
    return image[..., pixels : h - pixels, pixels : w - pixels]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """One image, ready to be measured.

    Attributes:
        channel: float64 in [0, 1], `n c h w`: what PSNR and SSIM see (luma, or the three channels).
        rgb: float32 in [0, 1], `n 3 h w`: what networks see (LPIPS, feature distance); None if the protocol is luma first.
        grey: the image has one channel, which is its own luma: a grey file, or luma under a protocol that is luma first.
    """

    channel: Float[Tensor, "n c h w"]
    rgb: Float[Tensor, "n 3 h w"] | None
    grey: bool

    @property
    def luma(self) -> Float[Tensor, "n 1 h w"]:
        """8-bit luma k/255, float64, as MATLAB's rgb2ycbcr makes it of 8-bit RGB: what metrics without a reference see."""
        if self.grey or self.rgb is None:
            return quantize(self.channel)
        return to_luma(self.rgb.double())


def prepare_one(image: Float[Tensor, "n c h w"], protocol: SRProtocol, *, grey: bool) -> Prepared:
    """Prepare sr or hr alone; `grey` says that hr is a single grey channel.

    A grey image is its own luma: it is measured as it is. What a colour network made of it becomes grey by
    full-range luma, which gives (v, v, v) back as v; what networks measure sees it as (v, v, v).

    Raises:
        ValueError: it has neither three channels nor, where hr is grey, one.
    """
    required = (1, 3) if grey else (3,)
    if image.shape[1] not in required:
        raise ValueError(f"image has {image.shape[1]} channels, must be {' or '.join(map(str, required))}")
    # in one memory layout, whatever the network left it in: sums in another order end in other last digits
    there = image if image.device.type != "mps" else image.cpu()  # which has no float64
    exact = there.to(torch.float64, memory_format=torch.contiguous_format)
    # First, as the image that was written to a file would be: luma is then taken of 8-bit RGB.
    if protocol.quantize:
        exact = quantize(exact)
    exact = shave(exact, protocol.shave)
    if grey and exact.shape[1] == 3:
        exact = rgb_to_grey(exact)
    colour = exact.shape[1] == 3
    channel = rgb_to_y(exact) if colour and protocol.channel == "y" else exact
    if protocol.colour == "y":
        return Prepared(channel=channel, rgb=None, grey=True)
    rgb = exact.float() if colour else exact.float().expand(-1, 3, -1, -1)
    return Prepared(channel=channel, rgb=rgb, grey=not colour)


def prepare(
    sr: Float[Tensor, "n c h w"], hr: Float[Tensor, "n c2 h2 w2"], protocol: SRProtocol
) -> tuple[Prepared, Prepared]:
    """The pair that is measured under `protocol`.

    Args:
        sr: float in [0, 1], overshoot is clipped; RGB, or one channel where hr has one.
        hr: float in [0, 1], RGB or grey (johnson2016, rgb), or luma (srcnn2014); cropped by :func:`modcrop`.

    Raises:
        ValueError: the sizes or channels do not fit, or nothing is left after shaving.
    """
    if sr.shape[-2:] != hr.shape[-2:]:
        raise ValueError(f"sr is {size(sr)}, must be the size of hr, {size(hr)}")
    if min(hr.shape[-2:]) <= 2 * protocol.shave:
        raise ValueError(
            f"image must be more than {2 * protocol.shave} per side, the border crop (got {size(hr)})"
        )
    grey = hr.shape[1] == 1
    return prepare_one(sr, protocol, grey=grey), prepare_one(hr, protocol, grey=grey)


def size(image: Tensor) -> str:
    """Width x height, as people say it."""
    return f"{image.shape[-1]}x{image.shape[-2]}"
