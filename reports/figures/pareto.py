"""Quality against time, memory as the area of the marker: which models no other beats on both.

Quality is the mean difference to a reference on the same images: its paired interval says whether two models differ, which
intervals of the means themselves do not, since images differ far more than models.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, pi, sqrt
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from bench.records import MetricInfo
from bench.statistics import Interval, differences, mean
from bench.timing.rows import Row
from reports.figures.direct_labels import Box, at_points
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.style import (
    CARD,
    INK,
    MUTED,
    RULE,
    WIDTH,
    SeriesStyle,
    canvas,
    logarithmic,
    series_styles,
)
from reports.figures.text import distinct, drawable, listed, short
from reports.formatting import MEBI, memory
from reports.load.intervals import interval
from reports.load.results import SHORT, Group, Results
from reports.load.speeds import Timed
from reports.load.standings import MANY
from reports.load.timings import CommonTimings, all_machines, common, provenance
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

TITLE = "Quality against time"
LEAST_AREA, LARGEST_AREA = 16.0, 150.0  # square points
LONGEST = 19  # letters of a name
MOST_NAMED = 16  # of more models, those on the front and the reference are named
SIZE = 512
REFERENCE = "bicubic"
BAR = 3.0  # pixels of the card on each side of a bar that a name keeps free
UNSTEADY = 0.5  # interquartile range over median, above which a time is none


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model and its time for one image.

    Attributes:
        value: mean difference to the reference, over the images that both have.
        interval: 95 %, paired; None for the reference itself, and where there are too few images.
    """

    model: str
    value: float
    interval: Interval | None
    row: Row

    @property
    def seconds(self) -> float:
        return self.row.seconds or 0.0


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A metric's points. `reference`: the model that the others are compared with."""

    metric: MetricInfo
    reference: str
    points: Sequence[Point]

    @property
    def front(self) -> list[Point]:
        return front(self.points, higher_is_better=self.metric.higher_is_better)


@dataclass(frozen=True, kw_only=True)
class Fronts:
    """A group's models by time, a panel for each metric."""

    group: Group
    common: CommonTimings
    unsteady: tuple[str, ...]
    panels: Sequence[Panel]

    @property
    def title(self) -> str:
        return _title(self.group)

    @property
    def shown(self) -> list[str]:
        found = {point.model for panel in self.panels for point in panel.points}
        return [model for model in self.group.models if model in found]

    def draw(self) -> Canvas:
        card = canvas(WIDTH, 3.4)
        axes = card.subplots(1, len(self.panels), squeeze=False)[0]
        look = series_styles(self.shown)
        rows = [point.row for panel in self.panels for point in panel.points]
        most = max(int(row.peak_memory_bytes or 0) for row in rows)
        for place, panel in zip(axes, self.panels, strict=True):
            _panel(place, panel, most, look)
        _legend(card, axes[0], most, hollow=any(row.warnings for row in rows))
        card.draw_without_rendering()  # names need the axes as they will be
        for place, panel in zip(axes, self.panels, strict=True):
            _name(place, panel, most)
        return card

    def caption(self) -> str:
        row = next(iter(self.common.rows.values()))
        rest = [m for m in self.group.models if m not in {*self.shown, *self.unsteady}]
        missing = f" Not shown for want of a time or a finite mean: {listed(rest)}." if rest else ""
        if self.unsteady:
            missing += (
                " Not shown since the middle half of their times spans over half of the median: "
                f"{listed(self.unsteady)}."
            )
        meaning = drawable(
            str(provenance(row).get("peak_memory", {}).get("meaning", "as the provenance record says"))
        )
        references = listed(dict.fromkeys(panel.reference for panel in self.panels))
        warned = [m for m in self.shown if self.common.rows[m].warnings]
        hollow = (
            f" Hollow, because its time has a warning (table of times): {listed(warned)}." if warned else ""
        )
        return (
            f"Mean difference to {references} over {len(self.group.images)} images of {drawable(self.group.title)}, "
            f"against the median time for an image of {self.common.size}x{self.common.size} pixels on "
            f"{drawable(self.common.machine)} ({row.environment_hash[:SHORT]}), plain eager float32. The area of a marker "
            f"is its memory ({meaning}). Bars are 95 % bootstrap intervals: of the paired difference, and of the median "
            f"time. "
            f"No model beats those on the dashed front in both time and quality.{hollow}{missing}"
        )

    def alt(self) -> str:
        """Who is on the front, in words."""
        return " ".join(
            f"{drawable(panel.metric.name)} against seconds for {len(panel.points)} models; on the Pareto front, fastest "
            f"first: {listed(point.model for point in panel.front)}."
            for panel in self.panels
        )


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """One for each group: drawn where at least two of its models were timed together."""
    found = all_machines(results)
    for group in results.groups:
        if (
            len(group.models) > MANY
        ):  # more than can be named beside their points; those have fronts of their own
            continue
        shared = common(found, group)
        unsteady = tuple(m for m, timed in shared.timed.items() if _unsteady(timed)) if shared else ()
        rows = {m: row for m, row in shared.rows.items() if m not in unsteady} if shared else {}
        drawn = [each for m in _metrics(group) if len((each := _compared(group, m, rows)).points) > 1]
        if shared and drawn:
            fronts = Fronts(group=group, common=shared, unsteady=unsteady, panels=drawn)
            yield drawing(f"pareto-{group.id}", fronts)
        else:
            yield _absent(group)


def _metrics(group: Group) -> list[MetricInfo]:
    """PSNR, and the first metric of which less is better: a distance of features."""
    psnr = [metric for metric in group.metrics if metric.name == "psnr"]
    return [*psnr, *[metric for metric in group.metrics if not metric.higher_is_better][:1]]


def _unsteady(timed: Timed) -> bool:
    """Whether the middle half of its repetitions spans more than half of their median."""
    if len(timed.seconds) < 2:
        return False
    low, middle, high = quantiles(timed.seconds, n=4, method="inclusive")
    return high - low > UNSTEADY * middle


def _compared(group: Group, metric: MetricInfo, rows: Mapping[str, Row]) -> Panel:
    """Every model that was timed beside bicubic, or beside the worst where there is no bicubic."""
    scored = [model for model in group.models if len(group.column(model, metric.name))]
    reference = REFERENCE if REFERENCE in scored else next(iter(scored), "")
    made = (_point(group, metric, model, reference, rows) for model in scored)
    return Panel(metric=metric, reference=reference, points=[point for point in made if point is not None])


def _point(
    group: Group, metric: MetricInfo, model: str, reference: str, rows: Mapping[str, Row]
) -> Point | None:
    """None without a time, an image that both have, or a finite mean."""
    ours, theirs = group.column(model, metric.name), group.column(reference, metric.name)
    images = ours.index.intersection(theirs.index)
    if model not in rows or images.empty or not any(map(isfinite, ours)):
        return None
    moved = differences(tuple(theirs[images]), tuple(ours[images]))
    middle = mean(moved)
    if middle is None or not isfinite(middle):
        return None
    ends = None if model == reference else interval(moved)
    return Point(model=model, value=middle, interval=ends, row=rows[model])


def front(points: Sequence[Point], *, higher_is_better: bool) -> list[Point]:
    """Those that no other beats in one of time and quality without being worse in the other; the fastest first."""
    sign = 1 if higher_is_better else -1
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.seconds, -sign * p.value)):
        if not kept or sign * point.value > sign * kept[-1].value:
            kept.append(point)
    return kept


def _title(group: Group) -> str:
    return f"{TITLE}: {drawable(group.title)}"


def _absent(group: Group) -> Figure:
    command = ["python", "-m", "bench.speed", "--models", *group.models, "--sizes", str(SIZE)]
    return missing(
        f"pareto-{group.id}",
        _title(group),
        "fewer than two of its models were timed in their plain variant at one size on one machine",
        shlex.join([*command, "--scale", str(group.scale)]),
    )


def _panel(axes: Axes, panel: Panel, most: int, look: Mapping[str, SeriesStyle]) -> None:
    best = panel.front
    axes.step(
        [p.seconds for p in best],
        [p.value for p in best],
        where="post",
        color=MUTED,
        ls="--",
        lw=0.9,
        zorder=1,
    )
    for point in sorted(panel.points, key=lambda p: -_area(p, most)):
        _mark(axes, point, most, look[point.model])
    axes.set_xscale("log")
    axes.margins(x=0.3, y=0.12)
    logarithmic(axes, "x")
    axes.set_xlabel("seconds for one image")
    metric = panel.metric
    better = "more" if metric.higher_is_better else "less"
    unit = f", {metric.unit}" if metric.unit else ""
    name = metric.name.upper() if metric.higher_is_better else metric.name
    axes.set_title(f"{drawable(name)}{drawable(unit)} ({better} is better)", fontweight="normal")
    axes.set_ylabel(f"difference to {short(panel.reference, LONGEST)}")


def _mark(axes: Axes, point: Point, most: int, look: SeriesStyle) -> None:
    """The marker, hollow where its time has a warning, and its two intervals."""
    axes.errorbar(
        point.seconds,
        point.value,
        xerr=_reach(point.seconds, point.row.ci),
        yerr=_reach(point.value, point.interval),
        color=look.colour,
        elinewidth=0.8,
        capsize=1.5,
        capthick=0.8,
        zorder=2,
    )
    axes.scatter(
        [point.seconds],
        [point.value],
        s=_area(point, most),
        marker=look.marker,
        facecolor=CARD if point.row.warnings else look.colour,
        edgecolor=look.colour,
        linewidth=1.0,
        zorder=3,
    )


def _name(axes: Axes, panel: Panel, most: int) -> None:
    """Every point's name; of many models, those of the front and the reference."""
    named = panel.points
    if len(named) > MOST_NAMED:
        kept = {panel.reference, *(point.model for point in panel.front)}
        named = [point for point in named if point.model in kept]
    names = distinct([point.model for point in named], LONGEST)
    at_points(
        axes,
        [(p.seconds, p.value, names[p.model], sqrt(_area(p, most) / pi)) for p in named],
        [*(box for point in panel.points for box in _bars(axes, point)), *_steps(axes, panel.front)],
    )


def _steps(axes: Axes, best: Sequence[Point]) -> Iterator[Box]:
    """Where the dashed line lies, in pixels of the card."""
    for one, other in pairwise(best):
        for ends in (
            [(one.seconds, one.value), (other.seconds, one.value)],
            [(other.seconds, one.value), (other.seconds, other.value)],
        ):
            (x, y), (x2, y2) = axes.transData.transform(ends)
            yield Box(min(x, x2) - BAR, min(y, y2) - BAR, max(x, x2) + BAR, max(y, y2) + BAR)


def _bars(axes: Axes, point: Point) -> Iterator[Box]:
    """Where a point's marker and intervals lie, in pixels of the card."""
    low, high = point.row.ci or (point.seconds, point.seconds)
    least, most = point.interval or (point.value, point.value)
    for across, up in (((low, high), (point.value,) * 2), ((point.seconds,) * 2, (least, most))):
        (left, bottom), (right, top) = axes.transData.transform(list(zip(across, up, strict=True)))
        yield Box(left - BAR, bottom - BAR, right + BAR, top + BAR)


def _reach(middle: float, interval: Interval | None) -> Any:
    """What matplotlib wants of an interval: how far it reaches down and up."""
    if interval is None:
        return None
    return [[max(0.0, middle - interval[0])], [max(0.0, interval[1] - middle)]]


def _area(point: Point, most: int) -> float:
    return area(point.row.peak_memory_bytes or 0, most)


def area(count: float, most: float) -> float:
    """Of a marker, in square points, in proportion to memory above a least that can still be seen."""
    return max(LEAST_AREA, LARGEST_AREA * count / most) if most > MEBI else LEAST_AREA


def _legend(card: Canvas, axes: Axes, most: int, *, hollow: bool) -> None:
    """What the line, hollow markers and areas mean."""
    (line,) = axes.plot([], [], color=MUTED, ls="--", lw=0.9, label="Pareto front")
    marks = [("median time", 36.0, INK), ("with a warning", 36.0, CARD)] if hollow else []
    sizes = [most, most / 4] if most > MEBI else []
    marks += [(memory(count), area(count, most), RULE) for count in sizes]
    circles = [
        axes.scatter([], [], s=size, facecolor=face, edgecolor=INK, linewidth=0.8, label=label)
        for label, size, face in marks
    ]
    card.legend(handles=[line, *circles], loc="outside lower center", ncols=5)
