"""One detail of an image as every method makes it: stored pixels, enlarged without smoothing, values underneath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.records import HR
from bench.statistics import mean
from reports.figures.style import BASE, DPI, EDGE, INK, MUTED, SMALL, VERMILLION, WIDTH, bare, canvas
from reports.figures.text import distinct, drawable, listed, short
from reports.formatting import number
from reports.load.results import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from PIL.Image import Image

MEASURES = ("psnr", "ssim")
# Inches: between pictures, of the three lines under one, above one.
GAP, TEXT, ABOVE = 0.1, 0.46, EDGE
LINE = 0.13
LETTERS = 14  # of bold text that fit under a picture, per inch
SMALL_LETTERS = 19  # of the small text
MOST_LINES = 3
LARGEST, SMALLEST = 1.6, 0.85  # inches of a detail's side
CONTEXT_DPI = 140  # of the whole image, which is there for orientation alone


@dataclass(frozen=True, kw_only=True)
class Box:
    """A square of hr, in pixels from the top left corner."""

    left: int
    top: int
    side: int

    @property
    def words(self) -> str:
        return f"{self.side}x{self.side} at ({self.left}, {self.top})"


@dataclass(frozen=True, kw_only=True)
class ShownCrop:
    """An image of a group, its detail, and the models whose pictures are there.

    Attributes:
        models: `hr` is the last.
        absent: asked for, and scored, but without a picture of the size of hr.
    """

    group: Group
    image: str
    box: Box
    models: tuple[str, ...]
    absent: tuple[str, ...]

    @cached_property
    def places(self) -> Places:
        """In as many lines as show the details largest."""
        width, height = opened(self, HR).size
        ways = [
            places(len(self.models), width / height, self.box.side, lines)
            for lines in range(1, MOST_LINES + 1)
        ]
        return max(ways, key=lambda way: (way.share, -way.lines))

    @property
    def height(self) -> float:
        """Inches."""
        return self.places.lines * (ABOVE + self.places.panel + TEXT)


@dataclass(frozen=True, kw_only=True)
class Places:
    """How a block is laid out: the whole image on the left, as tall as the lines of details beside it.

    Attributes:
        share: the largest side of a detail, in inches, for which there is room.
        panel: the side that it has: a pixel of it is a whole number of half pixels of the PNG.
        whole: width of the whole image, in inches.
    """

    lines: int
    columns: int
    share: float
    panel: float
    whole: float

    @property
    def width(self) -> float:
        """Inches, the edges included."""
        return self.whole + self.columns * (GAP + self.panel) + 2 * EDGE


def places(count: int, aspect: float, side: int, lines: int) -> Places:
    """The details as large as the page's width allows.

    Args:
        aspect: width over height of the whole image.
        side: of the box, in pixels.
    """
    columns = -(-count // lines)
    between = (lines - 1) * (ABOVE + TEXT)
    room = WIDTH - 2 * EDGE - columns * GAP - aspect * between
    share = room / (aspect * lines + columns)
    halves = max(1, round(2 * min(LARGEST, max(SMALLEST, share)) * DPI / side))
    panel = halves * side / DPI / 2
    whole = aspect * (lines * panel + between)
    return Places(lines=lines, columns=columns, share=share, panel=panel, whole=whole)


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """A block for each image, one above the other."""

    title: str
    shown: Sequence[ShownCrop]

    @property
    def width(self) -> float:
        return max(s.places.width for s in self.shown)

    def draw(self) -> Canvas:
        top = sum(s.height for s in self.shown)
        card = canvas(self.width, top, constrained=False)
        for example in self.shown:
            _block(card, example, top)
            top -= example.height
        return card

    def caption(self) -> str:
        """What stands where, how it was measured, and what is missing."""
        details = "; ".join(f"{drawable(s.image)}, {s.box.words}" for s in self.shown)
        measures = " / ".join(metric.name.upper() for metric in _measures(self.shown[0].group))
        sets = "; ".join(f"{drawable(s.group.title)}, n = {len(s.group.images)}" for s in self.shown)
        gone = [f"{drawable(model)} of {drawable(s.image)}" for s in self.shown for model in s.absent]
        missing = f" No image of its size is stored for {listed(gone)}." if gone else ""
        return (
            f"Details in HR pixels, from the top left corner: {details}; enlarged without smoothing. Under each: "
            f"{measures} of this image, then the mean of the data set ({sets}).{missing}"
        )

    def alt(self) -> str:
        return " ".join(_alt(example) for example in self.shown)


def _block(card: Canvas, shown: ShownCrop, top: float) -> None:
    """The whole image on the left, the crops beside it in lines; `top` in inches from the bottom of the card."""
    at = shown.places
    _whole(card, shown, top - ABOVE)
    names = distinct(shown.models, int(LETTERS * at.panel)) | {HR: "HR"}
    right = float(card.get_size_inches()[0]) - EDGE
    for position, model in enumerate(shown.models):
        line, column = divmod(position, at.columns)
        left = right - (at.columns - column) * (at.panel + GAP) + GAP
        under = top - line * (ABOVE + at.panel + TEXT) - ABOVE
        axes = _axes(card, left, under - at.panel, at.panel, at.panel)
        axes.imshow(_crop(shown, model), interpolation="none")
        _texts(card, left, under - at.panel, [names[model], *_values(shown, model)])


def _whole(card: Canvas, shown: ShownCrop, top: float) -> None:
    """hr, as tall as what stands beside it, with the box."""
    from matplotlib.patches import Rectangle

    picture = opened(shown, HR)
    width = shown.places.whole
    height = width * picture.height / picture.width
    axes = _axes(card, EDGE, top - height, width, height)
    axes.imshow(
        _thumbnail(picture, width), extent=(0, picture.width, picture.height, 0), interpolation="none"
    )
    # White below the colour, so that the box is seen on any image.
    for colour, thickness in (("#ffffff", 2.4), (VERMILLION, 1.2)):
        box = shown.box
        square = Rectangle(
            (box.left, box.top), box.side, box.side, fill=False, ec=colour, lw=thickness, clip_on=False
        )
        axes.add_patch(square)
    measures = " / ".join(metric.name.upper() for metric in _measures(shown.group))
    source = f"{shown.group.dataset} x{shown.group.scale}"
    letters = int(LETTERS * width)
    lines = [
        short(shown.image, letters),
        short(source, letters),
        measures,
    ]
    _texts(card, EDGE, top - height, lines)


def _thumbnail(picture: Image, width: float) -> Image:
    """No more pixels than are seen."""
    smaller = picture.copy()
    side = int(width * CONTEXT_DPI)
    smaller.thumbnail((side, side * picture.height // picture.width + 1))  # + 1: the width decides
    return smaller


def _axes(card: Canvas, left: float, bottom: float, width: float, height: float) -> Axes:
    """In inches."""
    across, up = card.get_size_inches()
    axes = card.add_axes((left / across, bottom / up, width / across, height / up))
    bare(axes)
    return axes


def _crop(shown: ShownCrop, model: str) -> Image:
    box = shown.box
    return opened(shown, model).crop((box.left, box.top, box.left + box.side, box.top + box.side))


def opened(shown: ShownCrop, model: str) -> Image:
    """The stored picture, as RGB."""
    from PIL import Image

    with Image.open(shown.group.pictures[shown.image, model]) as picture:
        return picture.convert("RGB")  # decoded here, before the file is closed


def _texts(card: Canvas, left: float, bottom: float, lines: Sequence[str]) -> None:
    """Lines under a picture, the first of them bold."""
    across, up = card.get_size_inches()
    for position, line in enumerate(lines):
        style: dict[str, Any] = {"size": BASE, "weight": "bold", "color": INK}
        if position:
            style = {"size": SMALL, "color": INK if position == 1 else MUTED}
        y = bottom - 0.03 - position * LINE
        card.text(left / across, y / up, line, va="top", **style)


def _values(shown: ShownCrop, model: str) -> Iterator[str]:
    """The paper's two lines: this image, and the mean of its data set."""
    if model == HR:
        return
    columns = {m: shown.group.column(model, m.name) for m in _measures(shown.group)}
    image = (number(column.get(shown.image), m.decimals) for m, column in columns.items())
    means = (number(mean(tuple(c)) if len(c) else None, m.decimals) for m, c in columns.items())
    yield " / ".join(image)
    numbers = " / ".join(means)
    # Under a narrow detail the caption alone says which of the two lines is the mean.
    named = f"mean {numbers}"
    yield named if len(named) <= SMALL_LETTERS * shown.places.panel else numbers


def _measures(group: Group) -> list[Any]:
    return [metric for metric in group.metrics if metric.name in MEASURES]


def _alt(shown: ShownCrop) -> str:
    made = listed("HR" if model == HR else model for model in shown.models)
    return f"{drawable(shown.image)}: the whole image with a box, and the box enlarged for {made}."
