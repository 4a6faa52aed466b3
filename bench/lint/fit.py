"""The linter on what fits better than the pair as it is: other channels, another range, another place.

All of it looks at means of blocks wider than what upscaling blurs, so that blur and ringing do not count, and it
costs little more than those means.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from bench.lint.finding import Finding

LEAST_CELLS = 8
CLEARLY = 4.0  # times smaller a squared error must become before anything is said
LEAST_ERROR = (1 / 255) ** 2
LEAST_CONTRAST = 0.02
GREY = 0.05**2
COLOURED = (6 / 255) ** 2
LEAST_SHIFT = 0.2
STEPS = 3
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
NEAR = 0.02
ALIKE = 0.9  # correlation: what was hardly trained fits nowhere


def lint_fit(sr: Float[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h w"], scale: int) -> Iterator[Finding]:
    """Channel order, linear range and shift. The pair has one size; nothing is said of tiny or flat images."""
    cell = min(max(2 * scale, 8), min(hr.shape[-2:]) // LEAST_CELLS)
    if cell < 2:
        return
    a, b = (F.avg_pool2d(image.float(), cell) for image in (sr, hr))
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
        a, b = (F.avg_pool2d(image.float(), fine).mean(1, keepdim=True) for image in (sr, hr))
        cell = fine
    yield from lint_shift(a, b, cell)


def lint_order(a: Float[Tensor, "1 3 h w"], b: Float[Tensor, "1 3 h w"]) -> Iterator[Finding]:
    """Channels in another order than R, G, B, and a grey sr of a colourful hr."""
    errors = ((a[0, :, None] - b[0, None]) ** 2).mean((2, 3))
    totals = {
        order: float(sum(errors[i, j] for i, j in enumerate(order)) / 3)
        for order in itertools.permutations(range(3))
    }
    best = min(totals, key=totals.__getitem__)
    asked = totals[0, 1, 2]
    if asked > LEAST_ERROR and totals[best] * CLEARLY < asked:
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
    a, b = a.cpu().double(), b.cpu().double()  # small by now, and mps has no float64
    if cell * float(_step(a, b).abs().max()) < LEAST_SHIFT / 2:
        return
    shift = torch.zeros(2, dtype=torch.float64)
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
        shift = (shift + _step(a, _moved(b, shift))).clamp(-2, 2)
    return shift


def _step(a: Tensor, b: Tensor) -> Float[Tensor, " 2"]:
    """The small shift (x, y) that brings b nearest to a, from b's slopes."""
    slopes = torch.gradient(b[0, 0], dim=(1, 0))
    slope = torch.stack([each[2:-2, 2:-2].flatten() for each in slopes], 1)
    residual = (b - a)[0, 0, 2:-2, 2:-2].flatten()
    normal = slope.T @ slope + 1e-12 * torch.eye(2, dtype=slope.dtype)
    return torch.linalg.solve(normal, slope.T @ residual)


def _moved(image: Tensor, shift: Float[Tensor, " 2"]) -> Tensor:
    """The image moved to the right and down by `shift` (x, y) pixels, its border repeated."""
    h, w = image.shape[-2:]
    move = 2 * shift / torch.tensor((w, h))
    theta = torch.tensor([[[1, 0, -move[0]], [0, 1, -move[1]]]], dtype=image.dtype, device=image.device)
    grid = F.affine_grid(theta, [1, 1, h, w], align_corners=False)
    return F.grid_sample(image, grid, mode="bicubic", padding_mode="border", align_corners=False)
