"""Every figure of the report, drawn from what the stores hold; what cannot be drawn says why, and which command helps."""

from __future__ import annotations

from pathlib import Path

from reports import (
    figure_absent,
    figure_crops,
    figure_differences,
    figure_ladder,
    figure_pareto,
    figure_table1,
)
from reports.figure_files import write
from reports.figure_style import Drawing, style
from reports.parts import Figure
from reports.results import Results

MAKERS = (
    figure_table1.drawings,
    figure_absent.drawings,
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
        made = (item for maker in MAKERS for item in maker(results))
        return tuple(write(item, folder) if isinstance(item, Drawing) else item for item in made)
