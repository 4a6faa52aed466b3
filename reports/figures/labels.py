"""A cloud of points and names beside some of them: no name covers a point or another name."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from reports.figures.style import BLUE, CARD, INK, MUTED, SMALL, VERMILLION
from reports.figures.text import distinct

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KNOWN = ("nearest", "bicubic", "srcnn-955", "sr-pixel", "sr-feature")  # named wherever they lie
LONGEST = 22  # letters of a name
SIZE = SMALL - 1
DOT = 3.0  # points from a marker's centre to its edge, with some room
GAP = 1.0  # points between a name and what is around it
NEAR, STEPS, RAYS = 5.0, (0.0, 6.0, 13.0, 21.0, 30.0, 40.0, 52.0, 66.0), 16
REACH = 6.0  # interquartile ranges beyond the middle half, from where on a value is far from all others

Point = tuple[float, float]
Line = tuple[Point, Point]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlaps(self, other: Box) -> bool:
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def inside(self, other: Box) -> bool:
        return other.x0 <= self.x0 and self.x1 <= other.x1 and other.y0 <= self.y0 and self.y1 <= other.y1

    def crossed(self, start: Point, end: Point) -> bool:
        """Whether the way from one point to another leads through it (Liang and Barsky 1984)."""
        low, high = 0.0, 1.0
        for a, b, least, most in (
            (start[0], end[0], self.x0, self.x1),
            (start[1], end[1], self.y0, self.y1),
        ):
            if a == b:
                if not least < a < most:
                    return False
                continue
            ends = sorted(((least - a) / (b - a), (most - a) / (b - a)))
            low, high = max(low, ends[0]), min(high, ends[1])
        return low < high


def cloud(
    axes: Axes, points: Mapping[str, Point], *, front: Collection[str], hollow: Collection[str] = ()
) -> None:
    """A marker for each: those of the front larger and in colour, those with a warning hollow."""
    order = sorted(points, key=lambda name: (name in front, name in KNOWN))
    colours = [VERMILLION if n in KNOWN else BLUE if n in front else MUTED for n in order]
    axes.scatter(
        [points[name][0] for name in order],
        [points[name][1] for name in order],
        s=[22 if name in front else 12 for name in order],
        facecolors=[CARD if name in hollow else colour for name, colour in zip(order, colours, strict=True)],
        edgecolors=colours,
        linewidths=0.8,
        zorder=3,
    )


def label(
    axes: Axes, points: Mapping[str, Point], names: Iterable[str], line: Sequence[Point] = ()
) -> tuple[str, ...]:
    """Write names beside their points, once the axes have their final size and limits.

    Args:
        points: all that are drawn; those outside the axes count for nothing.
        names: in the order in which they choose their places; one that repeats counts once.
        line: the corners of one that no name may cover.

    Returns:
        Those that found no place.
    """
    renderer = axes.get_figure(root=True).canvas.get_renderer()  # type: ignore[union-attr]
    scale = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
    room = Box(*axes.get_window_extent(renderer).extents)
    dots = {name: tuple(map(float, axes.transData.transform(point))) for name, point in points.items()}
    half = DOT * scale
    markers = {
        name: Box(x - half, y - half, x + half, y + half)
        for name, (x, y) in dots.items()
        if room.x0 <= x <= room.x1 and room.y0 <= y <= room.y1
    }
    corners = [tuple(map(float, axes.transData.transform(point))) for point in line]
    taken = OccupiedSpace(
        room=room,
        markers=tuple(markers.values()),
        scale=scale,
        lines=list(pairwise(corners)),  # type: ignore[arg-type]
    )
    missing = []
    names = tuple(dict.fromkeys(names))
    shown = distinct(names, LONGEST)
    for name in names:
        found = None
        if name in markers:
            text = axes.text(0, 0, shown[name], fontsize=SIZE)
            size = text.get_window_extent(renderer)
            text.remove()
            found = taken.place(dots[name], size.width, size.height)  # type: ignore[arg-type]
        if found is None:
            missing.append(name)
        else:
            _write(axes, shown[name], *found)
    return tuple(missing)


@dataclass(kw_only=True)
class OccupiedSpace:
    """What is drawn so far, in pixels: markers, names, and the lines from the ones to the others."""

    room: Box
    markers: tuple[Box, ...]
    scale: float
    names: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def place(self, dot: Point, width: float, height: float) -> tuple[Box, Line | None] | None:
        """The nearest free place around a point, and the line that leads there where it is not beside it."""
        gap = GAP * self.scale
        for far in STEPS:
            for box in _around(dot, width, height, (NEAR + far) * self.scale):
                line = (dot, _nearest(box, dot)) if far else None
                if self._free(Box(box.x0 - gap, box.y0, box.x1 + gap, box.y1), line):
                    self.names.append(box)
                    self.lines += [line] if line else []
                    return box, line
        return None

    def _free(self, box: Box, line: Line | None) -> bool:
        """A line may lead below markers, but through no name."""
        if not box.inside(self.room) or any(map(box.overlaps, (*self.markers, *self.names))):
            return False
        if any(box.crossed(*other) for other in self.lines):
            return False
        return line is None or not any(other.crossed(*line) for other in self.names)


def _around(dot: Point, width: float, height: float, far: float) -> Iterator[Box]:
    """Boxes of a size whose nearest edge or corner is `far` from a point, those at its sides first."""
    turns = sorted(range(RAYS), key=lambda k: (-abs(math.cos(2 * math.pi * k / RAYS)), k))
    for k in turns:
        dx, dy = math.cos(2 * math.pi * k / RAYS), math.sin(2 * math.pi * k / RAYS)
        x, y = dot[0] + dx * far, dot[1] + dy * far
        # the anchor moves along the box as the ray turns, so that the box lies on the ray's side of it
        x0 = x - width * (1 - max(-1.0, min(1.0, 1.5 * dx))) / 2
        y0 = y - height * (1 - max(-1.0, min(1.0, 1.5 * dy))) / 2
        yield Box(x0, y0, x0 + width, y0 + height)


def _nearest(box: Box, dot: Point) -> Point:
    """The point of a box that is nearest to another."""
    return min(max(dot[0], box.x0), box.x1), min(max(dot[1], box.y0), box.y1)


def _write(axes: Axes, text: str, box: Box, line: Line | None) -> None:
    """The text fills its box; in shares of the axes, so that every file of the figure has it where it was placed."""
    from matplotlib.lines import Line2D

    share = axes.transAxes.inverted()
    x, y = share.transform((box.x0, box.y0))
    axes.text(
        float(x), float(y), text, transform=axes.transAxes, fontsize=SIZE, color=INK, va="bottom", zorder=4
    )
    if line:
        (x0, y0), (x1, y1) = share.transform(line)
        axes.add_artist(
            Line2D([x0, x1], [y0, y1], transform=axes.transAxes, color=MUTED, linewidth=0.5, zorder=2)
        )


def usual(values: Collection[float]) -> tuple[float, float]:
    """The least and the largest value that is not far from all others: within 6 interquartile ranges of the middle half."""
    ordered = sorted(values)
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.75))
    reach = REACH * (high - low) or math.inf  # of values that are mostly one and the same, none is far
    kept = [value for value in ordered if low - reach <= value <= high + reach]
    return kept[0], kept[-1]


def middle(points: Mapping[str, Point], *, logarithmic: bool = False) -> Mapping[str, Point]:
    """The points of which neither value is far from all others.

    Args:
        logarithmic: distances are ratios; the values are above 0.
    """
    xs, ys = zip(*points.values(), strict=True)
    scale = math.log if logarithmic else float
    (low, high), (least, most) = (usual([scale(v) for v in values]) for values in (xs, ys))
    return {
        name: (x, y)
        for name, (x, y) in points.items()
        if low <= scale(x) <= high and least <= scale(y) <= most
    }


def limits(values: Collection[float], share: float = 0.1) -> tuple[float, float]:
    """Of an axis, with a share of the range left free at either end."""
    low, high = min(values), max(values)
    room = share * ((high - low) or abs(high) or 1.0)
    return low - room, high + room


def log_limits(values: Collection[float], share: float = 0.1) -> tuple[float, float]:
    """:func:`limits` of a logarithmic axis."""
    low, high = limits([math.log(value) for value in values], share)
    return math.exp(low), math.exp(high)
