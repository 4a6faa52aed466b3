"""Which conventions give a number that someone published."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.explaining.config import Published
from bench.explaining.scores import Value

NEAREST = 3
FLOAT = 1e-9  # half a digit is not exact in float64


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
