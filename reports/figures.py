"""Every figure of the report, drawn from what the stores hold; what cannot be drawn says why, and which command helps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from bench.errors import UserError
from reports import (
    figure_crops,
    figure_differences,
    figure_ladder,
    figure_layers,
    figure_objective,
    figure_pareto,
    figure_stylized,
    figure_table1,
)
from reports.figure_files import write
from reports.figure_style import Drawing, style
from reports.parts import Figure
from reports.results import Results

MAKERS = (
    figure_table1.drawings,
    figure_layers.drawings,
    figure_objective.drawings,
    figure_stylized.drawings,
    figure_crops.drawings,
    figure_pareto.drawings,
    figure_differences.drawings,
    figure_ladder.drawings,
)


def draw(results: Results, folder: Path) -> tuple[Figure, ...]:
    """Write FOLDER/ID.svg and FOLDER/ID.png of every figure that the results allow; ids differ.

    Raises:
        OSError: the folder cannot be written.
    """
    with style():
        return tuple(_written(item, folder) for item in _made(results))


def draw_some(results: Results, folder: Path, names: Collection[str]) -> tuple[Figure, ...]:
    """:func:`draw`, of the figures with these ids alone, in the order of the report.

    Raises:
        UserError: an id that no figure has; the message lists those there are.
        OSError: the folder cannot be written.
    """
    with style():
        made = {item.record.id if isinstance(item, Drawing) else item.id: item for item in _made(results)}
        for name in names:
            if name not in made:
                raise UserError(f"no figure is called {name!r}; there are: {', '.join(made)}")
        return tuple(_written(item, folder) for name, item in made.items() if name in names)


def _made(results: Results) -> Iterator[Drawing | Figure]:
    return (item for maker in MAKERS for item in maker(results))


def _written(item: Drawing | Figure, folder: Path) -> Figure:
    return write(item, folder) if isinstance(item, Drawing) else item
