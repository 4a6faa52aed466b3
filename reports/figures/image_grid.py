"""Pictures side by side on a card: placed in inches from the top left corner, each with lines of text under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.figures.style import BASE, DPI, INK, MUTED, SMALL, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from PIL.Image import Image

GAP = 0.04  # inches, as the next two
LINE = 0.13
UNDER = 0.03  # between a picture and its text


@dataclass(frozen=True, kw_only=True)
class Box:
    """Where a picture stands: inches from the card's top left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height


def opened(file: Path | None) -> Image | None:
    """As RGB; None where there is no file, or none that can be read."""
    import PIL.Image

    if file is None:
        return None
    try:
        with PIL.Image.open(file) as picture:
            return picture.convert("RGB")
    # Any of them costs this one picture, which is framed; the report goes on.
    except (OSError, ValueError, PIL.Image.DecompressionBombError):
        return None


def show(card: Canvas, picture: Image, box: Box) -> None:
    """In the middle of the box, as large as fits, with no more pixels than are seen."""
    share = min(box.width / picture.width, box.height / picture.height)
    width, height = share * picture.width, share * picture.height
    middle = Box(
        left=box.left + (box.width - width) / 2,
        top=box.top + (box.height - height) / 2,
        width=width,
        height=height,
    )
    smaller = picture.copy()
    smaller.thumbnail((max(1, round(width * DPI)), max(1, round(height * DPI))))
    # The axes have the picture's shape but for rounding, by which the default aspect would move their edges.
    axes_at(card, middle).imshow(smaller, interpolation="none", aspect="auto")


def axes_at(card: Canvas, box: Box) -> Axes:
    """Bare axes that fill the box."""
    across, up = card.get_size_inches()
    # Matplotlib counts from the bottom.
    axes = card.add_axes((box.left / across, 1 - box.bottom / up, box.width / across, box.height / up))
    bare(axes)
    return axes


def lines_under(card: Canvas, box: Box, lines: Sequence[str]) -> None:
    """The first line in ink, the others muted."""
    across, up = card.get_size_inches()
    for position, line in enumerate(lines):
        y = box.bottom + UNDER + position * LINE
        colour = MUTED if position else INK
        card.text(box.left / across, 1 - y / up, line, va="top", size=SMALL, color=colour)


def heading(card: Canvas, left: float, top: float, text: str) -> None:
    """Bold; `top` in inches from the card's."""
    across, up = card.get_size_inches()
    card.text(left / across, 1 - top / up, text, va="top", size=BASE, weight="bold", color=INK)
