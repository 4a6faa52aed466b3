"""What each metric makes of errors whose size is known, shifts and noise (`bench.perturb`), relative to bicubic's error."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records import MetricInfo
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.style import COLOURS, MARKERS, MUTED, RULE, WIDTH, canvas
from reports.figures.text import drawable
from reports.formatting import number
from reports.load.results import Group, Results
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

KIND = re.compile(r"(shift|noise)-(\d+)")
REFERENCE = "bicubic"
ROW = 0.36  # inches of a metric
LEAST = 1e-4  # of bicubic's error; less is rounding of a copy that is exact
PERFECT = 1.0  # of the metrics of which more is better, but for PSNR
UNITS = {"shift": "pixels to the right", "noise": "levels of 255"}
Ratios = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A metric's error of each kind over its error of bicubic, means over the images that have both."""

    metric: str
    ratios: Ratios


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """A group's metrics as rows; of the kinds of perturbed copies those that have an error are drawn."""

    group: Group
    rows: Sequence[Row]
    kinds: Sequence[str]

    @property
    def title(self) -> str:
        return _title(self.group)

    @property
    def drawn(self) -> list[str]:
        return [kind for kind in self.kinds if any(row.ratios.get(kind) for row in self.rows)]

    def draw(self) -> Canvas:
        card = canvas(WIDTH, 0.95 + ROW * len(self.rows))
        axes = card.subplots()
        for k, kind in enumerate(self.drawn):
            # A logarithmic axis has no 0.
            points = [(row.ratios[kind], y) for y, row in enumerate(self.rows) if row.ratios.get(kind)]
            filled = kind.startswith("shift")
            colour = COLOURS[k % len(COLOURS)]
            axes.scatter(
                [x for x, _ in points],
                [y for _, y in points],
                s=26,
                marker=MARKERS[k % len(MARKERS)],
                facecolor=colour if filled else "none",
                edgecolor=colour,
                linewidth=1.1,
                label=kind.replace("-", " "),
                zorder=3,
            )
        _dress(axes, self.rows)
        return card

    def caption(self) -> str:
        units = "; ".join(
            f"{name}: {unit}" for name, unit in UNITS.items() if any(k.startswith(name) for k in self.kinds)
        )
        exact = [kind for kind in self.kinds if not any(row.ratios.get(kind) for row in self.rows)]
        none = f" Error 0 under every metric, not drawn: {', '.join(exact)}." if exact else ""
        return (
            f"HR images shifted and with noise, scored as if they were sr; {drawable(self.group.title)}. Each "
            f"metric's error over "
            f"that of bicubic, means over the images; of PSNR the mean squared error, of metrics of which 1 is best "
            f"one minus "
            f"the value. {units}.{none}"
        )

    def alt(self) -> str:
        said = "; ".join(
            f"{drawable(row.metric)} "
            + ", ".join(f"{kind} {number(row.ratios[kind], 2)}" for kind in self.drawn if kind in row.ratios)
            for row in self.rows
        )
        return f"Error of shifted and noisy copies relative to bicubic's: {said}."


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """One for each group that holds perturbed copies and bicubic; none for the others."""
    for group in results.groups:
        kinds = sorted((model for model in group.models if KIND.fullmatch(model)), key=_order)
        if not kinds:
            continue
        rows = [row for info in group.metrics if (row := _row(group, info, kinds)) is not None]
        name = f"sensitivity-{group.id}"
        if rows:
            yield drawing(name, Sensitivity(group=group, rows=rows, kinds=kinds))
        else:
            yield missing(name, _title(group), f"no image has a value of {REFERENCE} and of a perturbed copy")


def error(value: float, metric: str, *, higher_is_better: bool) -> float:
    """A metric's value as an error, 0 for identical images: of PSNR the mean squared error, else the distance to 1 or 0."""
    if metric == "psnr":
        return 10 ** (-value / 10)  # peak 1; 0 for an infinite PSNR
    return PERFECT - value if higher_is_better else value


def _order(kind: str) -> tuple[str, int]:
    """Shifts first, then by amount."""
    name, _, amount = kind.partition("-")
    return "" if name == "shift" else name, int(amount)


def _row(group: Group, info: MetricInfo, kinds: Sequence[str]) -> Row | None:
    """None without bicubic, or where its error is 0."""
    reference = group.column(REFERENCE, info.name)
    ratios = {}
    for kind in kinds:
        column = group.column(kind, info.name)
        images = column.index.intersection(reference.index)
        if images.empty:
            continue
        # Sums over the same images: their ratio is that of the means.
        ours, theirs = (
            sum(error(float(v), info.name, higher_is_better=info.higher_is_better) for v in values[images])
            for values in (column, reference)
        )
        if theirs > 0 and math.isfinite(ours):
            ratios[kind] = ours / theirs if ours / theirs >= LEAST else 0.0
    return Row(metric=info.name, ratios=ratios) if ratios else None


def _title(group: Group) -> str:
    return f"Sensitivity of the metrics: {drawable(group.title)}"


def _dress(axes: Axes, rows: Sequence[Row]) -> None:
    axes.axvline(1, color=MUTED, lw=0.9, ls="--", zorder=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set_yticks(range(len(rows)), [drawable(row.metric) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    for y in range(1, len(rows)):
        axes.axhline(y - 0.5, color=RULE, lw=0.6, zorder=0)
    axes.set_xlabel("error relative to bicubic's (1: as bad as bicubic)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6, handletextpad=0.2, columnspacing=1.2)
