"""What predicts the time of many networks: their parameters, operations or activations against the measured seconds."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.labels import KNOWN, cloud, label, log_limits, middle
from reports.figures.style import SMALL, WIDTH, canvas, logarithmic
from reports.figures.text import drawable, listed
from reports.load.costs import Prediction, prediction_sentence, predictions
from reports.load.results import Group, Results
from reports.load.standings import leading_groups
from reports.load.timings import CommonTimings, all_machines, common
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

HEIGHT = 2.6
SIZE = 1024
OUTLIERS = 3  # named, a panel
CROWDED = 30.0  # times from the least to the largest


@dataclass(frozen=True, kw_only=True)
class Predictors:
    """A panel for each count: seconds above it, a point a model."""

    group: Group
    common: CommonTimings
    found: Sequence[Prediction]

    @property
    def title(self) -> str:
        return _title(self.group)

    def draw(self) -> Canvas:
        card = canvas(WIDTH, HEIGHT)
        panels = card.subplots(1, len(self.found), squeeze=False, sharey=True)[0]
        for axes, each in zip(panels, self.found, strict=True):
            _panel(axes, each, self.common)
        near = [y for each in self.found for _, y in middle(each.points, logarithmic=True).values()]
        panels[0].set_ylim(*log_limits(near))
        logarithmic(panels[0], "y")
        panels[0].set_ylabel("seconds for one image", fontsize=SMALL)
        card.draw_without_rendering()  # the names need the final size of the axes
        for axes, each in zip(panels, self.found, strict=True):
            label(axes, each.points, [*each.farthest[:OUTLIERS], *(m for m in each.points if m in KNOWN)])
        return card

    def caption(self) -> str:
        shared = self.common
        hollow = any(row.warnings for row in shared.rows.values())
        far = {
            m for each in self.found for m in each.points if m not in middle(each.points, logarithmic=True)
        }
        return (
            f"{prediction_sentence(self.found)} 1: of two models, that with more of it is always slower; 0: no relation. "
            f"Seconds for one image of {shared.size}x{shared.size} pixels on {drawable(shared.machine)}, plain eager "
            f"float32. Named: those whose rank by time differs most from that by the count."
            + (" Hollow: timed with a warning." if hollow else "")
            + (f" Far from all others and off the axes: {listed(sorted(far))}." if far else "")
        )

    def alt(self) -> str:
        return f"Seconds against each count, a point a model. {prediction_sentence(self.found)}"


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """One for each protocol with many models; a line instead where no three of them have a time and a count."""
    for group in leading_groups(results):
        shared = common(all_machines(results), group)
        found = predictions(shared) if shared else ()
        name = f"predictors-{group.id}"
        if shared and found:
            yield drawing(name, Predictors(group=group, common=shared, found=found))
        else:
            command = [
                "python",
                "-m",
                "bench.speed",
                "--card",
                "--models",
                *group.models,
                "--sizes",
                str(SIZE),
            ]
            yield missing(
                name,
                _title(group),
                "fewer than three of its models have a time and counts of parameters, FLOPs or activations",
                shlex.join([*command, "--scale", str(group.scale)]),
            )


def _title(group: Group) -> str:
    return f"What predicts the time: networks for x{group.scale}, protocol {drawable(group.protocol.name)}"


def _panel(axes: Axes, each: Prediction, shared: CommonTimings) -> None:
    hollow = {model for model in each.points if shared.rows[model].warnings}
    cloud(axes, each.points, front=(), hollow=hollow)
    xs, _ = zip(*middle(each.points, logarithmic=True).values(), strict=True)
    low, high = log_limits(xs)
    axes.set_xlim(low, high)
    logarithmic(axes, "x", ticks=_few_ticks(low, high))
    axes.set_xlabel(each.cost.title, fontsize=SMALL)
    axes.set_title(f"tau {each.tau:.2f}".replace("-", "\N{MINUS SIGN}"))


def _few_ticks(low: float, high: float) -> list[float]:
    """1 and 3 of each decade where a narrow panel has no room for the usual ones; else empty."""
    if high < CROWDED * low:
        return []
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for k in decades for tick in (10.0**k, 3 * 10.0**k) if low <= tick <= high]
