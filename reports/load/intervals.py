"""Bootstrap intervals as tables and verdicts use them: computed once each, with fewer resamples of very many values."""

from __future__ import annotations

from functools import lru_cache

from bench.statistics import RESAMPLES, Interval
from bench.statistics import mean_interval as bootstrap

LARGEST_DRAW = 2_000_000  # numbers that are drawn for one interval: all resamples up to 200 values
FEWEST_RESAMPLES = 1_000


# Tables, verdicts and figures ask for the same column, each for itself.
@lru_cache(maxsize=4096)
def interval(values: tuple[float, ...]) -> Interval | None:
    """95 % interval of the mean; see :func:`bench.statistics.mean_interval`. None below five values."""
    resamples = max(FEWEST_RESAMPLES, min(RESAMPLES, LARGEST_DRAW // max(1, len(values))))
    return bootstrap(values, resamples=resamples)
