"""How sure one can be of a share."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of `successes` in `n` independent trials (Wilson 1927); (0, 1) for n of 0."""
    if n == 0:
        return (0.0, 1.0)
    share, z2 = successes / n, Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (
        0.0 if successes == 0 else middle - half,  # exact there, but for rounding
        1.0 if successes == n else middle + half,
    )
