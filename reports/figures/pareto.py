"""Quality against time, memory as the area of the marker: which models no other beats on both."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from bench.records import MetricInfo
from bench.statistics import Interval, mean
from bench.timing.rows import Row
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.style import INK, MUTED, WIDTH, Look, canvas, logarithmic, looks
from reports.figures.text import distinct, listed, printable
from reports.figures.timings import EAGER, all_machines, certificate, input_size, newest
from reports.formatting import MEBI, memory
from reports.load.intervals import interval
from reports.load.results import SHORT, Group, Results
from reports.load.speeds import Machine, Timed
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

TITLE = "Quality against time"
LEAST_AREA, LARGEST_AREA = 16.0, 150.0  # square points
PER_LINE, LONGEST = 4, 19
SIZE = 512


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model: `value` of the metric, mean over the images, and its time for one image."""

    model: str
    value: float
    interval: Interval | None
    row: Row

    @property
    def seconds(self) -> float:
        return self.row.seconds or 0.0


@dataclass(frozen=True, kw_only=True)
class Common:
    """Where and at which size most of a group's models were timed; `rows` by model."""

    machine: str
    size: int
    rows: Mapping[str, Row]


@dataclass(frozen=True, kw_only=True)
class Fronts:
    """A group's models by time, a panel for each metric."""

    group: Group
    common: Common
    panels: Mapping[MetricInfo, Sequence[Point]]
    look: Mapping[str, Look]

    @property
    def title(self) -> str:
        return _title(self.group)

    def draw(self) -> Canvas:
        found = {point.model for points in self.panels.values() for point in points}
        shown = [model for model in self.group.models if model in found]
        # 3: the front, and two sizes of markers.
        card = canvas(WIDTH, 3.1 + 0.16 * -(-(len(shown) + 3) // PER_LINE))
        axes = card.subplots(1, len(self.panels), squeeze=False)[0]
        most = max(
            int(point.row.peak_memory_bytes or 0) for points in self.panels.values() for point in points
        )
        for place, (metric, points) in zip(axes, self.panels.items(), strict=True):
            _panel(place, metric, points, most, self.look)
        _legend(card, axes[0], {model: self.look[model] for model in shown}, most)
        return card

    def caption(self) -> str:
        row = next(iter(self.common.rows.values()))
        shown = {point.model for points in self.panels.values() for point in points}
        rest = [model for model in self.group.models if model not in shown]
        missing = f" Not shown for want of a time or a finite mean: {listed(rest)}." if rest else ""
        meaning = printable(
            str(certificate(row).get("peak_memory", {}).get("meaning", "as the certificate says"))
        )
        return (
            f"Mean over {len(self.group.images)} images of {printable(self.group.title)} against the median time for "
            f"an image of "
            f"{self.common.size}x{self.common.size} pixels on {printable(self.common.machine)} "
            f"({row.environment_hash[:SHORT]}), plain eager "
            f"float32. The area of a marker is its memory ({meaning}). Bars are 95 % bootstrap intervals: of the mean over "
            f"images, and of the median time. No model beats those on the dashed front in both time and quality.{missing}"
        )

    def alt(self) -> str:
        """Who is on the front, in words."""
        parts = []
        for metric, points in self.panels.items():
            best = front(points, higher_is_better=metric.higher_is_better)
            parts.append(
                f"{printable(metric.name)} against seconds for {len(points)} models; on the Pareto front, fastest first: "
                f"{listed(point.model for point in best)}."
            )
        return " ".join(parts)


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """One for each group: drawn where at least two of its models were timed together."""
    look = looks([model for group in results.groups for model in group.models])
    found = all_machines(results)
    for group in results.groups:
        common = _common(found, group)
        panels = {m: _points(group, m, common.rows) for m in _metrics(group)} if common else {}
        drawn = {metric: points for metric, points in panels.items() if len(points) > 1}
        if common and drawn:
            fronts = Fronts(group=group, common=common, panels=drawn, look=look)
            yield drawing(f"pareto-{group.id}", fronts)
        else:
            yield _absent(group)


def _metrics(group: Group) -> list[MetricInfo]:
    """PSNR, and the first metric of which less is better: a distance of features."""
    psnr = [metric for metric in group.metrics if metric.name == "psnr"]
    return [*psnr, *[metric for metric in group.metrics if not metric.higher_is_better][:1]]


def _common(found: Sequence[Machine], group: Group) -> Common | None:
    """The machine and size with most models; of equal ones the larger size, then the machine that comes first."""

    def wanted(row: Row) -> bool:
        # A time per image in a batch is none of one image.
        alone = certificate(row).get("protocol", {}).get("batch") == 1
        # A model of another scale makes the same size from another input.
        fits = row.size // group.scale == input_size(row)
        return row.method in group.models and row.variant == EAGER and fits and alone

    best: Common | None = None
    for machine in found:
        for size, timed in _by_size(newest(machine.timed, wanted)).items():
            rows = {one.row.method: one.row for one in timed}
            if best is None or (len(rows), size) > (len(best.rows), best.size):
                best = Common(machine=machine.name, size=size, rows=rows)
    return best


def _by_size(timed: Sequence[Timed]) -> dict[int, list[Timed]]:
    sizes: dict[int, list[Timed]] = {}
    for one in timed:
        sizes.setdefault(one.row.size, []).append(one)
    return sizes


def _points(group: Group, metric: MetricInfo, rows: Mapping[str, Row]) -> list[Point]:
    """Without those whose mean is not a finite number."""
    found = []
    for model in group.models:
        values = tuple(group.column(model, metric.name))
        middle = mean(values) if values else None
        if model in rows and middle is not None and isfinite(middle):
            found.append(Point(model=model, value=middle, interval=interval(values), row=rows[model]))
    return found


def front(points: Sequence[Point], *, higher_is_better: bool) -> list[Point]:
    """Those that no other beats in one of time and quality without being worse in the other; the fastest first."""
    sign = 1 if higher_is_better else -1
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.seconds, -sign * p.value)):
        if not kept or sign * point.value > sign * kept[-1].value:
            kept.append(point)
    return kept


def _title(group: Group) -> str:
    return f"{TITLE}: {printable(group.title)}"


def _absent(group: Group) -> Figure:
    command = ["python", "-m", "bench.speed", "--models", *group.models, "--sizes", str(SIZE)]
    return missing(
        f"pareto-{group.id}",
        _title(group),
        "fewer than two of its models were timed in their plain form at one size on one machine",
        shlex.join([*command, "--scale", str(group.scale)]),
    )


def _panel(
    axes: Axes, metric: MetricInfo, points: Sequence[Point], most: int, look: Mapping[str, Look]
) -> None:
    best = front(points, higher_is_better=metric.higher_is_better)
    axes.step(
        [p.seconds for p in best],
        [p.value for p in best],
        where="post",
        color=MUTED,
        ls="--",
        lw=0.9,
        zorder=1,
    )
    # Large ones first, so that they cover nothing.
    for point in sorted(points, key=lambda p: -_area(p, most)):
        _mark(axes, point, most, look[point.model], on_front=point in best)
    axes.set_xscale("log")
    axes.margins(x=0.1, y=0.1)
    logarithmic(axes, "x")
    axes.set_xlabel("seconds for one image")
    better = "more" if metric.higher_is_better else "less"
    unit = f", {metric.unit}" if metric.unit else ""
    name = metric.name.upper() if metric.higher_is_better else metric.name
    axes.set_title(f"{printable(name)}{printable(unit)} ({better} is better)", fontweight="normal")


def _mark(axes: Axes, point: Point, most: int, look: Look, *, on_front: bool) -> None:
    """The marker, filled on the front, and its two intervals."""
    axes.errorbar(
        point.seconds,
        point.value,
        xerr=_reach(point.seconds, point.row.ci),
        yerr=_reach(point.value, point.interval),
        color=look.colour,
        elinewidth=0.7,
        capsize=1.5,
        capthick=0.7,
        alpha=0.5,
        zorder=2,
    )
    axes.scatter(
        [point.seconds],
        [point.value],
        s=_area(point, most),
        marker=look.marker,
        facecolor=look.colour if on_front else "none",
        edgecolor=look.colour,
        linewidth=1.0,
        zorder=3,
    )


def _reach(middle: float, interval: Interval | None) -> Any:
    """What matplotlib wants of an interval: how far it reaches down and up."""
    if interval is None:
        return None
    return [[max(0.0, middle - interval[0])], [max(0.0, interval[1] - middle)]]


def _area(point: Point, most: int) -> float:
    return area(point.row.peak_memory_bytes or 0, most)


def area(count: float, most: float) -> float:
    """Of a marker, in square points, in proportion to memory above a least that can still be seen."""
    # Below a MiB in all there is nothing to tell apart.
    return max(LEAST_AREA, LARGEST_AREA * count / most) if most > MEBI else LEAST_AREA


def _legend(card: Canvas, axes: Axes, look: Mapping[str, Look], most: int) -> None:
    """Which marker is which model, and what the areas mean."""
    names = distinct(look, LONGEST)
    models = [
        axes.plot([], [], ls="none", marker=own.marker, color=own.colour, ms=5, label=names[model])[0]
        for model, own in look.items()
    ]
    (line,) = axes.plot([], [], color=MUTED, ls="--", lw=0.9, label="Pareto front, filled")
    circles = [
        axes.scatter(
            [], [], s=area(count, most), facecolor="none", edgecolor=INK, linewidth=0.8, label=memory(count)
        )
        for count in ([most, most / 4] if most > MEBI else [])
    ]
    card.legend(handles=[*models, line, *circles], loc="outside lower center", ncols=PER_LINE)
