"""Histogram matching: the colours of the low-resolution image, given back to what was made of it.

Each value of a channel becomes the one that has its quantile in the reference: one empirical distribution
function, then the inverse of the other, interpolated between the reference's values. The two images may differ
in size. The paper (Johnson, Alahi, Fei-Fei 2016, arXiv:1603.08155, section 4.2) matches super-resolved images
to their input and leaves open in which colour space: RGB is the default here.
"""

from __future__ import annotations

import typing as tp
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from models.losses import exact
from models.sr_net import load_sr_net

SPACES = ("rgb", "lab", "lch")  # the letters of a space are the names of its bands
HUE = 2  # place of `h` in `lch`

# sRGB's primaries and the white point D65 (2 degrees), with the digits that scikit-image has.
RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
CUBE_ABOVE = 0.008856
SLOPE, INTERCEPT = 7.787, 16 / 116


def histogram_match(
    image: Float[Tensor, "n c h w"],
    reference: Float[Tensor, "n2 c2 h2 w2"],
    *,
    space: str = "rgb",
    bands: str | None = None,
    proportion: float = 1.0,
) -> Float[Tensor, "n c h w"]:
    """`image` with the distribution of values that `reference` has, each image and channel by itself.

    Args:
        image: float in [0, 1]. In `rgb` any channels and values are taken as they are; in the other spaces it
            is RGB and is clipped to [0, 1], as is the result.
        reference: as many images and channels; any size.
        space: `rgb`, `lab` (CIELAB, D65) or `lch` (its polar form). The circle of hues is cut opposite the reference's
            mean colour; hues are matched on the line that this gives, and blended the shorter way round.
        bands: the letters of the space to be matched, such as `lc` of `lch`; None for all of them.
        proportion: 0 leaves the image as it is, 1 matches it wholly; between, the values are blended.

    Raises:
        ValueError: unknown space or band, a proportion outside [0, 1], or images that do not go together.
    """
    chosen = _chosen(image, reference, space, bands, proportion)
    source, target = (_into(space, exact(x)) for x in (image, reference))
    turned = space == "lch" and HUE in chosen
    if turned:
        # A circle has no first value: it is cut where the reference has fewest colours.
        cut = _opposite(target)
        source, target = _turned(source, -cut), _turned(target, -cut)
    picked = source[:, chosen]
    matched = torch.stack([match_rows(s, t) for s, t in zip(picked, target[:, chosen], strict=True)])
    blended = source.clone()
    blended[:, chosen] = matched if proportion == 1 else torch.lerp(picked, matched, proportion)
    if turned:
        # The shorter way round between two hues.
        way = (
            torch.remainder(matched[:, chosen.index(HUE)] - source[:, HUE] + torch.pi, 2 * torch.pi)
            - torch.pi
        )
        blended[:, HUE] = source[:, HUE] + proportion * way
        blended = _turned(blended, cut)
    return _back(space, blended).to(image.dtype)


def _opposite(lch: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 1"]:
    """The hue opposite that of each image's mean colour, in radians."""
    _, a, b = lch_to_lab(lch).mean((2, 3)).unbind(1)
    return (torch.atan2(b, a) + torch.pi)[:, None, None]


def _turned(lch: Float[Tensor, "n 3 h w"], angle: Float[Tensor, "n 1 1"]) -> Float[Tensor, "n 3 h w"]:
    """With `angle` added to the hue, which stays within [0, 2 pi)."""
    return torch.stack([lch[:, 0], lch[:, 1], torch.remainder(lch[:, HUE] + angle, 2 * torch.pi)], dim=1)


def match_rows(image: Float[Tensor, "c h w"], reference: Float[Tensor, "c h2 w2"]) -> Float[Tensor, "c h w"]:
    """The same for the channels of one image."""
    pairs = zip(image.flatten(1), reference.flatten(1), strict=True)
    return torch.stack([match_values(row, target) for row, target in pairs]).view_as(image)


def match_values(values: Float[Tensor, " n"], reference: Float[Tensor, " m"]) -> Float[Tensor, " n"]:
    """The same for one channel. Quantiles are compared in whole numbers, of n*m."""
    places = order(values)
    _, run, counts = torch.unique_consecutive(values[places], return_inverse=True, return_counts=True)
    targets, target_counts = torch.unique_consecutive(reference[order(reference)], return_counts=True)
    quantiles = counts.cumsum(0) * len(reference)
    ends = target_counts.cumsum(0) * len(values)
    # As whole numbers, equal quantiles of the two images are found equal; as fractions rounding would part them.
    above = torch.searchsorted(ends, quantiles)
    # Where `above` is 0, low and high are both the smallest reference value, and `part` has no effect.
    below = (above - 1).clamp_min(0)
    part = (quantiles - ends[below]).to(wide(values)) / (ends[above] - ends[below]).clamp_min(1)
    low, high = targets[below].to(part), targets[above].to(part)
    matched = (low + (high - low) * part).to(values.dtype)
    return torch.empty_like(values).scatter(0, places, matched[run])


def wide(values: Tensor) -> torch.dtype:
    """float64, but for devices that have none."""
    return torch.float32 if values.device.type == "mps" else torch.float64


def order(values: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    """The places of the values in order of size; on a CPU by NumPy, which takes a quarter of torch's time."""
    if values.device.type == "cpu":
        return torch.from_numpy(values.detach().numpy().argsort())
    return values.argsort()


def rgb_to_lab(rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """CIELAB of sRGB under D65: L in 0..100, a and b about -110..110."""
    # torch.where computes both branches: a negative base would be NaN in the one not taken, and in the gradient.
    linear = torch.where(rgb > 0.04045, ((rgb.clamp_min(0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = _product(_matrix(rgb), linear) / _white(rgb)
    f = torch.where(xyz > CUBE_ABOVE, xyz.clamp_min(CUBE_ABOVE) ** (1 / 3), SLOPE * xyz + INTERCEPT)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_rgb(lab: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The inverse of :func:`rgb_to_lab`, clipped to [0, 1] where sRGB has no such colour."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, (y - b / 200).clamp_min(0)], dim=1)
    xyz = torch.where(f > CUBE_ABOVE ** (1 / 3), f**3, (f - INTERCEPT) / SLOPE) * _white(lab)
    linear = _product(torch.linalg.inv(_matrix(lab)), xyz)
    gamma = torch.where(linear > 0.0031308, 1.055 * linear.clamp_min(0) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return gamma.clamp(0, 1)


def lab_to_lch(lab: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Lightness, chroma, and hue in radians within [0, 2 pi)."""
    lightness, a, b = lab.unbind(1)
    hue = torch.remainder(torch.atan2(b, a), 2 * torch.pi)
    return torch.stack([lightness, torch.hypot(a, b), hue], dim=1)


def lch_to_lab(lch: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The inverse of :func:`lab_to_lch`."""
    lightness, chroma, hue = lch.unbind(1)
    return torch.stack([lightness, chroma * hue.cos(), chroma * hue.sin()], dim=1)


@tp.runtime_checkable
class Upscaler(tp.Protocol):
    """lr to sr, as `bench.interfaces` has it."""

    @property
    def scale(self) -> int: ...

    @property
    def channels(self) -> int | None: ...

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]: ...


@dataclass(frozen=True, kw_only=True)
class Matched:
    """An upscaler whose output is matched to its input; the options are those of :func:`histogram_match`.

    Attributes:
        receptive_field: the histogram is the whole image's, whatever the upscaler inside looks at.
    """

    receptive_field: tp.ClassVar[str] = "unbounded"

    upscaler: Upscaler
    space: str = "rgb"
    bands: str | None = None
    proportion: float = 1.0

    @property
    def scale(self) -> int:
        return self.upscaler.scale

    @property
    def batch(self) -> bool:
        return getattr(self.upscaler, "batch", False)

    @property
    def channels(self) -> int | None:
        return self.upscaler.channels if self.space == "rgb" else 3

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        return histogram_match(
            self.upscaler(lr), lr, space=self.space, bands=self.bands, proportion=self.proportion
        )

    def to(self, device: torch.device) -> Matched:
        """The same on `device`."""
        # Bicubic and the like have nothing to move.
        return replace(self, upscaler=self.upscaler.to(device)) if hasattr(self.upscaler, "to") else self


def matched_sr_net(*, scale: int, weights: Path) -> Matched:
    """:func:`models.sr_net.load_sr_net`, matched per channel in RGB."""
    return Matched(upscaler=load_sr_net(scale=scale, weights=weights))


def _chosen(image: Tensor, reference: Tensor, space: str, bands: str | None, proportion: float) -> list[int]:
    """Indices of the channels to be matched, after everything was checked."""
    if space not in SPACES:
        raise ValueError(f"space is {space!r}, must be one of: {', '.join(SPACES)}")
    if not 0 <= proportion <= 1:
        raise ValueError(f"proportion must be a number in [0, 1] (got {proportion})")
    if image.shape[:2] != reference.shape[:2] or not image.numel() or not reference.numel():
        raise ValueError(
            f"image is {tuple(image.shape)} and reference {tuple(reference.shape)}, "
            "must be as many images and channels, and pixels in both"
        )
    channels = image.shape[1]
    if (space != "rgb" or bands is not None) and channels != 3:
        raise ValueError(f"image has {channels} channels, must be 3 for space {space!r} and its bands")
    if bands is None:
        return list(range(channels))
    if not bands or set(bands) - set(space) or len(set(bands)) < len(bands):
        raise ValueError(f"bands is {bands!r}, must be different letters of {space!r}")
    return [space.index(band) for band in bands]


def _into(space: str, rgb: Tensor) -> Tensor:
    if space == "rgb":
        return rgb
    lab = rgb_to_lab(rgb.clamp(0, 1).to(wide(rgb)))
    return lab if space == "lab" else lab_to_lch(lab)


def _back(space: str, values: Tensor) -> Tensor:
    if space == "rgb":
        return values
    return lab_to_rgb(values if space == "lab" else lch_to_lab(values))


def _matrix(like: Tensor) -> Tensor:
    return torch.tensor(RGB_TO_XYZ, dtype=like.dtype, device=like.device)


def _white(like: Tensor) -> Tensor:
    return torch.tensor(WHITE, dtype=like.dtype, device=like.device)[:, None, None]


def _product(matrix: Tensor, image: Tensor) -> Tensor:
    return torch.einsum("dc,nchw->ndhw", matrix, image)
