"""Every image's PSNR beside the reference's: whether a better mean is better on most images, and on which it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from bench.statistics import Interval, differences, mean
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.style import (
    BLUE,
    CARD,
    INK,
    MUTED,
    RULE,
    SMALL,
    VERMILLION,
    WIDTH,
    canvas,
)
from reports.figures.text import distinct, drawable, short
from reports.formatting import number
from reports.load.intervals import interval
from reports.load.results import Group, Results
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

METRIC, REFERENCE, UNIT = "psnr", "bicubic", "dB"
MOST_MODELS = 20  # a strip each
ROW = 0.44  # inches of a model
TOP, BOTTOM, MEAN = -0.4, 0.18, 0.34  # of a row: where its images begin and end, and where their mean stands
MOST_MARKERS = 400  # more make the SVG large and cover each other
Ranked = Sequence[tuple[str, float]]


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A model's differences to the reference, smallest first, by image.

    Attributes:
        finite: those that can be drawn.
        infinite: how many are not: one of the two pictures is exactly hr.
    """

    model: str
    finite: Ranked
    infinite: int
    mean: float | None
    interval: Interval | None

    @property
    def text(self) -> str:
        """`+1.52 [1.04, 2.00]`, the mean and its interval."""
        ends = self.interval
        inside = f" [{number(ends[0], 2)}, {number(ends[1], 2)}]" if ends else ""
        return f"{number(self.mean, 2, sign=True)}{inside}"


@dataclass(frozen=True, kw_only=True)
class Strips:
    """A group's models beside the reference."""

    group: Group
    reference: str
    strips: Sequence[Strip]

    @property
    def title(self) -> str:
        return _title(self.group)

    def draw(self) -> Canvas:
        card = canvas(WIDTH, 0.75 + ROW * len(self.strips))
        axes = card.subplots()
        for y, strip in enumerate(self.strips):
            _draw(axes, y, strip)
        _dress(axes, self.strips, self.reference)
        return card

    def caption(self) -> str:
        counts = sorted({len(strip.finite) + strip.infinite for strip in self.strips})
        number_of = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        infinite = sum(strip.infinite for strip in self.strips)
        gone = f" Not drawn: {infinite} infinite differences, of images that equal HR." if infinite else ""
        many = counts[-1] > MOST_MARKERS
        marks = "a line through them" if many else "filled circles gain, hollow triangles lose"
        return (
            f"PSNR of each of {number_of} images minus that of {drawable(self.reference)} on the same image; "
            f"{drawable(self.group.title)}. In each row the images are sorted, the largest gain at the top; "
            f"{marks}. Diamond and "
            f"bar: the mean difference and its paired 95 % bootstrap interval. Named: the images at both ends.{gone}"
        )

    def alt(self) -> str:
        means = "; ".join(f"{drawable(strip.model)} {strip.text}" for strip in self.strips)
        return f"Strips of differences of PSNR to {drawable(self.reference)}; means with intervals in dB: {means}."


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """One for each group."""
    for group in results.groups:
        if len(group.models) > MOST_MODELS:
            yield missing(
                f"differences-{group.id}",
                _title(group),
                f"it has more than {MOST_MODELS} models; the leaderboard ranks them",
            )
            continue
        reference = _reference(group)
        strips = [_strip(group, model, reference) for model in group.models if model != reference]
        drawn = [strip for strip in strips if strip is not None]
        name = f"differences-{group.id}"
        if drawn:
            yield drawing(name, Strips(group=group, reference=reference, strips=drawn))
        else:
            yield missing(name, _title(group), f"no two of its models have a {METRIC} of the same image")


def _reference(group: Group) -> str:
    """Bicubic; where it is not there, the model with the least mean."""
    scored = [model for model in group.models if len(group.column(model, METRIC))]
    return REFERENCE if REFERENCE in scored else next(iter(scored), "")


def _strip(group: Group, model: str, reference: str) -> Strip | None:
    """None where no image has both values."""
    ours, theirs = group.column(model, METRIC), group.column(reference, METRIC)
    images = ours.index.intersection(theirs.index)
    if images.empty:
        return None
    moved = differences(tuple(theirs[images]), tuple(ours[images]))
    finite = [(str(image), value) for image, value in zip(images, moved, strict=True) if isfinite(value)]
    return Strip(
        model=model,
        finite=sorted(finite, key=lambda pair: (pair[1], pair[0])),  # by name too: equal bytes each time
        infinite=len(moved) - len(finite),
        mean=mean(moved),
        interval=interval(moved),
    )


def _title(group: Group) -> str:
    return f"PSNR image by image: {drawable(group.title)}"


def _draw(axes: Axes, y: int, strip: Strip) -> None:
    """Images from the top of the row downwards, those that gain most at the top; below them the mean."""
    values = [value for _, value in strip.finite]
    heights = [y + _height(k, len(values)) for k in range(len(values))]
    if len(values) > MOST_MARKERS:
        # Evenly through the sorted values, both ends included.
        keep = sorted({round(k * (len(values) - 1) / (MOST_MARKERS - 1)) for k in range(MOST_MARKERS)})
        axes.plot([values[k] for k in keep], [heights[k] for k in keep], color=BLUE, lw=1.6, zorder=2)
    else:
        _dots(axes, values, heights)
    if strip.mean is not None and isfinite(strip.mean):
        _mean(axes, y, strip.mean, strip.interval)
    if values:
        _ends(axes, y, strip.finite)
    _beside(axes, y, strip.text)


def _height(k: int, count: int) -> float:
    """In its row, of the image that is the k-th from the least difference."""
    return BOTTOM - (BOTTOM - TOP) * (k / (count - 1) if count > 1 else 0.5)


def _dots(axes: Axes, values: Sequence[float], heights: Sequence[float]) -> None:
    """Filled circles where the model is at least as good as the reference, hollow triangles where it is worse."""
    size = max(5.0, min(18.0, 400 / max(1, len(values))))  # square points: smaller where there are many
    pairs = list(zip(values, heights, strict=True))
    for good, colour, marker in ((True, BLUE, "o"), (False, VERMILLION, "v")):
        some = [pair for pair in pairs if (pair[0] >= 0) == good]
        axes.scatter(
            [value for value, _ in some],
            [height for _, height in some],
            s=size,
            marker=marker,
            facecolor=colour if good else CARD,
            edgecolor=colour,
            linewidth=0.7,
            zorder=2,
        )


def _mean(axes: Axes, y: int, middle: float, ends: Interval | None) -> None:
    if ends is not None and all(isfinite(end) for end in ends):
        axes.plot(ends, [y + MEAN] * 2, color=INK, lw=1.2, marker="|", ms=4.5, mew=1.0, zorder=4)
    axes.plot([middle], [y + MEAN], marker="D", ms=3, color=INK, zorder=5)


def _ends(axes: Axes, y: int, finite: Ranked) -> None:
    """The names of the images that lose and gain most."""
    (worst, least), (best, most) = finite[0], finite[-1]
    behind = {"facecolor": CARD, "edgecolor": "none", "pad": 0.4}
    style: dict[str, Any] = {
        "size": SMALL - 0.5,
        "color": MUTED,
        "va": "center",
        "textcoords": "offset points",
        "bbox": behind,
    }
    last = len(finite) - 1
    # A lone image is best and worst, and is named once.
    if last:
        axes.annotate(
            short(worst, 14), (least, y + _height(0, last + 1)), xytext=(-5, 0), ha="right", **style
        )
    axes.annotate(short(best, 14), (most, y + _height(last, last + 1)), xytext=(5, 0), ha="left", **style)


def _dress(axes: Axes, strips: Sequence[Strip], reference: str) -> None:
    axes.axvline(0, color=MUTED, lw=0.9, ls="--", zorder=1)
    axes.set_yticks(range(len(strips)), list(distinct([strip.model for strip in strips], 26).values()))
    axes.set_ylim(len(strips) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    for y in range(1, len(strips)):
        axes.axhline(y - 0.5, color=RULE, lw=0.6, zorder=0)
    drawn = [value for strip in strips for _, value in strip.finite] or [0.0]
    low, high = min(0.0, *drawn), max(0.0, *drawn)
    room = 0.16 * ((high - low) or 1.0)  # for the names at both ends
    axes.set_xlim(low - room, high + room)
    axes.set_xlabel(f"PSNR minus that of {short(reference, 30)}, {UNIT}")
    _beside(axes, -0.7, f"mean [95 %], {UNIT}", weight="bold")


def _beside(axes: Axes, y: float, text: str, **style: Any) -> None:
    """On the right of the axes."""
    axes.annotate(
        text,
        (1, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        size=SMALL,
        **style,
    )
