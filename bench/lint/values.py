"""The linter on values: type, range, quantisation and number of channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from bench.lint.finding import Finding

Source = Literal["file", "model"]

OVERSHOOT = 0.5  # as bench.scoring.one_image allows it
LEVELS = 255
GRID = 1e-3  # in levels: how far from a whole number float32 brings k/255 * 255
MOST_SAMPLED = 1 << 16
HALF = 0.49 / LEVELS  # less than half a level: the same 8 bits
FEW_LEVELS = 4  # times fewer than hr has


def lint_type(sr: Shaped[Tensor, "1 c h w"], source: Source) -> Iterator[Finding]:
    """An integer type where float in [0, 1] is required. uint8 is right for a file."""
    if sr.dtype.is_floating_point or (source == "file" and sr.dtype == torch.uint8):
        return
    kind = str(sr.dtype).removeprefix("torch.")
    if source == "model":
        remedy = "return float in [0, 1]: divide by the type's largest value"
        yield _refuse("quantisation", f"the model returned {kind}", remedy)
    else:
        yield _refuse("quantisation", f"sr is stored as {kind}", "store 8 bits per channel, rounded once")


def lint_channels(sr: int, hr: int) -> Iterator[Finding]:
    """A number of channels that does not fit hr's; a grey hr takes a colour sr."""
    if sr in {hr, 3}:
        return
    if sr in {2, 4}:
        remedy = "drop the last one after making sure that it is 1 everywhere"
        yield _refuse("channels", f"sr has {sr} channels, which looks like alpha", remedy)
    elif sr == 1:
        yield _refuse(
            "channels", "sr is grey, hr is RGB", "give RGB; luma of both is taken where it is measured"
        )
    else:
        yield _refuse(
            "channels", f"sr has {sr} channels", f"required {hr}, as hr has (n c h w: channels before rows)"
        )


def lint_range(sr: Float[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h2 w2"]) -> Iterator[Finding]:
    """NaN, and ranges that are not [0, 1] with some overshoot; at most one."""
    low, high = (float(value) for value in sr.aminmax())
    bright = float(hr.max())
    what = f"sr has values from {low:.3g} to {high:.3g}"
    if not torch.isfinite(sr.sum()) and not torch.isfinite(sr).all():
        yield _refuse(
            "range",
            "sr holds NaN or infinite values",
            "find the layer they come from; float16 overflows at 65504",
        )
    elif high <= 1.5 / LEVELS and bright > 8 / LEVELS and low >= -1 / LEVELS:
        yield _refuse(
            "range",
            f"{what}, hr up to {bright:.3g}",
            "multiply by 255: it was divided by 255 twice, or [0, 1] stored as 8 bits",
        )
    elif low >= -OVERSHOOT and high <= 1 + OVERSHOOT:
        return
    elif low >= -OVERSHOOT * LEVELS and 8 < high <= (1 + OVERSHOOT) * LEVELS:
        yield _refuse("range", f"{what}, which looks like 0..255", "divide by 255")
    elif high <= 1 + OVERSHOOT and -1 - OVERSHOOT <= low < -OVERSHOOT:
        yield _refuse("range", f"{what}, which looks like [-1, 1]", "map it to [0, 1]: (x + 1) / 2")
    else:
        yield _refuse("range", what, "required [0, 1]; small overshoot is clipped")


def lint_identical(sr: Float[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h2 w2"]) -> Iterator[Finding]:
    """An sr that is hr to the last bit once both are rounded to 8 bits: the best of results, or hr itself."""
    if not bool(((_sample(sr) - _sample(hr)).abs() <= HALF).all()):  # nearly always enough
        return
    if not bool(((sr - hr).abs() <= HALF).all()):
        return
    flat = float(hr.amax() - hr.amin()) == 0
    yield Finding(
        kind="identical",
        severity="warn",
        what="sr is hr to the last bit" + (", an image of one colour" if flat else ""),
        remedy="PSNR is infinite there"
        if flat
        else "make sure that it is no copy of hr; PSNR is infinite there",
    )


def lint_grid(
    sr: Float[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h2 w2"], source: Source
) -> Iterator[Finding]:
    """A file between the 8-bit levels, or far fewer levels than hr has. A sample of the pixels is looked at."""
    levels = _sample(sr) * LEVELS
    if source == "file" and float((levels - levels.round()).abs().max()) > GRID:
        yield Finding(
            kind="quantisation",
            severity="warn",
            what="sr is not on the 8-bit grid",
            remedy="results of 8-bit files differ by up to 0.1 dB; round it once (--protocol's quantize does)",
        )
    used, of_hr = (_used(values) for values in (levels, _sample(hr) * LEVELS))
    if used * FEW_LEVELS < of_hr:
        yield Finding(
            kind="quantisation",
            severity="warn",
            what=f"sr has {used} of 256 levels, hr {of_hr}",
            remedy="store it with 8 bits per channel, without a palette",
        )


def _sample(image: Float[Tensor, "1 c h w"]) -> Float[Tensor, " n"]:
    """Of the middle channel, every so many pixels."""
    pixels = image[0, image.shape[1] // 2].flatten()
    return pixels[:: max(1, pixels.numel() // MOST_SAMPLED)]


def _used(levels: Float[Tensor, " n"]) -> int:
    return int(torch.bincount(levels.round().clamp(0, LEVELS).long(), minlength=LEVELS + 1).count_nonzero())


def _refuse(kind: str, what: str, remedy: str) -> Finding:
    return Finding(kind=kind, severity="refuse", what=what, remedy=remedy)
