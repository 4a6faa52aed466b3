"""Sanity checks of sr and hr before they are scored: range, quantisation, size, channels, luma, shift, stems.

Everything here is a pure function of what it is given and returns findings; who calls it decides what to do. It costs
less than a PSNR of the same pair (`docs/explain.md`). What fits better than the pair as it is (other channels, another
range, another place) is found on means of blocks wider than what upscaling blurs, so that blur and ringing do not count.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from bench.data.images import to_tensor
from bench.data.pairing import Pairing
from bench.metrics.pair import numbers

Source = Literal["file", "model"]
Size = tuple[int, int]

OVERSHOOT = 0.5  # beyond [0, 1]: a resize kernel overshoots by less than 0.3, a wrong range by far more
LEVELS = 255
GRID = 1e-3  # in levels: how far from a whole number float32 brings k/255 * 255
MOST_SAMPLED = 1 << 16
HALF = 0.49 / LEVELS  # less than half a level: the same 8 bits
FEW_LEVELS = 4  # times fewer than hr has
LEAST_CELLS = 8
CLEARLY = 4.0  # times smaller a squared error must become before anything is said
LEAST_ERROR = (1 / 255) ** 2  # one 8-bit level: with less there is nothing to explain
LEAST_CONTRAST = 0.02  # standard deviation of hr's blocks: to less, any gain fits
GREY = 0.05**2  # of hr's chroma energy, that is 5 % of its amplitude
COLOURED = (6 / 255) ** 2  # chroma energy above which hr counts as in colour
LEAST_SHIFT = 0.2  # pixels
STEPS = 3  # Gauss-Newton steps on each of the two grids
UNEVEN = 0.5  # of the shift: how much more or less a quarter of the image may want
LEAST_LR = 24  # pixels per side of lr: in less, what upscaling loses looks like a shift
SMALL = 512  # pixels: wide blocks of a smaller image are too few to tell shifts of some pixels
STRUCTURE = 0.1  # of the largest variance: quarters with less say nothing
# sr as gain * hr + offset: what it looks like, what to do, whether the numbers would mean anything
# STUDIO needs more evidence than CLEARLY: a network's washed-out output comes near.
STUDIO = 16.0
STUDIO_NEAR = 0.008
LINEAR = (
    (2.0, -1.0, "refuse", "range", "[-1, 1]", "map it to [0, 1]: (x + 1) / 2"),
    (0.5, 0.5, "refuse", "range", "[0, 1] mapped from [-1, 1] once too often", "leave out (x + 1) / 2"),
    (-1.0, 1.0, "refuse", "range", "a negative", "take 1 - x"),
    (
        219 / 255,
        16 / 255,
        "warn",
        "luma",
        "squeezed to 16..235 (studio range)",
        "stretch it back: (x - 16/255) * 255/219",
    ),
    (
        255 / 219,
        -16 / 219,
        "warn",
        "luma",
        "stretched from 16..235 (studio range)",
        "squeeze it back: x * 219/255 + 16/255",
    ),
)
NEAR = 0.02  # of gain and of offset, to those of LINEAR
ALIKE = 0.9  # correlation: what was hardly trained fits nowhere


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with a pair, and what to do.

    Attributes:
        kind: `size`, `range`, `identical`, `quantisation`, `channels`, `order`, `luma`, `shift` or `stems`.
        severity: `refuse` where the numbers would be of something else than the image meant, `warn` where they are
            right of the images as they are.
    """

    kind: str
    severity: Literal["refuse", "warn"]
    what: str
    remedy: str

    @property
    def text(self) -> str:
        """In one line."""
        return f"{self.what}; {self.remedy}"


def refusal(findings: Iterable[Finding]) -> Finding | None:
    """The first finding that forbids to score the pair."""
    return next((finding for finding in findings if finding.severity == "refuse"), None)


def lint(
    sr: Shaped[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h2 w2"], scale: int, *, source: Source
) -> tuple[Finding, ...]:
    """What is wrong with sr as it came from outside.

    Args:
        sr: untouched: not clipped, cast or cropped. uint8 counts as 0..255, anything else as it is.
        hr: in [0, 1], right by definition.
        source: `model` for what a model returned, `file` for what was read.

    Returns:
        Findings; after the first refusal nothing more is looked at. With a `crop` finding, what follows it is of hr
        cropped.
    """
    found: list[Finding] = []
    for finding in _findings(sr, hr, scale, source):
        found.append(finding)
        if finding.severity == "refuse":
            break
    return tuple(found)


def _findings(sr: Tensor, hr: Tensor, scale: int, source: Source) -> Iterator[Finding]:
    """All checks in their order; each may take for granted what those before it would have refused."""
    yield from lint_format(sr, hr.shape[1], source)
    yield from lint_size((sr.shape[2], sr.shape[3]), (hr.shape[2], hr.shape[3]), scale)
    hr = hr[..., : sr.shape[2], : sr.shape[3]]
    values = sr / 255 if sr.dtype == torch.uint8 else sr
    if values.dtype in {torch.float16, torch.bfloat16}:
        # sums over an image overflow in float16 (at 65504) and lose digits in bfloat16
        values = values.float()
    yield from lint_range(values, hr)
    yield from lint_levels(values, hr, source)
    yield from lint_fit(values, hr, scale)


def lint_pixels(
    sr: Shaped[np.ndarray, "h w c"], hr: Shaped[np.ndarray, "h2 w2 c2"], scale: int
) -> tuple[Finding, ...]:
    """:func:`lint` for what :func:`bench.data.images.read` gives, or an array of another type out of a file.

    Args:
        hr: uint8.
    """
    # torch has next to no operations for uint16
    if sr.dtype == np.uint16:
        sr = sr.astype(np.int32)
    return lint(torch.from_numpy(sr).permute(2, 0, 1)[None], to_tensor(hr), scale, source="file")


def lint_left_out(lines: Iterable[str]) -> Iterator[Finding]:
    """What of a folder is not looked at."""
    for line in lines:
        yield Finding(kind="files", severity="warn", what=line, remedy="means are over the others")


def lint_stems(pairing: Pairing) -> Iterator[Finding]:
    """What does not pair by name, and what only pairs after its ending was stripped."""
    for line in pairing.lines():
        yield Finding(kind="stems", severity="warn", what=line, remedy="means are over what pairs")
    stripped = pairing.stripped
    if stripped:
        stem, file = next(iter(stripped.items()))
        yield Finding(
            kind="stems",
            severity="warn",
            what=f"{len(stripped)} {'name pairs' if len(stripped) == 1 else 'names pair'} only without an ending, as "
            f"{file.name!r} with {stem!r}",
            remedy="make sure that these are results of those images",
        )


def lint_format(sr: Shaped[Tensor, "1 c h w"], hr_channels: int, source: Source) -> Iterator[Finding]:
    """An integer type where float in [0, 1] is required (uint8 is right for a file), and channels that do not fit hr's.

    A grey hr takes a colour sr.
    """
    if not sr.dtype.is_floating_point and not (source == "file" and sr.dtype == torch.uint8):
        kind = str(sr.dtype).removeprefix("torch.")
        if source == "model":
            remedy = "return float in [0, 1]: divide by the type's largest value"
            yield _refuse("quantisation", f"the model returned {kind}", remedy)
        else:
            yield _refuse("quantisation", f"sr is stored as {kind}", "store 8 bits per channel, rounded once")
    channels = sr.shape[1]
    if channels in {hr_channels, 3}:
        return
    if channels in {2, 4}:
        remedy = "drop the last one after making sure that it is 1 everywhere"
        yield _refuse("channels", f"sr has {channels} channels, which looks like alpha", remedy)
    elif channels == 1:
        yield _refuse(
            "channels", "sr is grey, hr is RGB", "give RGB; luma of both is taken where it is measured"
        )
    else:
        remedy = f"must be {hr_channels}, as hr has (n c h w: channels before rows)"
        yield _refuse("channels", f"sr has {channels} channels", remedy)


def lint_range(sr: Float[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h2 w2"]) -> Iterator[Finding]:
    """NaN, and ranges that are not [0, 1] with some overshoot; at most one."""
    # in one transfer; one NaN or infinity makes the sum one, and as a sum may also overflow, all values decide
    low, high, bright, total = numbers(*sr.aminmax(), hr.max(), sr.sum())
    what = f"sr has values from {low:.3g} to {high:.3g}"
    if not math.isfinite(total) and not torch.isfinite(sr).all():
        yield _refuse(
            "range",
            "sr holds NaN or infinite values",
            "find the layer they come from; float16 overflows at 65504",
        )
    # only beside an hr that is not nearly black itself: there such values are right
    elif high <= 1.5 / LEVELS and bright > 8 / LEVELS and low >= -1 / LEVELS:
        yield _refuse(
            "range",
            f"{what}, hr up to {bright:.3g}",
            "multiply by 255: it was divided by 255 twice, or [0, 1] stored as 8 bits",
        )
    elif low >= -OVERSHOOT and high <= 1 + OVERSHOOT:
        return
    # overshoot grows with the range, so that it is scaled here
    elif low >= -OVERSHOOT * LEVELS and 8 < high <= (1 + OVERSHOOT) * LEVELS:
        yield _refuse("range", f"{what}, which looks like 0..255", "divide by 255")
    elif high <= 1 + OVERSHOOT and -1 - OVERSHOOT <= low < -OVERSHOOT:
        yield _refuse("range", f"{what}, which looks like [-1, 1]", "map it to [0, 1]: (x + 1) / 2")
    else:
        yield _refuse("range", what, "must be [0, 1]; small overshoot is clipped")


def lint_levels(
    sr: Float[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h2 w2"], source: Source
) -> Iterator[Finding]:
    """What the 8-bit levels of sr and hr say.

    An sr that is hr to the last bit once both are rounded: the best of results, or hr itself. A file between the levels.
    Far fewer levels than hr has.
    """
    # of the middle channel every so many pixels, which nearly always is enough
    samples = [image[0, image.shape[1] // 2].flatten() for image in (sr, hr)]
    # to the CPU, where each question is answered at once
    a, b = (pixels[:: max(1, pixels.numel() // MOST_SAMPLED)].cpu() for pixels in samples)
    # the sample first: the whole pair is compared only where the sample is equal
    if bool(((a - b).abs() <= HALF).all()) and bool(((sr - hr).abs() <= HALF).all()):
        flat = float(hr.amax() - hr.amin()) == 0
        yield Finding(
            kind="identical",
            severity="warn",
            what="sr is hr to the last bit" + (", an image of one colour" if flat else ""),
            remedy="PSNR is infinite there"
            if flat
            else "make sure that it is no copy of hr; PSNR is infinite there",
        )
    levels = a * LEVELS
    # a model's floats lie between the levels by right: the protocol rounds them
    if source == "file" and float((levels - levels.round()).abs().max()) > GRID:
        yield Finding(
            kind="quantisation",
            severity="warn",
            what="sr is not on the 8-bit grid",
            remedy="results of 8-bit files differ by up to 0.1 dB; round it once (--protocol's quantize does)",
        )
    used, of_hr = (
        int(torch.bincount(values.round().clamp(0, LEVELS).long(), minlength=LEVELS + 1).count_nonzero())
        for values in (levels, b * LEVELS)
    )
    if used * FEW_LEVELS < of_hr:
        yield Finding(
            kind="quantisation",
            severity="warn",
            what=f"sr has {used} of 256 levels, hr {of_hr}",
            remedy="store it with 8 bits per channel, without a palette",
        )


def _refuse(kind: str, what: str, remedy: str) -> Finding:
    return Finding(kind=kind, severity="refuse", what=what, remedy=remedy)


def lint_size(sr: Size, hr: Size, scale: int) -> Iterator[Finding]:
    """At most one finding. Sizes are (height, width).

    The only one that is no refusal is `crop`: sr has hr's size cut to multiples of the scale, so that hr can be
    cropped at the right and the bottom (:func:`bench.prepare.modcrop`).
    """
    if sr == hr:
        return
    # The order matters: lr's size is a whole fraction of hr's too, but `_ratio` would not say that it is lr's.
    what, said = f"sr is {_size_text(sr)}", _size_text(hr)
    cut = (hr[0] - hr[0] % scale, hr[1] - hr[1] % scale)
    rounded_up = (-(-hr[0] // scale) * scale, -(-hr[1] // scale) * scale)
    if sr == cut:
        yield Finding(
            kind="crop",
            severity="warn",
            what=f"hr is {said}, which is no multiple of {scale}, and {what}",
            remedy="hr is cropped to that at the right and the bottom",
        )
    elif sr in {(cut[0] // scale, cut[1] // scale), (rounded_up[0] // scale, rounded_up[1] // scale)}:
        yield _refuse(
            "size",
            f"{what}, the size of lr (hr is {said})",
            f"upscale it by {scale}: this looks like lr itself",
        )
    elif sr == rounded_up:
        yield _refuse(
            "size",
            f"{what}, larger than hr ({said}) by what is missing to a multiple of {scale}",
            f"crop hr to {_size_text(cut)} before it is degraded, and upscale that",
        )
    elif sr == hr[::-1] or sr == cut[::-1]:
        yield _refuse("size", f"{what}, hr's size ({said}) transposed", "swap its rows and columns")
    elif ratio := _ratio(sr, hr):
        yield _refuse(
            "size",
            f"{what}, {ratio} hr's size ({said})",
            f"give the output of an x{scale} model, or another --scale",
        )
    else:
        yield _refuse(
            "size",
            f"{what}, hr is {said}",
            f"must be hr's size, or {_size_text(cut)} of an hr cropped to multiples of {scale}",
        )


def _ratio(sr: Size, hr: Size) -> str:
    """`2 times` or `1/2 of`, to within a pixel of rounding per unit; empty where it is neither."""
    larger, smaller = (sr, hr) if sr[0] >= hr[0] else (hr, sr)
    times = round(larger[0] / max(1, smaller[0]))
    near = all(abs(a - b * times) < times for a, b in zip(larger, smaller, strict=True))
    if times < 2 or not near:
        return ""
    return f"{times} times" if sr[0] > hr[0] else f"1/{times} of"


def _size_text(size: Size) -> str:
    return f"{size[1]}x{size[0]}"


def lint_fit(sr: Float[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h w"], scale: int) -> Iterator[Finding]:
    """Channel order, linear range and shift. The pair has one size; nothing is said of tiny or flat images."""
    # twice the scale: wider than what upscaling blurs, so that blur and ringing average out
    cell = min(max(2 * scale, 8), min(hr.shape[-2:]) // LEAST_CELLS)
    if cell < 2:
        return
    # small by now: what is asked of them is asked on the CPU
    a, b = (F.avg_pool2d(image.float(), cell).cpu() for image in (sr, hr))
    if a.shape[1] == b.shape[1] == 3:
        order = list(lint_order(a, b))
        if order:
            yield from order
            return
    a, b = a.mean(1, keepdim=True), b.mean(1, keepdim=True)
    if float(b.std()) < LEAST_CONTRAST:
        return
    linear = list(lint_linear(a, b))
    yield from linear
    if linear or min(hr.shape[-2:]) < LEAST_LR * scale:
        return
    if min(hr.shape[-2:]) < SMALL and (fine := max(2, scale // 2)) < cell:
        # of one plane instead of three
        a, b = (F.avg_pool2d(image.float().mean(1, keepdim=True), fine).cpu() for image in (sr, hr))
        cell = fine
    yield from lint_shift(a, b, cell)


def lint_order(a: Float[Tensor, "1 3 h w"], b: Float[Tensor, "1 3 h w"]) -> Iterator[Finding]:
    """Channels in another order than R, G, B, and a grey sr of a colourful hr."""
    # 3 x 3: of sr's channel i against hr's channel j
    errors = ((a[0, :, None] - b[0, None]) ** 2).mean((2, 3))
    totals = {
        order: float(sum(errors[i, j] for i, j in enumerate(order)) / 3)
        for order in itertools.permutations(range(3))
    }
    best = min(totals, key=totals.__getitem__)
    unchanged = totals[0, 1, 2]  # as it is: R, G, B
    if unchanged > LEAST_ERROR and totals[best] * CLEARLY < unchanged:
        name = "".join("RGB"[i] for i in best)
        yield Finding(
            kind="order",
            severity="refuse",
            what=f"sr's channels fit hr as {name}, not as RGB",
            remedy="reorder them (OpenCV reads and writes BGR)",
        )
        return
    chroma = [float((image - image.mean(1, keepdim=True)).square().mean()) for image in (a, b)]
    if chroma[1] > COLOURED and chroma[0] < GREY * chroma[1]:
        yield Finding(
            kind="channels",
            severity="warn",
            what="sr's channels are equal, hr is in colour",
            remedy="give the model RGB, or measure on luma only",
        )


def lint_linear(a: Float[Tensor, "1 1 h w"], b: Float[Tensor, "1 1 h w"]) -> Iterator[Finding]:
    """A gain and an offset of :data:`LINEAR`; at most one."""
    error = float((a - b).square().mean())
    if error <= LEAST_ERROR:
        return
    # least squares of sr = gain hr + offset over the blocks; `left` is what that does not explain
    centred = b - b.mean()
    gain = float((centred * a).sum() / centred.square().sum())
    offset = float(a.mean()) - gain * float(b.mean())
    left = float((a - gain * b - offset).square().mean())
    for gain0, offset0, severity, kind, what, remedy in LINEAR:
        near, better = (STUDIO_NEAR, STUDIO) if kind == "luma" else (NEAR, CLEARLY)
        if max(abs(gain - gain0), abs(offset - offset0)) < near and left * better < error:
            yield Finding(
                kind=kind,
                severity="refuse" if severity == "refuse" else "warn",
                what=f"sr is {gain:.2f} hr {offset:+.2f}, which looks like {what}",
                remedy=remedy,
            )


def lint_shift(a: Float[Tensor, "1 1 h w"], b: Float[Tensor, "1 1 h w"], cell: int) -> Iterator[Finding]:
    """sr in another place than hr, by part of a pixel up to some cells, by the same in every part of the image.

    Lucas and Kanade 1981, on cells twice as wide first. Their first step, which costs next to nothing, is all that is
    done where it stays small.
    """
    a, b = a.double(), b.double()
    if cell * float(_step(a, b).abs().max()) < LEAST_SHIFT / 2:
        return
    shift = torch.zeros(2, dtype=torch.float64)
    # coarse to fine; `shift` is in cells of the finer grid
    for wide in (2, 1):
        coarse_a, coarse_b = (F.avg_pool2d(image, wide) for image in (a, b))
        if min(coarse_a.shape[-2:]) >= LEAST_CELLS:
            shift = _refined(coarse_a, coarse_b, shift / wide) * wide
    right, down = (float(s) * cell for s in shift)
    if max(abs(right), abs(down)) < LEAST_SHIFT or not _everywhere(a, b, shift):
        return
    yield Finding(
        kind="shift",
        severity="warn",
        what=f"sr lies {right:+.1f} pixels to the right of hr and {down:+.1f} below it",
        remedy="align the resize kernels: the centres of lr's and sr's pixels belong where MATLAB's imresize has them",
    )


def _everywhere(a: Tensor, b: Tensor, shift: Float[Tensor, " 2"]) -> bool:
    """Whether the images are alike once moved, and each quarter that has structure wants nearly that shift."""
    moved = _moved(b, shift)
    if float(torch.corrcoef(torch.stack([a.flatten(), moved.flatten()]))[0, 1]) < ALIKE:
        return False
    h, w = (side // 2 for side in a.shape[-2:])
    quarters = [(slice(y, y + h), slice(x, x + w)) for y in (0, h) for x in (0, w)]
    structure = [float(b[..., rows, columns].var()) for rows, columns in quarters]
    most = float(shift.norm()) * UNEVEN
    return all(
        float(_step(a[..., rows, columns], moved[..., rows, columns]).norm()) < most
        for (rows, columns), amount in zip(quarters, structure, strict=True)
        if amount > STRUCTURE * max(structure)
    )


def _refined(a: Tensor, b: Tensor, shift: Float[Tensor, " 2"]) -> Float[Tensor, " 2"]:
    """`shift` (x, y) in pixels after some Gauss-Newton steps: a(x) = b(x - shift)."""
    for _ in range(STEPS):
        # a step from small slopes may run away; 2 cells are also what `_step` cuts off at the border
        shift = (shift + _step(a, _moved(b, shift))).clamp(-2, 2)
    return shift


def _step(a: Tensor, b: Tensor) -> Float[Tensor, " 2"]:
    """The small shift (x, y) that brings b nearest to a, from b's slopes."""
    slopes = torch.gradient(b[0, 0], dim=(1, 0))
    # without two cells of border, into which `_moved` has repeated pixels
    slope = torch.stack([each[2:-2, 2:-2].flatten() for each in slopes], 1)
    residual = (b - a)[0, 0, 2:-2, 2:-2].flatten()
    # a quarter with slopes in one direction alone would be singular
    normal = slope.T @ slope + 1e-12 * torch.eye(2, dtype=slope.dtype)
    return torch.linalg.solve(normal, slope.T @ residual)


def _moved(image: Tensor, shift: Float[Tensor, " 2"]) -> Tensor:
    """The image moved to the right and down by `shift` (x, y) pixels, its border repeated."""
    h, w = image.shape[-2:]
    # affine_grid counts a whole side as 2, and says where each pixel comes from: hence minus below
    move = 2 * shift / torch.tensor((w, h))
    theta = torch.tensor([[[1, 0, -move[0]], [0, 1, -move[1]]]], dtype=image.dtype, device=image.device)
    grid = F.affine_grid(theta, [1, 1, h, w], align_corners=False)
    return F.grid_sample(image, grid, mode="bicubic", padding_mode="border", align_corners=False)
