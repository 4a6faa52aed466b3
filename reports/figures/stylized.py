"""The paper's Figures 6 and 7: content, style, and what the optimisation and the networks make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

from reports.figures.absent import ABSENT, absent
from reports.figures.drawing import Drawing, drawing
from reports.figures.image_grid import GAP, LINE, UNDER, Box, heading, lines_under, opened, show
from reports.figures.style import DPI, EDGE, WIDTH, canvas
from reports.figures.text import drawable, listed, short
from reports.formatting import amount
from reports.load.results import CONTENT, GATYS, SHORT, Results
from reports.load.stylized import Row, rows, sizes
from reports.parts import Figure
from reports.protocol_captions import objective_caption

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SMALL_SIZE, LARGE_SIZE = 256, 512
TITLES = {"gatys": "Gatys", "ours": "our network", "released": "authors' network"}
SIDE, LARGEST = 1.28, 2.56  # inches of a picture of 256 and of 512 pixels
HEADING = 0.17
TEXT = UNDER + 2 * LINE
TALLEST = 9.2  # inches of a page
LETTERS = 17  # of a name that fit under a picture, per inch


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the pictures of the topmost row stand, by column, and how far it is to the next row."""

    boxes: dict[str, Box]
    step: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows of pictures."""

    name: str
    shown: Sequence[Row]
    columns: Sequence[str]
    places: Places

    @property
    def title(self) -> str:
        size = self.shown[0].group.protocol.size
        return ABSENT[self.name].title.replace("512x512 and above", f"{size}x{size}")

    def draw(self) -> Canvas:
        height = 2 * EDGE + HEADING + len(self.shown) * self.places.step - GAP
        card = canvas(self.places.width, height, constrained=False)
        below = self.places.boxes["style"].top > self.places.boxes[CONTENT].top
        originals = {CONTENT: "originals"} if below else {CONTENT: "content", "style": "style"}
        for column, text in (originals | {column: TITLES[column] for column in self.columns}).items():
            heading(card, self.places.boxes[column].left, EDGE, text)
        for position, row in enumerate(self.shown):
            _row(card, row, self.places, position * self.places.step)
        return card

    def caption(self) -> str:
        groups = {row.group.id: row.group for row in self.shown}
        words = dict.fromkeys(objective_caption(group.protocol) for group in groups.values())
        sizes_ = dict.fromkeys(f"{g.protocol.size}x{g.protocol.size}" for g in groups.values())
        hashes = ", ".join(
            f"{drawable(g.protocol.style)} ({g.protocol.hash[:SHORT]})" for g in groups.values()
        )
        return (
            f"Contents of {listed(dict.fromkeys(g.dataset for g in groups.values()))} at {listed(sizes_)}; below each "
            "image its objective, with the same weights for all images of a row. "
            f"{drawable(' '.join(words))} Styles and protocols: {hashes}.{self._blank()}"
        )

    def _blank(self) -> str:
        files = (_cell(row, column)[0] for row in self.shown for column in self.places.boxes)
        return " Blank: not stored." if any(opened(file) is None for file in files) else ""

    def alt(self) -> str:
        return " ".join(_alt(row) for row in self.shown)


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """Figure 6 at 256, Figure 7 at the largest size from 512 on."""
    there = sizes(results)
    large = [size for size in there if size >= LARGE_SIZE]
    found = {"figure6": SMALL_SIZE if SMALL_SIZE in there else 0, "figure7": max(large, default=0)}
    for name, size in found.items():
        shown = rows(results, size) if size else ()
        columns = [column for column in TITLES if any(row.made[column] for row in shown)]
        if not shown:
            yield absent(name)
        else:
            places = _side_by_side(columns) if name == "figure6" else _large(columns, len(shown))
            page = Page(name=name, shown=shown, columns=columns, places=places)
            yield drawing(name, page, wide=places.width > 4, photographs=True)


def _side_by_side(columns: Sequence[str]) -> Places:
    """Equal squares."""
    names = (CONTENT, "style", *columns)
    lefts = [EDGE + i * (SIDE + GAP) for i in range(len(names))]
    boxes = {
        name: Box(left=left, top=EDGE + HEADING, width=SIDE, height=SIDE)
        for name, left in zip(names, lefts, strict=True)
    }
    return Places(boxes=boxes, step=SIDE + TEXT + GAP, width=lefts[-1] + SIDE + EDGE)


def _large(columns: Sequence[str], lines: int) -> Places:
    """Content and style one above the other, and beside them as large as the page allows what was made of them."""
    n, between = len(columns), TEXT + GAP
    # From the card's width, half + n * (GAP + side) with half = (side - between) / 2, solved for side.
    across = (WIDTH - 2 * EDGE + between / 2 - n * GAP) / (n + 0.5)
    up = (TALLEST - 2 * EDGE - HEADING) / lines - between
    # Whole pixels at DPI: a stored picture of that size is shown without being resampled.
    side = _whole(min(LARGEST, across, up))
    half, top = _whole((side - between) / 2), EDGE + HEADING
    boxes = {
        CONTENT: Box(left=EDGE, top=top, width=half, height=half),
        "style": Box(left=EDGE, top=top + side - half, width=half, height=half),
    }
    for position, column in enumerate(columns):
        left = EDGE + half + GAP + position * (side + GAP)
        boxes[column] = Box(left=left, top=top, width=side, height=side)
    return Places(boxes=boxes, step=side + between, width=EDGE + half + n * (GAP + side) + EDGE)


def _whole(inches: float) -> float:
    """Made smaller, to whole pixels."""
    return floor(inches * DPI) / DPI


def _row(card: Canvas, row: Row, places: Places, down: float) -> None:
    for column, box in places.boxes.items():
        moved = Box(left=box.left, top=box.top + down, width=box.width, height=box.height)
        file, name, note = _cell(row, column)
        picture = opened(file)
        if picture is not None:
            show(card, picture, moved)
        letters = int(LETTERS * box.width)
        # Half a number would be another one.
        lines_under(card, moved, [short(name, letters), note if len(note) <= letters else ""])


def _cell(row: Row, column: str) -> tuple[Path | None, str, str]:
    """File, name and a note."""
    if column == "style":
        return row.group.style_picture, row.group.protocol.style, ""
    subject = row.made.get(column, column)
    if not subject:
        return None, "", ""
    value = row.objective(subject)
    note = "" if value is None else f"objective {amount(value)}"
    if subject == GATYS:
        name = "" if row.iterations is None else f"{row.iterations} iterations"
        return row.picture(subject), name, note
    return row.picture(subject), row.image if subject == CONTENT else subject, note


def _alt(row: Row) -> str:
    made = listed(TITLES[column] for column, subject in row.made.items() if subject)
    return f"{drawable(row.image)} in the style {drawable(row.group.protocol.style)}: {made}."
