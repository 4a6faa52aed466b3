"""How sure one can be of a median: resampling, seeded, all at once."""

from __future__ import annotations

import typing as tp
from typing import Any

if tp.TYPE_CHECKING:
    import numpy as np

RESAMPLES = 4000


def quantile(values: tuple[float, ...] | np.ndarray[Any, Any], q: float) -> float:
    """With linear interpolation between neighbours (NumPy's default)."""
    import numpy as np

    return float(np.quantile(values, q))


def bootstrap_medians(values: tuple[float, ...], *, seed: int = 0) -> np.ndarray[Any, Any]:
    """Medians of `RESAMPLES` resamples with replacement, without drawing them one by one.

    A resample's k-th smallest value is the value at rank floor(n * U), U the k-th smallest of n uniform
    numbers: distributed as Beta(k, n + 1 - k). Given U, the next is the least of n - k uniform in (U, 1).
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    ordered, n = np.sort(values), len(values)
    k = (n + 1) // 2
    lower = generator.beta(k, n + 1 - k, RESAMPLES)
    if n % 2:
        return ordered[rank(lower, n)]
    upper = 1 - (1 - lower) * generator.random(RESAMPLES) ** (1 / (n - k))
    return (ordered[rank(lower, n)] + ordered[rank(upper, n)]) / 2


def rank(uniform: np.ndarray[Any, Any], n: int) -> np.ndarray[Any, Any]:
    """floor(n * uniform) within 0..n-1; rounding can make `uniform` 1."""
    import numpy as np

    return np.minimum((uniform * n).astype(int), n - 1)
