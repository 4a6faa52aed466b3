"""From pairs of images to the value of every convention, and which of these values a published number may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, UInt8

from bench.explaining.config import Published
from bench.explaining.conventions import (
    BT601,
    CHANNELS,
    LEVELS,
    PEAKS,
    RGB,
    SHAVES,
    Channel,
    Convention,
    Psnr,
    Ssim,
)
from bench.explaining.ssim import ssim_of_planes

EPSILON = 1e-8  # of piq and pyiqa, on images in [0, 1]
TIE = 1e-9  # a luma of k + 1/2 computed in floating point still rounds up
NEAREST = 3
FLOAT = 1e-9  # half a digit is not exact in float64


class Errors(NamedTuple):
    """What PSNR needs of one image: squared errors of values in [0, 1], the number of values, and the range of hr."""

    total: float
    pixels: int
    low: float
    high: float

    @property
    def mean(self) -> float:
        """Mean squared error."""
        return self.total / self.pixels


@dataclass(frozen=True, kw_only=True)
class ImageScores:
    """All that the conventions need of one pair: errors by channel and shave, SSIM by convention.

    What is not there could not be measured: the image is too small for the shave or the window.

    Attributes:
        grey: hr has one channel.
    """

    name: str
    grey: bool = False
    errors: Mapping[tuple[str, str], Errors]
    ssim: Mapping[Ssim, float]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A convention and what it gives; `values` are those of the single images, in order."""

    convention: Convention
    value: float
    values: tuple[float, ...]

    @property
    def metric(self) -> str:
        """`psnr` or `ssim`."""
        return "psnr" if isinstance(self.convention, Psnr) else "ssim"


def measure(
    name: str,
    sr: UInt8[np.ndarray, "h w c"],
    hr: UInt8[np.ndarray, "h w c2"],
    scale: int,
    conventions: Iterable[Convention],
) -> ImageScores:
    """Measure one pair for the conventions; each channel and each window is computed once.

    Args:
        sr: of hr's size, RGB or grey. A grey hr is measured as it is, against the full-range luma of a colour sr, or read
            as RGB first: as its channel says.

    Raises:
        ValueError: the sizes differ.
    """
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(
            f"sr is {sr.shape[1]}x{sr.shape[0]}, must be the size of hr, {hr.shape[1]}x{hr.shape[0]}"
        )
    wanted = list(conventions)
    grey = hr.shape[2] == 1
    errors: dict[tuple[str, str], Errors] = {}
    ssim: dict[Ssim, float] = {}
    for channel, names in _computed(wanted, grey).items():
        pair = planes(sr, hr, CHANNELS[channel])
        shaves = {c.shave for c in wanted if isinstance(c, Psnr) and c.channel in names}
        for shave, found in _errors(*pair, shaves, scale):
            errors |= {(own, shave): found for own in names}
        ssim |= _ssim(*pair, [c for c in wanted if isinstance(c, Ssim) and c.channel in names], scale)
    return ImageScores(name=name, grey=grey, errors=errors, ssim=ssim)


def _computed(conventions: Iterable[Convention], grey: bool) -> Mapping[str, set[str]]:
    """The channels to be computed, each with those of the conventions that are the same on this image."""
    found: dict[str, set[str]] = {}
    for convention in conventions:
        channel = ("" if grey else CHANNELS[convention.channel].on_colour) or convention.channel
        found.setdefault(channel, {channel}).add(convention.channel)
    return found


def planes(
    sr: UInt8[np.ndarray, "h w c"], hr: UInt8[np.ndarray, "h w c2"], channel: Channel
) -> tuple[Float64[np.ndarray, "c3 h w"], Float64[np.ndarray, "c3 h w"]]:
    """What of a pair is measured, in [0, 1]."""
    if hr.shape[2] == 1 and not channel.grey_as_rgb:
        # Full range, as for bench.prepare: it gives (v, v, v) back as v, so that a grey sr in colour loses nothing.
        full = Channel(name="grey", about="", weights=BT601)
        return tuple(view(image, full if image.shape[2] == 3 else CHANNELS["rgb"]) for image in (sr, hr))  # type: ignore[return-value]
    return view(sr, channel), view(hr, channel)


def view(image: UInt8[np.ndarray, "h w c"], channel: Channel) -> Float64[np.ndarray, "c2 h w"]:
    """The channel of an image; of a grey one, each of its three equal channels gives the same."""
    values = image.astype(np.float64).transpose(2, 0, 1) / LEVELS
    if channel.weights == RGB:
        return values
    if len(values) == 1:
        values = np.repeat(values, 3, axis=0)
    luma = np.tensordot(np.array(channel.weights), values, axes=1) + channel.offset
    if channel.rounded:
        luma = np.floor(luma * LEVELS + 0.5 + TIE) / LEVELS
    return luma[None]


def _errors(
    x: Float64[np.ndarray, "c h w"], y: Float64[np.ndarray, "c h w"], shaves: Iterable[str], scale: int
) -> Iterator[tuple[str, Errors]]:
    squares = ((x - y) ** 2).sum(0)
    for name in shaves:
        cut = SHAVES[name].of(scale)
        h, w = squares.shape
        if min(h, w) <= 2 * cut:
            continue
        inside = (slice(cut, h - cut), slice(cut, w - cut))
        part, hr = squares[inside], y[:, *inside]
        yield name, Errors(float(part.sum()), part.size * len(x), float(hr.min()), float(hr.max()))


def _ssim(
    x: Float64[np.ndarray, "c h w"], y: Float64[np.ndarray, "c h w"], wanted: Sequence[Ssim], scale: int
) -> dict[Ssim, float]:
    shaves = {SHAVES[convention.shave].of(scale) for convention in wanted}
    recipes = dict.fromkeys(convention.recipe for convention in wanted)
    each = [ssim_of_planes(a, b, shaves, recipes) for a, b in zip(x, y, strict=True)]
    found = {}
    for convention in wanted:
        key = (SHAVES[convention.shave].of(scale), convention.recipe)
        if key in each[0]:
            found[convention] = sum(values[key] for values in each) / len(each)
    return found


def values(images: Sequence[ImageScores], conventions: Iterable[Convention]) -> list[Value]:
    """The value over all images of each convention; without those that some image is too small for."""
    found = []
    for convention in conventions:
        value = _psnr(images, convention) if isinstance(convention, Psnr) else _mean_ssim(images, convention)
        if value is not None:
            found.append(value)
    return found


def _mean_ssim(images: Sequence[ImageScores], convention: Ssim) -> Value | None:
    if any(convention not in image.ssim for image in images):
        return None
    each = tuple(image.ssim[convention] for image in images)
    return Value(convention=convention, value=sum(each) / len(each), values=each)


def _psnr(images: Sequence[ImageScores], convention: Psnr) -> Value | None:
    key = (convention.channel, convention.shave)
    if any(key not in image.errors for image in images):
        return None
    errors = [image.errors[key] for image in images]
    each = tuple(_decibel(e.mean, e.high - e.low, convention) for e in errors)
    if convention.mean == "of-images":
        return Value(convention=convention, value=sum(each) / len(each), values=each)
    mse = sum(e.total for e in errors) / sum(e.pixels for e in errors)
    # Of all images together, as the range of one tensor of the whole data set.
    spread = max(e.high for e in errors) - min(e.low for e in errors)
    return Value(convention=convention, value=_decibel(mse, spread, convention), values=each)


def _decibel(mse: float, spread: float, convention: Psnr) -> float:
    levels = PEAKS[convention.peak].levels
    peak = spread if levels is None else levels / LEVELS
    error = mse + EPSILON * convention.epsilon
    if error == 0:
        return math.inf
    # The peak is 0 for an hr of one value, under hr-range.
    return 10 * math.log10(peak**2 / error) if peak else -math.inf


@dataclass(frozen=True, kw_only=True)
class Match:
    """The values that a published number may be, nearest first; where there are none, the nearest ones there are."""

    published: Published
    values: tuple[Value, ...]
    exact: bool


def match(wanted: Published, values: Sequence[Value]) -> Match:
    """All values within the tolerance, or the nearest."""
    same = [value for value in values if value.metric == wanted.metric and math.isfinite(value.value)]
    same.sort(key=lambda value: abs(value.value - wanted.value))
    within = [value for value in same if abs(value.value - wanted.value) <= wanted.tolerance + FLOAT]
    return Match(published=wanted, values=tuple(within or same[:NEAREST]), exact=bool(within))
