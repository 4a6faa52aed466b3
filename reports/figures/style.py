"""How every figure looks: fonts, colours, sizes for print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

WIDTH = 6.7  # inches: the text width of an A4 page
EDGE = 0.07  # inches of white around everything
DPI = 300
MANY = 400.0  # times from the least to the largest, above which an axis has a tick in each decade only
BASE, SMALL = 8.0, 7.0  # points
INK, MUTED, RULE, CARD = "#1a1a1a", "#5a5a5a", "#d8d8d8", "#ffffff"

# Okabe and Ito 2008, without the yellow that is lost on white; then darker ones, told apart in lightness as well.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
WINE, INDIGO, OLIVE, BROWN, SLATE = "#882255", "#332288", "#7A7A1F", "#8A5A2B", "#6F7C85"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, WINE, OLIVE, INDIGO, BROWN, SLATE)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", "*", ">", "h")

# Text in an SVG stays text, in the font that comes with matplotlib, which :mod:`reports.figures.files` embeds.
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Geneva"],
    "font.size": BASE,
    "svg.fonttype": "none",
    # A "$" in a model's name is a dollar, not the beginning of a formula.
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": CARD,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": BASE,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": BASE,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.dpi": DPI,
    "figure.facecolor": CARD,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "savefig.facecolor": CARD,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SMALL,
}


@contextmanager
def style(salt: str = "") -> Iterator[None]:
    """Matplotlib's defaults with :data:`STYLE` inside the block, whatever the user's own settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = {**STYLE, "svg.hashsalt": salt}
        matplotlib.rcParams.update(settings)
        yield


def canvas(width: float, height: float, *, constrained: bool = True) -> Canvas:
    """An empty white card, measured in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=EDGE, h_pad=EDGE) if constrained else None
    card = Canvas(figsize=(width, height), layout=layout)
    # Without pyplot, which keeps every figure and looks for a screen.
    FigureCanvasAgg(card)
    return card


def finalize(card: Canvas) -> Canvas:
    """Lay a card out once and for all; every file of it is then drawn alike, and in less time."""
    engine = card.get_layout_engine()
    if engine is not None:
        engine.execute(card)
        card.set_layout_engine("none")
    return card


def logarithmic(axes: Axes, which: Literal["x", "y"], *, ticks: Sequence[float] = ()) -> None:
    """A logarithmic axis with plain numbers on it, since mathematical markup is switched off.

    Args:
        ticks: where they stand; by default at 1, 2 and 5 of each decade, or at 1 where there are many decades
            in what has been drawn.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    subs = (1.0, 2.0, 5.0) if high < MANY * low else (1.0,)
    # 99: no tick is dropped.
    axis.set_major_locator(FixedLocator(ticks) if ticks else LogLocator(subs=subs, numticks=99))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def bare(axes: Axes) -> None:
    """No ticks, no grid, no spines."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


@dataclass(frozen=True, kw_only=True)
class SeriesStyle:
    """Colour and marker of a series: either tells it from its neighbours."""

    colour: str
    marker: str


def series_styles(names: Sequence[str]) -> dict[str, SeriesStyle]:
    """Of the series of one figure, in their order: no colour and no marker twice among the first 12, no pair among 144."""
    return {name: series_style(i) for i, name in enumerate(dict.fromkeys(names))}


def series_style(i: int) -> SeriesStyle:
    """Of the i-th series."""
    n = len(COLOURS)
    return SeriesStyle(colour=COLOURS[i % n], marker=MARKERS[(i + i // n) % n])
