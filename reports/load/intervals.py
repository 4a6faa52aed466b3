"""Bootstrap intervals as tables and verdicts use them: computed once each, with fewer resamples of very many values."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bench.statistics import RESAMPLES, Interval, mean_intervals
from bench.statistics import mean_interval as bootstrap

if TYPE_CHECKING:
    import numpy as np

LARGEST_DRAW = 2_000_000
FEWEST_RESAMPLES = 1_000


# Tables, verdicts and figures ask for the same column, each for itself.
@lru_cache(maxsize=4096)
def interval(values: tuple[float, ...]) -> Interval | None:
    """95 % interval of the mean; see :func:`bench.statistics.mean_interval`. None below five values."""
    return bootstrap(values, resamples=_resamples(len(values)))


def intervals(values: np.ndarray[Any, Any]) -> tuple[Interval | None, ...]:
    """:func:`interval` of each column, at once: (images, columns), finite."""
    return mean_intervals(values, resamples=_resamples(len(values)))


def _resamples(n: int) -> int:
    return max(FEWEST_RESAMPLES, min(RESAMPLES, LARGEST_DRAW // max(1, n)))
