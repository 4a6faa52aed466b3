"""The conventions under which one and the same pair of images gets different numbers.

To add a value to an axis (a luma, a shave, a window, a border ...), add one line to its table below; everything else,
the factorial, `--match`, the table and the JSON, follows. No torch here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

RGB = (0.0, 0.0, 0.0)
BT601 = (0.299, 0.587, 0.114)
MATLAB = (65.481 / 255, 128.553 / 255, 24.966 / 255)
# Without an offset: EDSR weighs the difference of the two images, in which one would cancel.
EDSR = (65.738 / 256, 129.057 / 256, 25.064 / 256)
BT709 = (0.2125, 0.7154, 0.0721)
LEVELS = 255


@dataclass(frozen=True, kw_only=True)
class Channel:
    """What of an image is measured.

    Attributes:
        weights: of R, G, B in [0, 1]; :data:`RGB` for the three channels themselves.
        offset: added, in [0, 1].
        rounded: half up to 8 bits.
        ssim: whether anyone measures SSIM on it.
        grey_as_rgb: a grey image is read as RGB first, so that its luma has the offset and 219 levels; else it is
            measured as it is.
        on_colour: the channel that is the same on a colour image; empty where there is none.
    """

    name: str
    about: str
    weights: tuple[float, float, float] = RGB
    offset: float = 0.0
    rounded: bool = False
    ssim: bool = True
    grey_as_rgb: bool = False
    on_colour: str = ""


@dataclass(frozen=True, kw_only=True)
class Shave:
    """Pixels cut from each side: `scales` times the scale, plus `pixels`."""

    name: str
    scales: int = 0
    pixels: int = 0

    def of(self, scale: int) -> int:
        """In pixels."""
        return self.scales * scale + self.pixels


@dataclass(frozen=True, kw_only=True)
class Peak:
    """What is taken for the range of the values, in levels of 0..255; None for the range that hr really has."""

    name: str
    about: str
    levels: float | None


@dataclass(frozen=True, kw_only=True)
class Window:
    """SSIM's window: one direction of it; `sigma` 0 for equal weights."""

    name: str
    size: int
    sigma: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Border:
    """What SSIM does where the window leaves the image; `mode` is numpy.pad's, `empty` for no padding."""

    name: str
    about: str
    mode: Literal["empty", "reflect", "edge", "constant"]


@dataclass(frozen=True, kw_only=True)
class Downsample:
    """What becomes of the pair before SSIM, by round(shorter side / 256) where that is 2 or more."""

    name: str
    about: str


NamedRecord = TypeVar("NamedRecord", Channel, Shave, Peak, Window, Border, Downsample)


def _table(*entries: NamedRecord) -> dict[str, NamedRecord]:
    return {entry.name: entry for entry in entries}


CHANNELS = _table(
    Channel(name="rgb", about="R, G and B together"),
    Channel(name="y", about="BT.601 luma, 16..235, as MATLAB's rgb2ycbcr", weights=MATLAB, offset=16 / 255),
    Channel(name="y-8bit", about="y rounded to 8 bits", weights=MATLAB, offset=16 / 255, rounded=True),
    Channel(
        name="y-grey-rgb",
        about="y, of grey images too, which are read as RGB first",
        weights=MATLAB,
        offset=16 / 255,
        grey_as_rgb=True,
        on_colour="y",
    ),
    Channel(
        name="y-8bit-grey-rgb",
        about="y-grey-rgb rounded to 8 bits",
        weights=MATLAB,
        offset=16 / 255,
        rounded=True,
        grey_as_rgb=True,
        on_colour="y-8bit",
    ),
    Channel(name="y-full", about="BT.601 luma, 0..255 (YIQ, JPEG)", weights=BT601),
    Channel(name="y-full-8bit", about="y-full rounded to 8 bits (OpenCV)", weights=BT601, rounded=True),
    Channel(name="y-709", about="BT.709 luma, 0..255 (skimage's rgb2gray)", weights=BT709),
    Channel(
        name="y-edsr",
        about="65.738, 129.057, 25.064 over 256 (EDSR)",
        weights=EDSR,
        ssim=False,
        grey_as_rgb=True,
    ),
)
SHAVES = _table(
    Shave(name="0"),
    Shave(name="scale", scales=1),
    Shave(name="scale+6", scales=1, pixels=6),
)
PEAKS = _table(
    Peak(name="255", about="the full range: what is right for 8-bit images", levels=255),
    Peak(name="hr-range", about="from hr's least to its largest value", levels=None),
    Peak(name="twice", about="[0, 1] taken for [-1, 1]", levels=510),
    Peak(name="half", about="[-1, 1] taken for [0, 1]", levels=127.5),
)
SSIM_PEAKS = _table(
    Peak(name="255", about="the full range: what is right for 8-bit images", levels=255),
    Peak(name="twice", about="[0, 1] taken for [-1, 1]", levels=510),
    Peak(name="1", about="0..255 taken for [0, 1]", levels=1),
)
WINDOWS = _table(
    Window(name="gaussian-11", size=11, sigma=1.5),
    Window(name="uniform-7", size=7),
)
BORDERS = _table(
    Border(name="valid", about="only where the window fits", mode="empty"),
    Border(name="reflect", about="mirrored, the outermost pixel once", mode="reflect"),
    Border(name="replicate", about="the outermost pixel again and again", mode="edge"),
    Border(name="zero", about="black", mode="constant"),
)
DOWNSAMPLES = _table(
    Downsample(name="none", about="none"),
    Downsample(name="blocks", about="means of blocks (piq, pyiqa)"),
    Downsample(name="wang", about="box filter with symmetric borders, then every f-th pixel (Wang's ssim.m)"),
)
COVARIANCES = ("population", "sample")
CONTRASTS = ("signed", "clipped")
MEANS = ("of-images", "pooled")


@dataclass(frozen=True, kw_only=True)
class Psnr:
    """One way to compute PSNR; each field but the last is a name in a table of this module.

    Attributes:
        mean: of several images: of their values, or the value of their pooled squared errors.
        epsilon: 1e-8 is added to the mean squared error of images in [0, 1] (80 dB for identical ones).
    """

    channel: str
    shave: str
    peak: str = "255"
    mean: str = "of-images"
    epsilon: bool = False

    @property
    def text(self) -> str:
        """What is not as usual, after channel and shave."""
        parts = [f"peak {self.peak}"] * (self.peak != "255") + [f"{self.mean} errors"] * (
            self.mean == "pooled"
        )
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How SSIM is computed from two planes; the fields are names in tables of this module.

    Attributes:
        covariance: `population` divides by n, `sample` by n - 1, as skimage does unless told.
        contrast: `clipped` counts a negative contrast-structure factor as 0, pixel by pixel.
    """

    window: str = "gaussian-11"
    covariance: str = "population"
    border: str = "valid"
    downsample: str = "none"
    contrast: str = "signed"
    peak: str = "255"

    @property
    def text(self) -> str:
        """Window and border, then what is not as in Wang et al. 2004."""
        parts = [self.window, self.border]
        parts += ["sample covariance"] * (self.covariance == "sample")
        parts += [f"downsampled ({self.downsample})"] * (self.downsample != "none")
        parts += ["negatives clipped"] * (self.contrast == "clipped")
        parts += [f"peak {self.peak}"] * (self.peak != "255")
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Ssim:
    """One way to compute SSIM: on what, and how."""

    channel: str
    shave: str
    recipe: Recipe = Recipe()

    @property
    def text(self) -> str:
        """The recipe's."""
        return self.recipe.text


Convention = Psnr | Ssim


def _recipes() -> Iterator[Recipe]:
    for window, covariance, border in itertools.product(WINDOWS, COVARIANCES, BORDERS):
        yield Recipe(window=window, covariance=covariance, border=border)
    # Not the product of all axes, which would be thousands: what no library combines would only match by chance.
    for downsample, contrast in itertools.product(DOWNSAMPLES, CONTRASTS):
        yield Recipe(downsample=downsample, contrast=contrast)
    for peak in SSIM_PEAKS:
        yield Recipe(peak=peak)


RECIPES = tuple(dict.fromkeys(_recipes()))  # the default recipe comes out of each of the three loops


def psnr_conventions(images: int) -> Iterator[Psnr]:
    """Every combination; pooling is one of them where there are several images."""
    means = MEANS if images > 1 else MEANS[:1]
    for peak, mean, channel, shave in itertools.product(PEAKS, means, CHANNELS, SHAVES):
        yield Psnr(channel=channel, shave=shave, peak=peak, mean=mean)


def distinct(conventions: Iterable[Convention], *, grey: bool) -> tuple[Convention, ...]:
    """Each once: where no image is grey, those that differ in grey images alone are one."""
    if grey:
        return tuple(dict.fromkeys(conventions))
    return tuple(
        dict.fromkeys(
            replace(each, channel=CHANNELS[each.channel].on_colour or each.channel) for each in conventions
        )
    )


def ssim_conventions() -> Iterator[Ssim]:
    """Every recipe on every channel and shave."""
    on = [channel.name for channel in CHANNELS.values() if channel.ssim]
    for recipe, channel, shave in itertools.product(RECIPES, on, SHAVES):
        yield Ssim(channel=channel, shave=shave, recipe=recipe)
