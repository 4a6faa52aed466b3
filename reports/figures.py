"""Every figure of the report, drawn from what the stores hold; what cannot be drawn says why, and which command helps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from bench.errors import UserError
from reports import (
    figure_crops,
    figure_differences,
    figure_ladder,
    figure_layers,
    figure_objective,
    figure_pareto,
    figure_sensitivity,
    figure_stylized,
    figure_table1,
)
from reports.figure_files import write
from reports.figure_style import Drawing, style
from reports.parts import Figure
from reports.results import Results

# Each with the beginnings of its figures' ids.
MAKERS: Mapping[tuple[str, ...], Callable[[Results], Iterator[Drawing | Figure]]] = {
    ("table1",): figure_table1.drawings,
    ("figure3", "figure4"): figure_layers.drawings,
    ("figure5",): figure_objective.drawings,
    ("figure6", "figure7"): figure_stylized.drawings,
    ("figure8", "figure9", "crops"): figure_crops.drawings,
    ("pareto",): figure_pareto.drawings,
    ("differences",): figure_differences.drawings,
    ("ladder",): figure_ladder.drawings,
    ("sensitivity",): figure_sensitivity.drawings,
}


def draw(results: Results, folder: Path) -> tuple[Figure, ...]:
    """Write FOLDER/ID.svg and FOLDER/ID.png of every figure that the results allow; ids differ.

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
