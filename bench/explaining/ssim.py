"""SSIM of one pair of planes by many recipes at once: local moments are computed once per window.

Where borders are padded, only a frame as wide as the window differs from the map of the region where the window
fits, so only that frame is filtered again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from bench.explaining.conventions import BORDERS, LEVELS, SSIM_PEAKS, WINDOWS, Recipe, Window

K1, K2 = 0.01, 0.03
LONGEST_SIDE = 256

Plane = Float64[np.ndarray, "h w"]
Moments = Float64[np.ndarray, "4 h2 w2"]


class Statistic(NamedTuple):
    """What of a recipe decides the map, given the moments."""

    covariance: str
    contrast: str
    peak: str


def ssim_of_planes(
    x: Plane, y: Plane, shaves: Iterable[int], recipes: Iterable[Recipe]
) -> dict[tuple[int, Recipe], float]:
    """SSIM of two planes in [0, 1], by shave in pixels and recipe; without those for which the planes are too small."""
    found: dict[tuple[int, Recipe], float] = {}
    wanted = list(recipes)
    shaves = list(shaves)
    for name in {recipe.window for recipe in wanted}:
        whole = Filtered(x, y, WINDOWS[name])
        for shave in shaves:
            reduced: dict[str, Filtered] = {}
            for recipe in (r for r in wanted if r.window == name):
                if recipe.downsample == "none":
                    value = whole.mean(shave, recipe)
                else:
                    if recipe.downsample not in reduced:
                        shrink = REDUCTIONS[recipe.downsample]
                        a, b = (shrink(shaved(plane, shave)) for plane in (x, y))
                        reduced[recipe.downsample] = Filtered(a, b, WINDOWS[name])
                    value = reduced[recipe.downsample].mean(0, recipe)
                if value is not None:
                    found[shave, recipe] = value
    return found


def shaved(plane: Plane, pixels: int) -> Plane:
    """Without `pixels` on each side; empty where nothing is left."""
    h, w = plane.shape
    # max: a negative end would count from the other side, and leave something.
    return plane[pixels : max(pixels, h - pixels), pixels : max(pixels, w - pixels)]


@dataclass
class Filtered:
    """A pair of planes under one window; what is shared by recipes is computed once."""

    x: Plane
    y: Plane
    window: Window
    maps: dict[Statistic, Plane] = field(default_factory=dict)
    frames: dict[tuple[int, str], list[Moments]] = field(default_factory=dict)
    inner: Moments | None = None

    def mean(self, shave: int, recipe: Recipe) -> float | None:
        """Mean SSIM after `shave` pixels are cut; None where the window does not fit into what is left."""
        h, w = shaved(self.x, shave).shape
        lost = self.window.size - 1
        if min(h, w) <= lost:
            return None
        statistic = Statistic(recipe.covariance, recipe.contrast, recipe.peak)
        # The map is indexed by the window's first pixel: shaving the image and shaving the map give the same.
        core = self._map(statistic)[shave : shave + h - lost, shave : shave + w - lost]
        if recipe.border == "valid":
            return float(core.mean())
        around = sum(
            float(similarity(part, statistic, self.window).sum())
            for part in self._frame(shave, recipe.border)
        )
        return (float(core.sum()) + around) / (h * w)

    def _map(self, statistic: Statistic) -> Plane:
        if self.inner is None:
            self.inner = moments(self.x, self.y, self.window)
        if statistic not in self.maps:
            self.maps[statistic] = similarity(self.inner, statistic, self.window)
        return self.maps[statistic]

    def _frame(self, shave: int, border: str) -> list[Moments]:
        """Moments above, below, left and right of the region where the window fits."""
        key = (shave, border)
        if key not in self.frames:
            self.frames[key] = list(self._frame_parts(shave, border))
        return self.frames[key]

    def _frame_parts(self, shave: int, border: str) -> Iterator[Moments]:
        radius, lost = self.window.size // 2, self.window.size - 1
        mode = BORDERS[border].mode
        a, b = (np.pad(shaved(plane, shave), radius, mode=mode) for plane in (self.x, self.y))
        # The window's first and last positions that touch padding, and as much of the image as their windows see.
        reach = radius + lost
        middle = slice(radius, -radius)
        for rows, columns in (
            (slice(reach), slice(None)),
            (slice(-reach, None), slice(None)),
            (middle, slice(reach)),
            (middle, slice(-reach, None)),
        ):
            yield moments(a[rows, columns], b[rows, columns], self.window)


def weights(window: Window) -> Float64[np.ndarray, " size"]:
    """One direction of the window; they sum to 1."""
    distance = np.arange(window.size) - window.size // 2
    flat = np.ones(window.size) if not window.sigma else np.exp(-0.5 * (distance / window.sigma) ** 2)
    return flat / flat.sum()


def moments(x: Plane, y: Plane, window: Window) -> Moments:
    """Where the window fits: squared local means of x + y and of x - y, then their local variances."""
    # Sum and difference need four fields to be filtered; x, y, their squares and x y would be five.
    both = np.stack((x + y, x - y))
    from scipy.ndimage import correlate1d  # for these two functions alone, and slow to load

    fields = np.concatenate((both, both * both))
    radius = window.size // 2
    taps = weights(window)
    for axis in (1, 2):
        inside = [slice(None)] * 3
        inside[axis] = slice(radius, -radius)
        # The mode does not matter: whatever reaches over the border is cut off.
        fields = correlate1d(fields, taps, axis=axis, mode="constant")[tuple(inside)]
    squares = fields[:2] ** 2
    return np.concatenate((squares, fields[2:] - squares))


def similarity(found: Moments, statistic: Statistic, window: Window) -> Plane:
    """SSIM at every place.

    With S, D the squared means of sum and difference and s, d their variances, luminance is
    (S - D + 2 C1) / (S + D + 2 C1), contrast-structure likewise with s, d and C2.
    """
    levels = SSIM_PEAKS[statistic.peak].levels or LEVELS
    # Doubled, as in the formula above: both sides of the fraction of Wang et al. 2004 are taken twice.
    c1, c2 = 2 * (K1 * levels / LEVELS) ** 2, 2 * (K2 * levels / LEVELS) ** 2
    n = window.size**2
    unbiased = n / (n - 1) if statistic.covariance == "sample" else 1.0
    sums, differences = found[2] * unbiased, found[3] * unbiased
    contrast = (sums - differences + c2) / (sums + differences + c2)
    if statistic.contrast == "clipped":
        np.maximum(contrast, 0, out=contrast)
    contrast *= (found[0] - found[1] + c1) / (found[0] + found[1] + c1)
    return contrast


def blocks(plane: Plane) -> Plane:
    """Means of f x f pixels; what is left over at the right and the bottom is cut. Python's round, half to even."""
    f = max(1, round(min(plane.shape) / LONGEST_SIDE))
    h, w = (side - side % f for side in plane.shape)
    return plane[:h, :w].reshape(h // f, f, w // f, f).mean((1, 3))


def box_then_every(plane: Plane) -> Plane:
    """Mean over f x f pixels, the image mirrored at its borders, then every f-th. MATLAB's round, half up."""
    from scipy.ndimage import correlate1d

    f = max(1, math.floor(min(plane.shape) / LONGEST_SIDE + 0.5))
    for axis in (0, 1):  # an even box reaches one pixel further to the right, as imfilter's does
        plane = correlate1d(plane, np.full(f, 1 / f), axis=axis, mode="reflect", origin=f % 2 - 1)
    return plane[::f, ::f]


REDUCTIONS = {"blocks": blocks, "wang": box_then_every}
