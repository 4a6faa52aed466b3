"""The named protocols. To add one, add a function below and a line to `PROTOCOLS`."""

from __future__ import annotations

from collections.abc import Callable

from bench.errors import UserError, did_you_mean
from bench.records import SRProtocol


def johnson2016(scale: int) -> SRProtocol:
    """Johnson et al. 2016, Figures 8 and 9: RGB in and out, PSNR and SSIM on luma only, a border crop of `scale` pixels.

    The paper states the luma channel alone; the rest is what reproduces its bicubic row (28.43 dB on Set5 x4).
    """
    return SRProtocol(name="johnson2016", scale=scale, shave=scale)


def johnson2016_blur(scale: int) -> SRProtocol:
    """As johnson2016, with hr blurred (sigma 1, hr pixels) before it is reduced: how the paper made its training images.

    It does not say what its networks were tested on; its bicubic row is that of johnson2016, without the blur.
    """
    return SRProtocol(name="johnson2016-blur", scale=scale, shave=scale, blur_sigma=1.0)


def srcnn2014(scale: int) -> SRProtocol:
    """Dong et al. 2014 (`demo_SR.m`): 8-bit luma is taken first, its lr is never rounded; a border crop of `scale`."""
    return SRProtocol(name="srcnn2014", scale=scale, shave=scale, colour="y", arithmetic="float")


def rgb(scale: int) -> SRProtocol:
    """As johnson2016, measured on the three RGB channels; about 2 dB below luma, never to be mixed with it."""
    return SRProtocol(name="rgb", scale=scale, shave=scale, channel="rgb")


def spsr2020(scale: int) -> SRProtocol:
    """As Ma et al. 2020 (SPSR) measured LPIPS of bicubic: lr is never rounded, sr once, and no border is shaved.

    Of 22 conventions the only one that gives all three numbers that they print (docs/metrics.md).
    """
    return SRProtocol(name="spsr2020", scale=scale, shave=0, arithmetic="float")


PROTOCOLS: dict[str, Callable[[int], SRProtocol]] = {
    "johnson2016": johnson2016,
    "srcnn2014": srcnn2014,
    "rgb": rgb,
    "johnson2016-blur": johnson2016_blur,
    "spsr2020": spsr2020,
}


def protocol(name: str, scale: int) -> SRProtocol:
    """The protocol `name` at `scale` (upscaling factor).

    Raises:
        UserError: no protocol has that name, or the scale is below 2.
    """
    if name not in PROTOCOLS:
        raise UserError(
            f"no protocol is called {name!r}{did_you_mean(name, PROTOCOLS)}; there are: {', '.join(PROTOCOLS)}"
        )
    if scale < 2:
        raise UserError(f"scale is {scale}; must be an integer of at least 2")
    return PROTOCOLS[name](scale)
