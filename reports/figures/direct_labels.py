"""Names beside what they name: in a column at the right of a panel, or at points, where they cover nothing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from reports.figures.style import MUTED, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

LINE = 1.25  # of the size of letters
AWAY = 6.0  # points from the panel to its labels
MOVED = 1.5  # points, from which a line leads to a label
NEAR, FAR = (
    (6.0, 14.0, 24.0),
    40.0,
)  # points from a point to its label, and where it stands when no place is free
PLACES = (
    (1.0, 0.0, "left", "center"),
    (-1.0, 0.0, "right", "center"),
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
    (0.0, 1.0, "center", "bottom"),
    (0.0, -1.0, "center", "top"),
)


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text of one or more lines, and the value that it belongs to."""

    text: str
    value: float
    colour: str

    @property
    def height(self) -> float:
        """Points."""
        return LINE * SMALL * (1 + self.text.count("\n"))


class Box(NamedTuple):
    """In pixels of the card."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Whether the two have a point in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def within(self, other: Box) -> bool:
        """Whether no part lies outside."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )


def spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Middles of labels in a column that do not overlap, as near as can be (least squares) to where they belong.

    Args:
        wanted: where each belongs, in rising order.
    """
    gaps = [0.0, *((a + b) / 2 for a, b in pairwise(heights))]
    offsets = list(accumulate(gaps))[: len(wanted)]
    pools: list[list[float]] = []  # of positions without their offsets: those that touch share their mean
    for value, offset in zip(wanted, offsets, strict=True):
        pools.append([value - offset])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    level = [_mean(pool) for pool in pools for _ in pool]
    return [value + offset for value, offset in zip(level, offsets, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def label_beside(axes: Axes, labels: Sequence[Label]) -> None:
    """In a column at the right of axes that are laid out; a line leads to a label that had to move."""
    card = axes.figure
    height = axes.get_window_extent().height * 72 / card.dpi
    found = sorted(((height * _up(axes, own.value), own) for own in labels), key=lambda pair: pair[0])
    stands = spread([at for at, _ in found], [own.height for _, own in found])
    for (at, own), middle in zip(found, stands, strict=True):
        moved = abs(middle - at) > MOVED
        axes.annotate(
            own.text,
            (1, at / height),
            xycoords="axes fraction",
            xytext=(AWAY + (AWAY if moved else 0), middle - at),
            textcoords="offset points",
            va="center",
            size=SMALL,
            color=own.colour,
            linespacing=1.1,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": own.colour, "shrinkA": 0, "shrinkB": 1}
            if moved
            else None,
        )


def _up(axes: Axes, value: float) -> float:
    """Where a value lies in the axes, from 0 to 1; what a logarithmic axis cannot show lies at its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        at = float(axes.transAxes.inverted().transform(axes.transData.transform((1, value)))[1])
    return min(1.0, max(0.0, at)) if isfinite(at) else 0.0


def at_points(axes: Axes, points: Sequence[tuple[float, float, str, float]], taken: Sequence[Box]) -> None:
    """Each point's name near it, where it covers no marker, no bar and no other name; a line leads to one farther off.

    Args:
        points: x, y, name, and the radius of the marker in points.
        taken: what else must not be covered.
    """
    pixels = axes.figure.dpi / 72
    inside = _box(axes.get_window_extent())
    marks = [_around(axes, x, y, radius * pixels) for x, y, _, radius in points]
    covered = [*taken, *marks]
    for x, y, name, radius in points:
        covered.append(_placed(axes, (x, y), name, radius, covered, inside))


def _around(axes: Axes, x: float, y: float, radius: float) -> Box:
    across, up = axes.transData.transform((x, y))
    return Box(across - radius, up - radius, across + radius, up + radius)


def _placed(
    axes: Axes, point: tuple[float, float], name: str, radius: float, covered: Sequence[Box], inside: Box
) -> Box:
    """Where no place is free, the farthest is taken."""
    for near in NEAR:
        away = near + radius
        for dx, dy, ha, va in PLACES:
            text = _text(axes, name, point, (dx * away, dy * away), ha, va, near != NEAR[0])
            box = _box(text.get_window_extent())
            if box.within(inside) and not any(map(box.meets, covered)):
                return box
            text.remove()
    away = NEAR[-1] + radius
    return _box(_text(axes, name, point, (-away, away), "right", "bottom", True).get_window_extent())


def _text(
    axes: Axes,
    name: str,
    point: tuple[float, float],
    away: tuple[float, float],
    ha: str,
    va: str,
    far: bool,
) -> Annotation:
    text = axes.annotate(
        name,
        point,
        xytext=away,
        textcoords="offset points",
        ha=ha,
        va=va,
        size=SMALL,
        arrowprops={"arrowstyle": "-", "lw": 0.5, "color": MUTED, "shrinkA": 0, "shrinkB": 0}
        if far
        else None,
        zorder=6,
    )
    text.set_in_layout(False)  # it lies in its axes, and moves nothing
    return text


def _box(extent: object) -> Box:
    return Box(extent.x0, extent.y0, extent.x1, extent.y1)  # type: ignore[attr-defined]
