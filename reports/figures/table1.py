"""The paper's Table 1 as lines: seconds against the size of the image, for the optimisation and for the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records import EAGER
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.style import (
    BLACK,
    BLUE,
    CARD,
    GREEN,
    MUTED,
    SMALL,
    VERMILLION,
    WIDTH,
    canvas,
    logarithmic,
)
from reports.figures.text import drawable, listed, short
from reports.formatting import duration
from reports.load.paper import GridTarget, entries
from reports.load.results import Results
from reports.load.speeds import ITERATIONS, PAPER_NETWORK, Machine, Timed
from reports.load.timings import all_machines
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

TITLE = "Seconds for one image against its size"
COMMAND = "python -m bench.speed --sizes 256 512 1024"
COLUMNS = (*(f"gatys-{count}" for count in ITERATIONS), "ours")
# The paper's dotted lines have the same markers, so a method is told without its colour.
LOOKS = {
    "gatys-500": (VERMILLION, "v", "Gatys, 500 iterations"),
    "gatys-300": (BLUE, "s", "Gatys, 300 iterations"),
    "gatys-100": (GREEN, "^", "Gatys, 100 iterations"),
    "ours": (BLACK, "o", "network"),
}
PER_LINE = 3


@dataclass(frozen=True, kw_only=True)
class Place:
    """A point of a line. `scaled`: iterations were timed in part and multiplied."""

    size: int
    seconds: float
    scaled: bool = False


Lines = Mapping[str, Sequence[Place]]


@dataclass(frozen=True, kw_only=True)
class Table1:
    """A panel for each machine, side by side."""

    panels: Sequence[tuple[Machine, Lines]]

    @property
    def title(self) -> str:
        return TITLE

    @property
    def across(self) -> int:
        return min(len(self.panels), PER_LINE)

    def draw(self) -> Canvas:
        down = -(-len(self.panels) // self.across)
        card = canvas(WIDTH if self.across > 1 else 4.4, 0.5 + 2.9 * down)
        grid = card.subplots(down, self.across, squeeze=False, sharex=True, sharey=True)
        papers = _papers()
        for axes, (machine, lines) in zip(grid.flat, self.panels, strict=False):
            _panel(axes, lines, papers)
            axes.set_title(_heading(machine.name, self.across), size=SMALL)
        for axes in grid.flat[len(self.panels) :]:
            axes.set_axis_off()
        _scale(grid.flat[0], [*(lines for _, lines in self.panels), papers])
        handles, names = grid.flat[0].get_legend_handles_labels()
        card.legend(handles, names, loc="outside lower center", ncols=3 if self.across > 1 else 2)
        return card

    def caption(self) -> str:
        names = listed(
            f"{machine.name} ({machine.network_name or 'no network'})" for machine, _ in self.panels
        )
        scaled = any(place.scaled for _, lines in self.panels for line in lines.values() for place in line)
        hollow = " Hollow: a few iterations were timed and multiplied." if scaled else ""
        return (
            f"The paper's Table 1 on logarithmic axes: {names}, plain eager float32. Dotted in every panel: the "
            f"paper's own "
            f"times, both methods on a GTX Titan X; the same marker is the same method.{hollow}"
        )

    def alt(self) -> str:
        parts = []
        for machine, lines in self.panels:
            ends = [
                f"{LOOKS[name][2]} {duration(line[-1].seconds)} at {line[-1].size}"
                for name, line in lines.items()
            ]
            parts.append(f"{drawable(machine.name)}: {listed(ends)}.")
        return " ".join(parts)


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """A panel for each machine on which the optimisation or a style network was timed."""
    panels = [
        (machine, lines) for machine in all_machines(results) if _belongs(lines := _lines(machine), machine)
    ]
    if panels:
        table = Table1(panels=panels)
        yield drawing("table1", table, wide=table.across > 1)
    else:
        yield missing(
            "table1", TITLE, "there are no times of the optimisation or of a style network", COMMAND
        )


def _belongs(lines: Lines, machine: Machine) -> bool:
    """Whether it has more than a network that is not the paper's."""
    return any(name != "ours" for name in lines) or (
        "ours" in lines and machine.network_name == PAPER_NETWORK
    )


def _lines(machine: Machine) -> Lines:
    sizes = sorted({one.row.size for one in machine.timed if one.row.variant == EAGER})
    found = {name: [_place(_timed(machine, name, size)) for size in sizes] for name in COLUMNS}
    lines = {name: [place for place in places if place is not None] for name, places in found.items()}
    return {name: places for name, places in lines.items() if places}


def _timed(machine: Machine, name: str, size: int) -> Timed | None:
    if name == "ours":
        return machine.network(size)
    return machine.gatys(size, int(name.removeprefix("gatys-")))


def _place(timed: Timed | None) -> Place | None:
    if timed is None or timed.row.seconds is None:
        return None
    row = timed.row
    return Place(size=row.size, seconds=timed.row.seconds, scaled=row.extrapolated_from is not None)


def _papers() -> Lines:
    """What the paper prints."""
    lines: dict[str, list[Place]] = {}
    for entry in entries():
        target = entry.target
        if isinstance(target, GridTarget) and target.table == "table1" and target.column in COLUMNS:
            place = Place(size=target.size, seconds=entry.cell.value)
            lines.setdefault(target.column, []).append(place)
    return lines


def _heading(machine: str, across: int) -> str:
    """The processor, and below it what else is known."""
    first, _, rest = machine.partition(", ")
    limit = 90 // across  # letters in the width of the card
    return f"{short(first, limit)}\n{short(rest, limit)}"


def _scale(axes: Axes, everything: Sequence[Lines]) -> None:
    """Of all panels, since they share their axes."""
    places = [place for lines in everything for line in lines.values() for place in line]
    logarithmic(axes, "x", ticks=sorted({place.size for place in places}))
    logarithmic(axes, "y", ticks=[10.0**n for n in range(-6, 8)])
    axes.set_ylim(0.6 * min(p.seconds for p in places), 1.7 * max(p.seconds for p in places))


def _panel(axes: Axes, lines: Lines, papers: Lines) -> None:
    """The paper's lines first, so that ours lie on them."""
    for name, (colour, marker, title) in LOOKS.items():
        _line(axes, papers.get(name, ()), MUTED, marker, style=":")
        _line(axes, lines.get(name, ()), colour, marker, style="-", title=title)
    # One entry of the legend for its four lines.
    axes.plot([], [], color=MUTED, ls=":", lw=0.9, label="the paper, GTX Titan X")
    axes.set_xlabel("side of the image, pixels")
    axes.set_ylabel("seconds")
    axes.label_outer()


def _line(
    axes: Axes, places: Sequence[Place], colour: str, marker: str, *, style: str, title: str = ""
) -> None:
    """Hollow markers where a time was multiplied."""
    ours = bool(title)
    axes.plot(
        [place.size for place in places],
        [place.seconds for place in places],
        color=colour,
        ls=style,
        lw=1.2 if ours else 0.9,
        marker=marker,
        ms=5 if ours else 3,
        mfc=CARD if not ours or any(place.scaled for place in places) else colour,
        label=title or "_",  # matplotlib leaves a label that begins with "_" out of the legend
        zorder=3 if ours else 2,
    )
