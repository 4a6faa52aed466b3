"""Whether two timing runs of the same models agree: Kendall's tau, and pairs of models that change order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

ENOUGH = 2


class Measured(NamedTuple):
    """Median seconds of a model in one run, with the ends of its 95 % interval."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """Two runs beside each other.

    Attributes:
        tau: Kendall's tau (b) of the medians of the two.
        models: how many both have.
        disjoint: pairs of models whose intervals are disjoint in each of the two.
        changed: those of them that change order, the faster of the first run first.
    """

    tau: float
    models: int
    disjoint: int
    changed: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """For people."""
        if self.changed:
            pairs = ", ".join(f"{a} and {b}" for a, b in self.changed[:3])
            more = f" and {len(self.changed) - 3} more" if len(self.changed) > 3 else ""
            order = f"{len(self.changed)} change order: {pairs}{more}"
        else:
            order = "none changes order"
        return (
            f"Two timing runs of {self.models} models: Kendall's tau {self.tau:.3f}; of {self.disjoint} pairs with "
            f"disjoint 95 % intervals in both {order}."
        )


def repeat(first: Mapping[str, Measured], second: Mapping[str, Measured]) -> Repeat | None:
    """The agreement of two runs over the models that both have; None of fewer than two, or of equal times alone."""
    from scipy.stats import kendalltau

    models = [model for model in first if model in second]
    if len(models) < ENOUGH:
        return None
    tau = float(
        kendalltau(
            [first[model].seconds for model in models], [second[model].seconds for model in models]
        ).statistic
    )
    if math.isnan(tau):  # of equal times there is no order
        return None
    disjoint, changed = 0, []
    for pair in combinations(models, 2):
        orders = [_faster(run, *pair) for run in (first, second)]
        if None in orders:
            continue
        disjoint += 1
        if orders[0] != orders[1]:
            a, b = pair
            changed.append((a, b) if orders[0] == a else (b, a))
    return Repeat(tau=tau, models=len(models), disjoint=disjoint, changed=tuple(changed))


def _faster(run: Mapping[str, Measured], a: str, b: str) -> str | None:
    """The one whose whole interval lies below the other's; None where they overlap."""
    if run[a].high < run[b].low:
        return a
    return b if run[b].high < run[a].low else None
