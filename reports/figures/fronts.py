"""Many models: each quality against each cost, the Pareto front, and whether its steps are real."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.records import MetricInfo
from bench.statistics import Interval
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.labels import KNOWN, cloud, label, limits, log_limits, usual
from reports.figures.style import BLUE, SMALL, WIDTH, canvas, logarithmic
from reports.figures.text import drawable, listed
from reports.formatting import counted
from reports.load.costs import COUNTS, MEMORY, TIME, Costs, Front, Place, costs, front_metrics, gains
from reports.load.paper import METRIC_TITLES
from reports.load.results import Group, Results, anchor
from reports.load.standings import leading_groups
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

HEIGHT, COLUMNS = 2.7, 2  # inches of a row of panels
SIZE = 1024
Gains = Mapping[tuple[str, str], Interval | None]


@dataclass(frozen=True, kw_only=True)
class Fronts:
    """One metric against every cost that the results hold: a panel for each.

    Attributes:
        gains: intervals of the paired differences, by model and the one it stands against.
    """

    known: Costs
    metric: MetricInfo
    fronts: Sequence[Front]
    gains: Gains

    @property
    def title(self) -> str:
        return _title(self.metric, self.known.group)

    def draw(self) -> Canvas:
        columns = min(COLUMNS, len(self.fronts))
        rows = math.ceil(len(self.fronts) / columns)
        card = canvas(WIDTH, HEIGHT * rows)
        panels = card.subplots(rows, columns, squeeze=False).flatten()
        for axes, front in zip(panels, self.fronts, strict=False):
            _panel(axes, front, self.gains, self._range)
        for axes in panels[len(self.fronts) :]:
            axes.set_visible(False)
        card.draw_without_rendering()  # the names need the final size of the axes
        for axes, front in zip(panels, self.fronts, strict=False):
            known = [p.model for p in front.places if p.model in KNOWN and not p.on_front]
            points = {place.model: (place.cost, place.value) for place in front.places}
            label(axes, points, [*(place.model for place in reversed(front.on)), *known], _corners(front))
        return card

    @property
    def _range(self) -> tuple[float, float]:
        """Of the metric, without what is far from all others."""
        return usual([place.value for front in self.fronts for place in front.places])

    def caption(self) -> str:
        shared, group = self.known.common, self.known.group
        return " ".join(
            (
                f"Mean over {counted(len(group.images), 'image')} of {drawable(group.title)} against what one image of "
                f"{shared.size}x{shared.size} pixels costs on {drawable(shared.machine)}, plain eager float32. "
                "Blue: no other model is as good in both and better in one; the line is the best to be had for a cost.",
                "Bars: 95 % bootstrap intervals of the mean paired difference over images to the neighbour on the front "
                "that costs less (paired, because images differ by more than models; to the neighbour, because the "
                "question is whether the next model is worth its cost). A bar that reaches down to the line: the step is "
                "not told from none.",
                *(_steps(front, self.gains) for front in self.fronts),
                *self._missing(),
            )
        )

    def _missing(self) -> Iterator[str]:
        """What is hollow, what lies off the axis, what was not drawn, and which costs the results do not hold."""
        places = {place.model: place for front in self.fronts for place in front.places}
        if any(place.row.warnings for place in places.values()):
            yield "Hollow: the time was measured with a warning (a wide interval, spread or drift)."
        low, high = self._range
        far = {model: place for model, place in places.items() if not low <= place.value <= high}
        if far:
            decimals = self.metric.decimals
            words = listed(f"{model} ({place.value:.{decimals}f})" for model, place in far.items())
            yield f"Far from all others and off the axis: {words}."
        shown = {front.cost for front in self.fronts}
        without = [cost.name for cost in COUNTS if cost not in shown]
        if without:
            yield f"Fewer than two models have {listed(without)}: bench.speed --card counts them."
        if MEMORY not in shown:
            yield "No front of memory: on a CPU the resident set ranks nothing, and bench.speed --card counts tensors."
        untimed = len(self.known.group.models) - len(places)
        if untimed:
            yield f"{counted(untimed, 'model')} without a time or with images missing: not drawn."

    def alt(self) -> str:
        """Who is on each front, in words."""
        metric = drawable(self.metric.name)
        return " ".join(
            f"{metric} against {front.cost.name} for {len(front.places)} models; on the Pareto front, cheapest first: "
            f"{listed(place.model for place in front.on)}."
            for front in self.fronts
        )


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """Of each protocol with many models, one for each metric; a line instead where no two models were timed together."""
    for group in leading_groups(results):
        known = costs(results, group)
        for metric in front_metrics(group):
            fronts = [front for front in known.fronts if front.metric == metric] if known else []
            name = f"fronts-{anchor(metric.name)}-{group.id}"
            if known and fronts:
                shown = Fronts(known=known, metric=metric, fronts=fronts, gains=gains(group, fronts))
                yield drawing(name, shown)
            else:
                yield _absent(name, metric, group)


def _absent(name: str, metric: MetricInfo, group: Group) -> Figure:
    command = ["python", "-m", "bench.speed", "--card", "--models", *group.models, "--sizes", str(SIZE)]
    return missing(
        name,
        _title(metric, group),
        "fewer than two of its models were timed in their plain variant at one size on one machine",
        shlex.join([*command, "--scale", str(group.scale)]),
    )


def _title(metric: MetricInfo, group: Group) -> str:
    return f"Pareto fronts of {_name(metric)}: {drawable(group.title)}"


def _steps(front: Front, found: Gains) -> str:
    """`Time: 16 of 84 models on the front, 4 of 15 steps told apart, 7 behind it not told from it.`"""
    on = front.on
    steps = [place for place in on if found.get((place.model, place.against))]
    apart = sum(not _level(place, found) for place in steps)
    behind = sum(not place.on_front and _level(place, found) for place in front.places)
    real = f", {apart} of {counted(len(steps), 'step')} told apart" if steps else ""
    tail = f", {behind} behind it not told from it" if behind else ""
    name = front.cost.name
    return f"{name[0].upper()}{name[1:]}: {len(on)} of {len(front.places)} models on the front{real}{tail}."


def _level(place: Place, found: Gains) -> bool:
    """Whether the interval of the difference to the front includes 0."""
    gain = found.get((place.model, place.against))
    return gain is not None and gain[0] <= 0 <= gain[1]


def _corners(front: Front) -> list[tuple[float, float]]:
    """Of the line that the front is: flat to the next model's cost, then straight to its value."""
    on = front.on
    corners = [(on[0].cost, on[0].value)]
    for before, place in pairwise(on):
        corners += [(place.cost, before.value), (place.cost, place.value)]
    return [*corners, (max(place.cost for place in front.places), on[-1].value)]


def _panel(axes: Axes, front: Front, found: Gains, near: tuple[float, float]) -> None:
    on = front.on
    axes.plot(*zip(*_corners(front), strict=True), color=BLUE, lw=0.8, zorder=1)
    by_name = {place.model: place for place in front.places}
    for place in on:
        gain, base = found.get((place.model, place.against)), by_name.get(place.against)
        if gain is not None and base is not None and near[0] <= base.value <= near[1]:
            axes.vlines(place.cost, base.value + gain[0], base.value + gain[1], color=BLUE, lw=1.2, zorder=2)
        if front.cost is TIME and place.row.ci:
            axes.hlines(place.value, *place.row.ci, color=BLUE, lw=1.2, zorder=2)
    cloud(
        axes,
        {place.model: (place.cost, place.value) for place in front.places},
        front={place.model for place in on},
        hollow={place.model for place in front.places if place.row.warnings},
    )
    visible = [place.cost for place in front.places if near[0] <= place.value <= near[1]]
    axes.set_xlim(*log_limits(visible or [place.cost for place in front.places]))
    axes.set_ylim(*limits(near))
    logarithmic(axes, "x")
    axes.set_xlabel(f"{front.cost.title} (less is better)", fontsize=SMALL)
    unit = f", {front.metric.unit}" if front.metric.unit else ""
    better = "more" if front.metric.higher_is_better else "less"
    axes.set_ylabel(f"{_name(front.metric)}{drawable(unit)} ({better} is better)", fontsize=SMALL)


def _name(metric: MetricInfo) -> str:
    return drawable(METRIC_TITLES.get(metric.name, metric.name))
