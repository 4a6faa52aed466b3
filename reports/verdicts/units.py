"""How near a number is to a printed one."""

from __future__ import annotations

from bench import statistics
from reports.load.paper import PaperCell


def within_a_unit(ours: float, cell: PaperCell) -> bool:
    """Whether they differ by at most one unit of the last digit that was printed: some are cut, not rounded."""
    return statistics.within_a_unit(ours, cell.value, cell.decimals)
