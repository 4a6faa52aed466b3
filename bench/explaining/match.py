"""Which conventions give a number that someone published."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UserError
from bench.explaining.scores import Value

NUMBER = re.compile(r"(\d+)(?:\.(\d*))?")
NEAREST = 3
FLOAT = 1e-9


@dataclass(frozen=True, kw_only=True)
class Published:
    """A number as it was printed: at most 1 is SSIM, more is PSNR in dB; it stands for value +- tolerance."""

    text: str
    value: float
    tolerance: float

    @property
    def metric(self) -> str:
        """`psnr` or `ssim`."""
        return "ssim" if self.value <= 1 else "psnr"


@dataclass(frozen=True, kw_only=True)
class Match:
    """The values that a published number may be, nearest first; where there are none, the nearest ones there are."""

    published: Published
    values: tuple[Value, ...]
    exact: bool


def published(text: str, tolerance: float | None) -> Published:
    """A number of the command line, with half of its last digit as tolerance unless another is given.

    Raises:
        UserError: it is no positive number in plain decimals, or the tolerance is negative.
    """
    parts = NUMBER.fullmatch(text)
    if parts is None:
        raise UserError(f"--match is {text!r}; required a number as it was printed, such as 32.46 or 0.8968")
    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise UserError(f"--tolerance is {tolerance}; required 0 or more")
    half = 0.5 * 10 ** -len(parts[2] or "")
    return Published(text=text, value=float(text), tolerance=half if tolerance is None else tolerance)


def match(wanted: Published, values: Sequence[Value]) -> Match:
    """All values within the tolerance, or the nearest."""
    same = [value for value in values if value.metric == wanted.metric and math.isfinite(value.value)]
    same.sort(key=lambda value: abs(value.value - wanted.value))
    within = [value for value in same if abs(value.value - wanted.value) <= wanted.tolerance + FLOAT]
    return Match(published=wanted, values=tuple(within or same[:NEAREST]), exact=bool(within))
