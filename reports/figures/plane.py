"""The perception-distortion plane: PSNR against what stands for perception, and the models that nobody beats in both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records import MetricInfo
from reports.figures.drawing import Drawing, drawing
from reports.figures.labels import KNOWN, cloud, label, limits, middle
from reports.figures.style import BLUE, SMALL, WIDTH, canvas
from reports.figures.text import drawable
from reports.formatting import listed
from reports.load.results import Group, Results
from reports.load.standings import MANY, PSNR, Ranking, front, kendall, leading_groups, perceptual

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

HEIGHT, PANELS = 2.9, 4
NAMED = 12
ROOM = 0.12  # of the range, around it


@dataclass(frozen=True, kw_only=True)
class Panel:
    """PSNR (x) and a perceptual metric (y) of every model that has both, on the largest data set that has both."""

    metric: MetricInfo
    group: Group
    points: Mapping[str, tuple[float, float]]
    front: Sequence[str]
    tau: float

    @property
    def near(self) -> Mapping[str, tuple[float, float]]:
        """Those that are not far from all others."""
        return middle(self.points)

    @property
    def spread(self) -> bool:
        """Whether some are far from all others, so that these lie in a heap."""
        return len(self.near) < len(self.points)


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A group's panels."""

    group: Group
    panels: Sequence[Panel]

    @property
    def title(self) -> str:
        return f"Perception against distortion: {drawable(self.group.title)}"

    def draw(self) -> Canvas:
        """A row for each metric where some models are far from all others: all of them, then those that are not."""
        pairs = any(panel.spread for panel in self.panels)
        columns = 2 if pairs else min(2, len(self.panels))
        rows = len(self.panels) if pairs else math.ceil(len(self.panels) / columns)
        card = canvas(WIDTH, HEIGHT * rows)
        axes = card.subplots(rows, columns, squeeze=False)
        first = axes[:, 0] if pairs else axes.flat
        shown = [(place, panel, panel.points) for place, panel in zip(first, self.panels, strict=False)]
        if pairs:
            second = zip(axes[:, 1], self.panels, strict=True)
            shown += [(place, panel, panel.near) for place, panel in second if panel.spread]
        for place in axes.flat:
            place.set_visible(any(place is one for one, _, _ in shown))
        for place, panel, points in shown:
            _panel(place, panel, points)
        card.draw_without_rendering()  # the names need the final size of the axes
        for place, panel, points in shown:
            known = [name for name in KNOWN if name in points]
            heap = panel.spread and points is panel.points
            names = [name for name in points if name not in panel.near] if heap else panel.front
            line = [panel.points[model] for model in panel.front]
            label(place, points, (*known, *names), line)
        return card

    def caption(self) -> str:
        fronts = " ".join(_sentence(panel, self.group) for panel in self.panels)
        pairs = any(panel.spread for panel in self.panels)
        near = " Right: the same without those that are far from all others." if pairs else ""
        return (
            f"Means over {len(self.group.images)} images; right and down is better. Blue: no other model is as good in "
            f"both and better in one.{near} {fronts}"
        )

    def alt(self) -> str:
        metrics = listed(drawable(panel.metric.name) for panel in self.panels)
        return f"PSNR against {metrics}, a point a model. {self.caption()}"


def drawings(results: Results) -> Iterator[Drawing]:
    """One for the largest data set of each protocol with many models; none for the others.

    A metric that was not measured there is shown on the largest data set that has it.
    """
    for group in leading_groups(results):
        same = [each for each in results.groups if each.protocol.hash == group.protocol.hash]
        others = sorted(
            (each for each in same if each is not group and len(each.models) > MANY),
            key=lambda each: -len(each.images),
        )
        panels: dict[str, Panel] = {}
        for each in (group, *others):
            for info in perceptual(each.metrics):
                if info.name not in panels and (panel := _points(each, info)) is not None:
                    panels[info.name] = panel
        if panels:
            yield drawing(f"plane-{group.id}", Plane(group=group, panels=[*panels.values()][:PANELS]))


def _points(group: Group, info: MetricInfo) -> Panel | None:
    points = {}
    for model in group.models:
        x, y = group.column(model, PSNR), group.column(model, info.name)
        if len(x) == len(y) == len(group.images) and all(map(math.isfinite, (*x, *y))):
            points[model] = (float(x.mean()), float(y.mean()))
    if len(points) < 2:
        return None
    best = sorted(front(points, higher=(True, False)), key=lambda model: -points[model][0])
    by_psnr = Ranking(title=PSNR, means={model: x for model, (x, _) in points.items()})
    by_other = Ranking(title=info.name, means={model: -y for model, (_, y) in points.items()})
    return Panel(metric=info, group=group, points=points, front=best, tau=kendall(by_psnr, by_other)[0])


def _sentence(panel: Panel, leader: Group) -> str:
    """How far PSNR predicts the metric, and who is on the front."""
    name = drawable(panel.metric.name)
    where = "" if panel.group is leader else f" on {drawable(panel.group.dataset)}"
    tau = "" if math.isnan(panel.tau) else f"Kendall's tau of PSNR against {name}{where}: {panel.tau:.2f}. "
    more = " and more." if len(panel.front) > NAMED else "."
    verb = "is" if len(panel.front) == 1 else "are"
    return (
        f"{tau}{len(panel.front)} of {len(panel.points)} models {verb} beaten by none in both: "
        f"{listed(drawable(model) for model in panel.front[:NAMED])}{more}"
    )


def _panel(axes: Axes, panel: Panel, points: Mapping[str, tuple[float, float]]) -> None:
    cloud(axes, points, front=panel.front)
    if len(panel.front) > 1:
        xs, ys = zip(*(panel.points[model] for model in panel.front), strict=True)
        axes.plot(xs, ys, color=BLUE, lw=0.8, zorder=1)
    xs, ys = zip(*points.values(), strict=True)
    axes.set_xlim(*limits(xs, ROOM))
    axes.set_ylim(*limits(ys, ROOM))
    axes.set_xlabel(f"PSNR, dB (more is better), {drawable(panel.group.dataset)}", fontsize=SMALL)
    axes.set_ylabel(f"{drawable(panel.metric.name)} (less is better)", fontsize=SMALL)
