"""Whether tiling left marks: how much stronger the jumps are across the seams than beside them.

Between pixels k - 1 and k of a row the jump is

    J(k) = | d(k) - (d(k - 1) + d(k + 1)) / 2 |,    d(k) = x(k) - x(k - 1),

the step there beyond the slope around it: a plane and a parabola have none. A seam is a line between two columns
(likewise rows). Its strength is the geometric mean of J + FLOOR along it, over channels and pixels, where FLOOR is
half an 8-bit level: flat sky counts as much as foliage, and no single edge that happens to lie there decides. The
same is taken of the lines 1 to 4 lr pixels to each side, which have the same place in the grid of `scale` pixels
that many networks print on their output. The score is

    geometric mean over the seams / geometric mean over the lines beside them - 1.

0: nothing distinguishes the seams. 0.5: jumps are half as strong again. `noise` is how much the same number varies
between the lines beside, where there is no seam; a score counts as visible beyond three times that, and 0.05.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

REACH = 4  # lr pixels to each side
STENCIL = 2  # pixels on either side of the line that a jump is made of
FLOOR = 0.5 / 255
NOISES, LEAST = 3.0, 0.05

Pixels = UInt8[np.ndarray, "h w c"] | Float[np.ndarray, "h w c"]


@dataclass(frozen=True, kw_only=True)
class SeamScore:
    """See the module.

    Attributes:
        score: 0 where seams cannot be told from what is beside them; NaN without seams.
        noise: standard deviation of the score on grids of lines beside the seams.
        lines: how many seams were looked at.
    """

    score: float
    noise: float
    lines: int

    @property
    def visible(self) -> bool:
        """Whether tiling left marks: the score is above three times its noise, and above 0.05."""
        return self.score > max(NOISES * self.noise, LEAST)


def seam_score(sr: Pixels, rows: Sequence[int], columns: Sequence[int], scale: int) -> SeamScore:
    """The seam score of an image that was made in tiles; bounded memory: only lines near seams are read.

    Args:
        sr: uint8, or float in [0, 1]; a memory map will do.
        rows, columns: the lr rows and columns at which a new tile begins (:class:`bench.tiling.tiles.Tiling`).
        scale: sr size over lr size.
    """
    strengths: dict[int, list[float]] = {}
    seams = 0
    for lines, image in ((rows, sr), (columns, sr.swapaxes(0, 1))):
        for line in lines:
            found = _strengths(image, line, set(lines), scale)
            seams += 0 in found
            for offset, strength in found.items():
                strengths.setdefault(offset, []).append(strength)
    if not seams:
        return SeamScore(score=math.nan, noise=math.nan, lines=0)
    across = float(np.mean(strengths.pop(0)))
    beside = [float(np.mean(values)) for values in strengths.values()]
    level = float(np.mean(beside)) if beside else across
    # without lines beside there is nothing to compare with: never visible
    spread = float(np.std([math.exp(value - level) for value in beside])) if beside else math.inf
    return SeamScore(score=math.exp(across - level) - 1, noise=spread, lines=seams)


def seam_score_of(
    sr: Float[Tensor, "1 c h w"], rows: Sequence[int], columns: Sequence[int], scale: int
) -> SeamScore:
    """The same of an image as an upscaler returns it."""
    return seam_score(sr[0].detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), rows, columns, scale)


def _strengths(image: Pixels, line: int, seams: set[int], scale: int) -> dict[int, float]:
    """By offset in lr pixels, the log of the strength of the seam and of the lines beside it that are no seams."""
    found = {}
    for offset in range(-REACH, REACH + 1):
        at = (line + offset) * scale
        close = 0 < abs(offset) * scale < STENCIL  # its stencil would hold the seam's own step
        within = STENCIL <= at <= image.shape[0] - STENCIL
        if within and not close and (not offset or line + offset not in seams):
            found[offset] = _strength(image[at - STENCIL : at + STENCIL])
    return found


def _strength(four: Pixels) -> float:
    """Log of the geometric mean of the jumps between the second and the third of four lines."""
    x = np.asarray(four, dtype=np.float64)
    if four.dtype == np.uint8:
        x /= 255
    # J of this module's head, written out for four lines
    jumps = np.abs(3 * (x[2] - x[1]) - (x[3] - x[0])) / 2
    return float(np.log(jumps + FLOOR).mean())
