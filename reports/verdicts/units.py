"""How near a number is to a printed one."""

from __future__ import annotations

import math

from reports.load.paper import PaperCell

ROUNDING = 1e-9


def within_a_unit(ours: float, cell: PaperCell) -> bool:
    """Whether they differ by at most one unit of the last digit that was printed: some are cut, not rounded."""
    if not math.isfinite(ours):
        return False
    return abs(ours - cell.value) <= 10.0**-cell.decimals * (1 + ROUNDING) + ROUNDING * abs(cell.value)
