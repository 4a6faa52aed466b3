"""How far an upscaler looks: the pixels of lr on which a pixel of sr depends, found out by asking it.

Nothing is read off the layers. Noise goes in, and the gradient of one cell of sr with respect to it says which of its
pixels had a part; where there is no gradient, one cell of the noise is changed and what comes out differently is
looked at. The probe is a strip, long in one direction and thin in the other, and grows until the pixels that had a
part end before its border does. What was found is then put to the test: the same cell from a piece with just this
margin, cut from an image that is black, or white, elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from bench.errors import out_of_memory
from bench.interfaces import Upscaler
from bench.tiling.grid import up_to

LENGTHS = (64, 128, 256, 512, 1024)
LONGEST_GRADIENT = 256  # beyond, all that autograd keeps would be more memory than tiles are to take
THIN = 16
DRAWS = 2  # a ReLU that is off hides a path; two draws of noise hardly ever hide the same one
TOLERANCE = 1e-5  # of values in [0, 1]: sums in another order differ by less


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What an upscaler is probed with.

    Attributes:
        like: the number of channels, dtype and device are its.
        multiple, minimum: sides in lr pixels that the upscaler takes: whole cells of `multiple`, at least `minimum`.
    """

    upscaler: Upscaler
    like: Float[Tensor, "n c h w"]
    multiple: int = 1
    minimum: int = 1

    def noise(self, length: int, axis: int, seed: int = 0) -> Float[Tensor, "1 c h w"]:
        """Noise in [0, 1], `length` along `axis` (-2 or -1), as thin as may be in the other."""
        thin = up_to(max(THIN, self.minimum), self.multiple)
        sides = (length, thin) if axis == -2 else (thin, length)
        # drawn on the CPU in float64: the same noise for every device and dtype
        drawn = torch.rand(
            (1, self.like.shape[1], *sides),
            generator=torch.Generator().manual_seed(seed),
            dtype=torch.float64,
        )
        return drawn.to(self.like.device, self.like.dtype)

    def cell(self, length: int) -> int:
        """Where the middle cell begins."""
        return length // 2 // self.multiple * self.multiple


@dataclass(frozen=True, kw_only=True)
class ReceptiveField:
    """The receptive field.

    Attributes:
        radius: lr pixels on each side that have a part in an sr pixel, the larger of both axes; None where it has no
            bound, or none within half of the longest probe.
        method: what it was found by; a perturbation sees what is not lost in rounding, a gradient all.
        reason: why there is no radius; empty where there is one.
    """

    radius: int | None
    method: Literal["gradient", "perturbation"]
    reason: str = ""


def receptive_field(probe: Probe) -> ReceptiveField:
    """The receptive field of an upscaler; never changes it. On random noise, the same each time.

    Raises:
        Exception: whatever the upscaler raises on noise of 64 x 16 pixels (brought up to its minimum and multiple).
    """
    # the caller scores in inference mode, in which there are no gradients
    with torch.inference_mode(False):
        found = [_along(probe, axis) for axis in (-2, -1)]
        # the weaker of both: what one axis was found by alone is not said of the other
        method = found[0].method if found[0].method == found[1].method else "perturbation"
        unbounded = [field for field in found if field.radius is None]
        if unbounded:
            return unbounded[0]
        radius = max(field.radius for field in found if field.radius is not None)
        error = max(error_of(probe, radius, axis) for axis in (-2, -1))
    if not error <= TOLERANCE:
        reason = f"a pixel changes by {error:.2g} with what lies more than {radius} pixels away"
        return ReceptiveField(radius=None, method=method, reason=reason)
    return ReceptiveField(radius=radius, method=method)


def _along(probe: Probe, axis: int) -> ReceptiveField:
    method: Literal["gradient", "perturbation"] = "gradient"
    for shortest in LENGTHS:
        length = up_to(max(shortest, 2 * probe.minimum), probe.multiple)
        used = (
            _by_gradient(probe, length, axis) if length <= LONGEST_GRADIENT and method == "gradient" else None
        )
        if used is None:
            method, used = "perturbation", _by_perturbation(probe, length, axis)
        cell = probe.cell(length)
        # at a border it may reach further: a longer strip is asked
        if used and used.start > 0 and used.stop < length:
            return ReceptiveField(
                radius=max(cell - used.start, used.stop - cell - probe.multiple, 0), method=method
            )
        # nothing has a part: what comes out does not depend on lr
        if not used:
            return ReceptiveField(radius=0, method=method)
    return ReceptiveField(
        radius=None, method=method, reason=f"it looks further than {LENGTHS[-1] // 2 - 1} pixels"
    )


def _by_gradient(probe: Probe, length: int, axis: int) -> range | None:
    """The lr pixels along `axis` that the middle cell's sr pixels depend on; None where there is no gradient."""
    cell, scale = probe.cell(length), probe.upscaler.scale
    used = torch.zeros(length, dtype=torch.bool)
    for seed in range(DRAWS):
        lr = probe.noise(length, axis, seed).requires_grad_()
        try:
            with torch.enable_grad():
                sr = probe.upscaler(lr)
                if not sr.requires_grad:
                    return None
                middle = sr.narrow(axis, cell * scale, probe.multiple * scale)
                # random weights, so that gradients of the cell's pixels do not cancel
                weighted = (middle * _normal(middle, seed)).sum()
                # allow_unused: None, not an error, where sr does not depend on lr
                (gradient,) = torch.autograd.grad(weighted, lr, allow_unused=True)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            return None  # made for inference alone: weights or operations that autograd refuses
        if gradient is None:
            return None
        used |= _any(gradient != 0, axis)
    return _extent(used)


def _normal(like: Tensor, seed: int) -> Tensor:
    """Normal noise, the same for a seed on every device; the process's own random numbers go on as they were."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed)).to(like)


@torch.no_grad()
def _by_perturbation(probe: Probe, length: int, axis: int) -> range:
    """The lr pixels along `axis` whose sr pixels change with the middle cell: the same reach, seen from it."""
    cell, scale = probe.cell(length), probe.upscaler.scale
    changed = torch.zeros(length, dtype=torch.bool)
    for seed in range(DRAWS):
        lr = probe.noise(length, axis, seed)
        other = lr.clone()
        other.narrow(axis, cell, probe.multiple).copy_(
            # another draw than any of this loop, or the cell would stay what it is
            probe.noise(length, axis, seed + DRAWS).narrow(axis, cell, probe.multiple)
        )
        # a copy: an upscaler may use its output's buffer again
        differs = _any(probe.upscaler(lr).clone() != probe.upscaler(other), axis)
        changed |= differs.view(length, scale).any(1)
    return _extent(changed)


@torch.no_grad()
def error_of(probe: Probe, radius: int, axis: int) -> float:
    """By how much the middle cell of sr differs when lr is cut `radius` pixels from it; NaN counts as infinite."""
    around, scale, multiple = up_to(radius, probe.multiple), probe.upscaler.scale, probe.multiple
    piece = up_to(max(multiple + 2 * around, probe.minimum), multiple)
    # far enough from the border of the large image that it has no part in the cell
    first = 2 * around + up_to(THIN, multiple)
    cut = 0.25 + probe.noise(piece, axis) / 2
    ours = probe.upscaler(cut).narrow(axis, around * scale, multiple * scale).clone()
    errors = []
    for elsewhere in (0, 1):
        whole = torch.full_like(probe.noise(piece + 2 * first, axis), elsewhere)
        whole.narrow(axis, first, piece).copy_(cut)
        theirs = probe.upscaler(whole).narrow(axis, (first + around) * scale, multiple * scale)
        errors.append(float((ours - theirs).abs().max()))
    return max(errors) if all(map(math.isfinite, errors)) else math.inf


def _any(mask: Tensor, axis: int) -> Tensor:
    other = tuple(dim for dim in range(mask.ndim) if dim != mask.ndim + axis)
    return mask.any(other[0], keepdim=True).sum(other, dtype=torch.long).bool().cpu()


def _extent(mask: Tensor) -> range:
    places = mask.nonzero()
    return range(int(places.min()), int(places.max()) + 1) if len(places) else range(0)
