"""From what a figure shows to a drawing with its record: the same steps for every figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reports.figures.style import finalize
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


class FigureRecord(Protocol):
    """What one figure shows; each module of a figure has a record of this shape."""

    @property
    def title(self) -> str:
        """One line."""

    def draw(self) -> Canvas:
        """A card with everything on it."""

    def caption(self) -> str:
        """What is drawn, how it was measured, what is missing."""

    def alt(self) -> str:
        """What it shows, for those who cannot see it."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure that is drawn but not written.

    Attributes:
        record: without files yet.
        photographs: its SVG holds pictures as JPEG, a quarter as large; its PNG has their pixels as they are.
    """

    record: Figure
    canvas: Canvas
    photographs: bool = False


def drawing(name: str, shown: FigureRecord, *, wide: bool = True, photographs: bool = False) -> Drawing:
    """Drawn, laid out once and for all, and told in words; `name` is its id."""
    card = finalize(shown.draw())
    record = Figure(id=name, title=shown.title, caption=shown.caption(), alt=shown.alt(), wide=wide)
    return Drawing(record=record, canvas=card, photographs=photographs)


def missing(name: str, title: str, reason: str, command: str = "") -> Figure:
    """In the place of a drawing: why there is none, and what would make one possible."""
    return Figure(id=name, title=title, caption="", reason=reason, command=command)
