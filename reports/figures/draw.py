"""Every figure of the report, drawn from what the stores hold; what cannot be drawn says why, and which command helps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from bench.errors import UserError
from reports.figures import (
    agreement,
    crops,
    differences,
    fronts,
    layers,
    objective,
    pareto,
    plane,
    predictors,
    sensitivity,
    stylized,
    sweep,
    table1,
)
from reports.figures.drawing import Drawing
from reports.figures.files import write
from reports.figures.style import style
from reports.load.results import Results
from reports.parts import Figure

# Each with the beginnings of its figures' ids.
MAKERS: Mapping[tuple[str, ...], Callable[[Results], Iterator[Drawing | Figure]]] = {
    ("table1",): table1.drawings,
    ("figure3", "figure4"): layers.drawings,
    ("figure5",): objective.drawings,
    ("figure6", "figure7"): stylized.drawings,
    ("figure8", "figure9", "crops"): crops.drawings,
    ("pareto",): pareto.drawings,
    ("differences",): differences.drawings,
    ("ladder",): sweep.drawings,
    ("sensitivity",): sensitivity.drawings,
    ("plane",): plane.drawings,
    ("fronts",): fronts.drawings,
    ("predictors",): predictors.drawings,
    ("agreement",): agreement.drawings,
}


def draw(results: Results, folder: Path) -> tuple[Figure, ...]:
    """Write FOLDER/ID.svg, FOLDER/ID.pdf and FOLDER/ID.png of every figure that the results allow; ids differ.

    Raises:
        OSError: the folder cannot be written.
    """
    with style():
        return tuple(_written(item, folder) for maker in MAKERS.values() for item in maker(results))


def draw_some(results: Results, folder: Path, names: Collection[str]) -> tuple[Figure, ...]:
    """:func:`draw`, of the figures with these ids alone, in the order of the report.

    Raises:
        UserError: an id that no figure has; the message lists those there are.
        OSError: the folder cannot be written.
    """
    with style():
        made = _made(results, names)
        # Only then is every figure made: their ids are known from the drawings alone.
        if any(name not in made for name in names):
            known = _made(results, [start for starts in MAKERS for start in starts])
            unknown = [repr(name) for name in names if name not in known]
            raise UserError(f"no figure is called {', '.join(unknown)}; there are: {', '.join(known)}")
        return tuple(_written(item, folder) for name, item in made.items() if name in names)


def _made(results: Results, names: Collection[str]) -> dict[str, Drawing | Figure]:
    """By id, all that the makers make that may make one of these."""
    items = (
        item
        for starts, maker in MAKERS.items()
        if any(name.startswith(starts) for name in names)
        for item in maker(results)
    )
    return {item.record.id if isinstance(item, Drawing) else item.id: item for item in items}


def _written(item: Drawing | Figure, folder: Path) -> Figure:
    return write(item, folder) if isinstance(item, Drawing) else item
