"""The perception-distortion plane: PSNR against what stands for perception, and the models that nobody beats in both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records import MetricInfo
from reports.figures.drawing import Drawing, drawing
from reports.figures.style import BLUE, MUTED, SMALL, VERMILLION, WIDTH, canvas
from reports.figures.text import printable
from reports.formatting import listed
from reports.load.results import Group, Results
from reports.load.standings import PSNR, front, leading_groups, perceptual

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

HEIGHT, PANELS = 3.4, 3  # inches; most metrics
KNOWN = ("nearest", "bicubic", "srcnn-955", "sr-pixel", "sr-feature")  # named wherever they lie
# Of a name beside its point: offset in points, and which corner of the text is there.
PLACES = (
    (4, 3, "left", "bottom"),
    (-4, 3, "right", "bottom"),
    (4, -3, "left", "top"),
    (-4, -3, "right", "top"),
)
FARTHER = 3  # times as far, where no near place is free
NAMED = 12


@dataclass(frozen=True, kw_only=True)
class Panel:
    """PSNR (x) and a perceptual metric (y) of every model that has both."""

    metric: MetricInfo
    points: Mapping[str, tuple[float, float]]
    front: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A group's panels."""

    group: Group
    panels: Sequence[Panel]

    @property
    def title(self) -> str:
        return f"Perception against distortion: {printable(self.group.title)}"

    def draw(self) -> Canvas:
        card = canvas(
            WIDTH, HEIGHT if len(self.panels) == 1 else HEIGHT * 0.85 * math.ceil(len(self.panels) / 2)
        )
        columns = min(2, len(self.panels))
        axes = card.subplots(math.ceil(len(self.panels) / columns), columns, squeeze=False).flatten()
        for panel, place in zip(self.panels, axes, strict=False):
            _panel(place, panel)
        for place in axes[len(self.panels) :]:
            place.set_visible(False)
        card.draw_without_rendering()  # the labels need the final size of the axes
        for panel, place in zip(self.panels, axes, strict=False):
            _label(place, panel)
        return card

    def caption(self) -> str:
        fronts = " ".join(
            f"By {printable(panel.metric.name)}, {len(panel.front)} of {len(panel.points)} models are beaten by none in "
            f"both: "
            f"{listed(printable(name) for name in panel.front[:NAMED])}"
            + (" and more." if len(panel.front) > NAMED else ".")
            for panel in self.panels
        )
        return (
            f"Means over {len(self.group.images)} images; right and down is better. Filled: no other model is as good in "
            f"both and better in one. {fronts}"
        )

    def alt(self) -> str:
        metrics = listed(printable(panel.metric.name) for panel in self.panels)
        return f"PSNR against {metrics}, a point a model. {self.caption()}"


def drawings(results: Results) -> Iterator[Drawing]:
    """One for the largest data set of each protocol with many models; none for the others."""
    for group in leading_groups(results):
        panels = [panel for info in perceptual(group.metrics) if (panel := _points(group, info)) is not None]
        if panels:
            yield drawing(f"plane-{group.id}", Plane(group=group, panels=panels[:PANELS]))


def _points(group: Group, info: MetricInfo) -> Panel | None:
    points = {}
    for model in group.models:
        x, y = group.column(model, PSNR), group.column(model, info.name)
        if len(x) == len(y) == len(group.images) and all(map(math.isfinite, (*x, *y))):
            points[model] = (float(x.mean()), float(y.mean()))
    if len(points) < 2:
        return None
    best = sorted(front(points, higher=(True, False)), key=lambda model: -points[model][0])
    return Panel(metric=info, points=points, front=best)


def _panel(axes: Axes, panel: Panel) -> None:
    for model, (x, y) in panel.points.items():
        ahead, known = model in panel.front, model in KNOWN
        colour = VERMILLION if known else BLUE
        axes.scatter(
            [x],
            [y],
            s=20 if ahead or known else 12,
            facecolor=colour if ahead else "none",
            edgecolor=colour,
            linewidth=0.8,
        )
    if len(panel.front) > 1:
        xs, ys = zip(*(panel.points[model] for model in panel.front), strict=True)
        axes.plot(xs, ys, color=MUTED, lw=0.7, ls="--", zorder=0)
    axes.margins(0.12)
    axes.set_xlabel("PSNR, dB (more is better)")
    axes.set_ylabel(f"{printable(panel.metric.name)} (less is better)")


def _label(axes: Axes, panel: Panel) -> None:
    """Names of the front's models and of the well-known ones, each where it covers no point and no other name."""
    renderer = axes.get_figure(root=True).canvas.get_renderer()  # type: ignore[union-attr]
    dots = [tuple(axes.transData.transform(point)) for point in panel.points.values()]
    # Display pixels.
    taken: list[tuple[float, float, float, float]] = [(x - 3, y - 3, x + 3, y + 3) for x, y in dots]
    inside = axes.get_window_extent(renderer)
    for model in (*(name for name in KNOWN if name in panel.points), *panel.front):
        if any(text.get_text() == printable(model) for text in axes.texts):  # well-known and on the front
            continue
        for far in (1, FARTHER):
            if _placed(axes, panel, model, far, taken, inside, renderer):
                break


def _placed(axes, panel, model, far, taken, inside, renderer) -> bool:  # type: ignore[no-untyped-def]
    for dx, dy, ha, va in PLACES:
        text = axes.annotate(
            printable(model),
            panel.points[model],
            (dx * far, dy * far),
            textcoords="offset points",
            ha=ha,
            va=va,
            fontsize=SMALL - 1,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": MUTED} if far > 1 else None,
        )
        box = text.get_window_extent(renderer)
        edges = (box.x0, box.y0, box.x1, box.y1)
        free = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
        if free and not any(_overlap(edges, other) for other in taken):
            taken.append(edges)
            return True
        text.remove()
    return False


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
