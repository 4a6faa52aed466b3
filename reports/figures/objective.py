"""The paper's Figure 5: the objective against the iterations of the optimisation, networks and contents as lines.

Names stand beside what they name, at the right of the last panel that has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.styling.summary import Comparison, Moments, Summary
from reports.figures.absent import ABSENT, absent
from reports.figures.direct_labels import Label, label_beside
from reports.figures.drawing import Drawing, drawing
from reports.figures.style import (
    BLACK,
    BLUE,
    BROWN,
    CARD,
    GREEN,
    INDIGO,
    MARKERS,
    MUTED,
    OLIVE,
    ORANGE,
    PURPLE,
    SMALL,
    VERMILLION,
    WIDTH,
    WINE,
    canvas,
    logarithmic,
)
from reports.figures.text import distinct, drawable, listed
from reports.formatting import amount
from reports.load.objectives import Panel, Series, all_series, is_ours, networks
from reports.load.paper import GridTarget, entries
from reports.load.results import Results
from reports.parts import Figure
from reports.protocol_captions import objective_caption, style_caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

PER_LINE = 3
LONGEST_NAME = 22
FLOOR = 0.2  # of a mean: below it no band is drawn, since a logarithmic axis has no end
ROOM, STEP = 0.14, 0.055  # of the axes: for a number, and to the line above it
TICKS = 5
MARGIN = 1.4  # times the largest and the least that is drawn
COLOURS = (
    VERMILLION,
    GREEN,
    PURPLE,
    ORANGE,
    WINE,
    OLIVE,
    INDIGO,
    BROWN,
)  # those of the optimisation and contents are not among them
DASHES: tuple[object, ...] = ("-", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
Stroke = tuple[str, object, str]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A style's panels, one for each size."""

    series: Series
    panels: Sequence[Panel]

    @property
    def title(self) -> str:
        return f"{ABSENT['figure5'].title}: {drawable(self.series.protocol.style)}"

    @property
    def across(self) -> int:
        return min(len(self.panels), PER_LINE)

    def caption(self) -> str:
        return caption(self.series, self.panels)

    def alt(self) -> str:
        return alt(self.panels)

    def draw(self) -> Canvas:
        down = -(-len(self.panels) // self.across)
        card = canvas(WIDTH if self.across > 1 else 5.2, 0.5 + 2.4 * down)
        grid = card.subplots(down, self.across, squeeze=False, sharey=True)
        strokes = _strokes(self.panels)
        for axes, panel in zip(grid.flat, self.panels, strict=False):
            _panel(axes, panel, strokes)
            axes.label_outer()
            # label_outer took the numbers from the upper rows, whose iterations differ.
            axes.tick_params(labelbottom=True)
        for axes in grid.flat[len(self.panels) :]:
            axes.set_axis_off()
        _scale(grid.flat[0], self.panels)
        card.draw_without_rendering()  # names need the axes as they will be
        for axes, labels in zip(grid.flat, _labels(self.panels, strokes), strict=False):
            label_beside(axes, labels)
        return card


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """One for each style for which the optimisation was run; the first is the paper's where it is there."""
    made = [
        (series, panels)
        for series in all_series(results)
        if (panels := [panel for panel in series.panels if _can_be_drawn(panel)])
    ]
    if not made:
        yield absent("figure5")
    for position, (series, panels) in enumerate(made):
        shown = Objective(series=series, panels=panels)
        yield drawing(f"figure5-{series.name}" if position else "figure5", shown, wide=shown.across > 1)


def _can_be_drawn(panel: Panel) -> bool:
    return panel.shared is not None and bool(panel.shared.baselines)


def _strokes(panels: Sequence[Panel]) -> dict[str, Stroke]:
    """One look for each network in all panels; colours, dashes and markers never repeat together."""
    names = dict.fromkeys(s.subject for panel in panels for s in networks(drawn(panel)))
    return {name: _stroke(i) for i, name in enumerate(names)}


def _stroke(i: int) -> Stroke:
    """Of the i-th network."""
    lap = i // len(COLOURS)
    return COLOURS[i % len(COLOURS)], DASHES[(i + lap) % len(DASHES)], MARKERS[(i + lap) % len(MARKERS)]


def _labels(panels: Sequence[Panel], strokes: Mapping[str, Stroke]) -> list[list[Label]]:
    """By panel: each series is named in the last that has it."""
    names = distinct(strokes, LONGEST_NAME)
    made: dict[str, tuple[int, Label]] = {}
    for position, panel in enumerate(panels):
        found = drawn(panel)
        course = found.baselines[0].course()
        made["gatys"] = position, Label(text="Gatys", value=course[-1].mean, colour=BLUE)
        if found.content is not None:
            content = Label(text="content image", value=found.content.at().mean, colour=MUTED)
            made["content"] = position, content
        for network in networks(found):
            role = "our network" if is_ours(network.subject) else "authors' network"
            text = f"{role},\n{names[network.subject]}"
            own = Label(text=text, value=network.at().mean, colour=strokes[network.subject][0])
            made[f"network {network.subject}"] = position, own
    return [[label for place, label in made.values() if place == i] for i in range(len(panels))]


def _panel(axes: Axes, panel: Panel, strokes: Mapping[str, Stroke]) -> None:
    from matplotlib.ticker import MaxNLocator

    found = drawn(panel)
    (baseline, *_) = found.baselines
    if found.content is not None:
        _level(axes, found.content.at(), (MUTED, "--", ""))
    for network in networks(found):
        _level(axes, network.at(), strokes[network.subject])
    _course(axes, baseline)
    _crossings(axes, found, strokes)
    axes.set_xlim(0, max(1, baseline.iterations))  # of no iteration an axis still needs a width
    axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=True, steps=[1, 2, 5, 10]))
    axes.set_title(f"{panel.size}x{panel.size}, n = {baseline.n}")
    axes.set_xlabel("iterations")
    axes.set_ylabel("objective")


def _course(axes: Axes, baseline: Summary) -> None:
    course = baseline.course()
    low, high = zip(*(_band(moments) for moments in course), strict=True)
    x = range(len(course))
    axes.fill_between(x, low, high, color=BLUE, alpha=0.25, lw=0, zorder=3)
    marker = "o" if len(course) == 1 else ""
    values = [moments.mean for moments in course]
    axes.plot(x, values, color=BLUE, lw=1.5, marker=marker, ms=5, zorder=4, clip_on=False)


def _level(axes: Axes, moments: Moments, stroke: Stroke) -> None:
    colour, line, _ = stroke
    axes.axhspan(*_band(moments), color=colour, alpha=0.13, lw=0, zorder=1)
    axes.axhline(moments.mean, color=colour, ls=line, lw=1.2, zorder=2)


def _band(moments: Moments) -> tuple[float, float]:
    """Mean minus and plus a standard deviation, above nothing."""
    sd = moments.sd or 0.0
    return max(moments.mean - sd, FLOOR * moments.mean), moments.mean + sd


def _crossings(axes: Axes, found: Comparison, strokes: Mapping[str, Stroke]) -> None:
    """A drop to the iteration at which the mean of the optimisation reaches a network's, with its number."""
    levels = {network.subject: network.at().mean for network in networks(found)}
    crossed = sorted((o.of_mean, o.subject) for o in found.crossovers if o.of_mean is not None)
    width = max(1, found.baselines[0].iterations)
    stands = places([iteration / width for iteration, _ in crossed])
    for (iteration, subject), (line, side) in zip(crossed, stands, strict=True):
        colour, _, marker = strokes[subject]
        level = levels[subject]
        axes.vlines(iteration, 0, level, color=colour, ls=":", lw=1.0, zorder=3)
        axes.plot(
            iteration, level, marker=marker, ms=6, mfc=colour, mec=CARD, mew=0.8, zorder=5, clip_on=False
        )
        axes.annotate(
            f"{iteration:.0f}",
            (iteration, 0.02 + STEP * line),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-2 if side == "right" else 2, 0),
            textcoords="offset points",
            ha=side,
            size=SMALL,
            color=BLACK,
            bbox={"facecolor": CARD, "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            zorder=6,
        )


def places(shares: Sequence[float]) -> list[tuple[int, Literal["left", "right"]]]:
    """Where numbers stand, so that none lies on another: line from below, and which of their sides is at the drop.

    Args:
        shares: of the axis, the least first.
    """
    # The usual two networks stand on one line, to the left and to the right of their drops.
    if len(shares) == 2 and shares[0] > ROOM:
        return [(0, "right"), (0, "left")]
    ends: list[float] = []
    found: list[tuple[int, Literal["left", "right"]]] = []
    for share in shares:
        line = next((i for i, end in enumerate(ends) if end <= share), len(ends))
        ends[line : line + 1] = [share + ROOM]  # a slice: sets a line that is there, or appends one
        found.append((line, "left"))
    return found


def _scale(axes: Axes, panels: Sequence[Panel]) -> None:
    """Of all panels, since they share it."""
    moments = [m for panel in panels for summary in drawn(panel).summaries for m in summary.course()]
    ends = [end for m in moments for end in _band(m) if end > 0]  # a logarithmic axis has no 0
    if ends:
        # Room below for the numbers of the crossings, which may stand above each other.
        lines = max(1.0, max(len(networks(drawn(panel))) for panel in panels) - 0.5)
        axes.set_ylim(min(ends) / MARGIN**lines, max(ends) * MARGIN)
        logarithmic(axes, "y")
        axes.yaxis.set_major_formatter(lambda value, _: amount(value))


def drawn(panel: Panel) -> Comparison:
    """What is compared in it: on the contents alone that all subjects have."""
    assert panel.shared is not None  # _can_be_drawn() let no other through
    return panel.shared


def caption(series: Series, panels: Sequence[Panel]) -> str:
    """What is drawn, under which objective, and what the paper has."""
    stopped = sum(panel.stopped for panel in panels)
    several = any(drawn(panel).baselines[0].n > 1 for panel in panels)  # one content has no deviation
    bands = " and bands of one standard deviation" if several else ""
    early = f" {stopped} curves that end early are skipped." if stopped else ""
    return (
        f"Means over n contents of {drawable(series.dataset)}{bands}. Dotted vertical: "
        f"the iteration at which the mean of the optimisation reaches a network's.{_medians(panels)} "
        f"{drawable(style_caption(series.protocol))} {drawable(objective_caption(series.protocol))} "
        f"{_paper(panels)}{early}"
    )


def _medians(panels: Sequence[Panel]) -> str:
    """The medians over contents, network by network, where there are any."""
    found: dict[str, list[str]] = {}
    for panel in panels:
        for crossover in drawn(panel).crossovers:
            median = crossover.median
            text = f"{median:.0f}" if median is not None else f"more than {crossover.iterations}"
            found.setdefault(crossover.subject, []).append(f"{text} at {panel.size}")
    words = [f"{drawable(subject)} {listed(texts)}" for subject, texts in found.items()]
    return f" Median over contents of the iterations that reach it: {'; '.join(words)}." if words else ""


def _paper(panels: Sequence[Panel]) -> str:
    """What was read off the paper's figure for these sizes."""
    sizes = {panel.size for panel in panels}
    cells = [
        f"{e.cell.printed} at {e.target.size}"
        for e in entries()
        if isinstance(e.target, GridTarget)
        and (e.target.table, e.target.column) == ("figure5", "crossing")
        and e.target.size in sizes
    ]
    crossed = f"cross at {listed(cells)} (read off)" if cells else "cross between 50 and 100"
    return (
        f"The paper's curves {crossed}; they are not drawn, since the weights of its objective are unpublished and its "
        "scale is another."
    )


def alt(panels: Sequence[Panel]) -> str:
    """The curves in numbers."""
    return " ".join(_alt_of(panel) for panel in panels)


def _alt_of(panel: Panel) -> str:
    found = drawn(panel)
    (baseline, *_) = found.baselines
    course = baseline.course()
    levels = [
        f"{drawable(s.subject)} {amount(s.at().mean)}"
        for s in (*([found.content] if found.content else []), *networks(found))
    ]
    lines = f"; lines: {listed(levels)}" if levels else ""
    return (
        f"{panel.size}x{panel.size}: the optimisation falls from {amount(course[0].mean)} to {amount(course[-1].mean)} in "
        f"{baseline.iterations} iterations{lines}."
    )
