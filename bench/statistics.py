"""Every interval and test of the suite: of means, medians, ratios and shares; rank tests; the rule that makes a verdict.

A difference is B - A everywhere. Values are raw and unrounded; a PSNR may be infinite, no value may be NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

Verdict = Literal["SAME", "BETTER", "WORSE", "UNCLEAR"]
Interval = tuple[float, float]

ROUNDING = 1e-9  # relative: 28.43 - 28.42 is a little more than 0.01 in float64
FEWEST = 6
"""Values whose range covers the median with 95 % confidence: 1 - 2 * 0.5**6 = 0.97; five give 0.94."""
RESAMPLES = 10_000
MEDIAN_RESAMPLES = 4000
DRAWS_AT_ONCE = 2_000_000  # indices in memory at a time: 16 MB
# Up to here a count of 2**n signs is exact in a float64.
EXACT_RANKS = 50


@dataclass(frozen=True, kw_only=True)
class RankTest:
    """A two-sided test of "no difference".

    Attributes:
        p: 1 where nothing differs at all.
        direction: 1 where the ranks favour larger values in B, -1 for smaller ones, 0 for neither.
    """

    p: float
    direction: int


def differences(a: Sequence[float], b: Sequence[float]) -> tuple[float, ...]:
    """B - A, value by value; 0 where both are the same infinity, ±infinity where one of them is.

    Raises:
        ValueError: unequal numbers of values, or a NaN.
    """
    if len(a) != len(b):
        raise ValueError(f"there are {len(a)} and {len(b)} values, must be equally many")
    return _numbers([0.0 if x == y else y - x for x, y in zip(a, b, strict=True)])


def mean(values: Sequence[float]) -> float | None:
    """Summed without rounding error. ±infinity where infinite ones have one sign, None where they have both.

    Raises:
        ValueError: no values, or a NaN.
    """
    infinite = {value for value in _numbers(values) if math.isinf(value)}
    if len(infinite) == 2:
        return None
    return infinite.pop() if infinite else math.fsum(values) / len(values)


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    if not values or any(math.isnan(value) for value in values):
        raise ValueError(f"values are {list(values)[:5]}, needs at least one and no NaN")
    return tuple(values)


def paired_interval(
    differences: Sequence[float], seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Interval | None:
    """Bootstrap interval of the mean difference: images are drawn, so each keeps its pair; see :func:`mean_interval`."""
    return mean_interval(differences, seed=seed, resamples=resamples, confidence=confidence)


def mean_interval(
    values: Sequence[float], seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Interval | None:
    """Bootstrap interval of the mean of values drawn from a wider population: expanded percentiles (Hesterberg 2015).

    The plain percentile interval of five values covers their mean 84 times in 100, not 95, and BCa does no better:
    resamples vary by (n - 1) / n too little, and a normal quantile stands where Student's belongs. Here the
    percentiles are moved outwards by both, which covers 92 % at n = 5 and 94 % or more from n = 8 on for normal
    differences; `docs/compare.md` has the table, with skewed and heavy-tailed ones.

    None where the tail to be cut off is rarer than the rarest resample, n**-n: below five values at 95 %.
    None, too, for infinite values of both signs. With those of one sign a bound may be infinite.
    The same values in the same order and the same seed give the same interval.

    Raises:
        ValueError: no values, a NaN, or a confidence outside (0, 1).
    """
    import numpy as np

    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1 (got {confidence})")
    n = len(_numbers(values))
    tail = _tail(n, confidence)
    # n**-n is the chance of the rarest resample, n times the least value.
    if n < 2 or float(n) ** -n > tail or mean(values) is None:
        return None
    means = np.sort(_resampled_means(np.asarray(values, dtype=float), seed, resamples))
    cut = int(tail * resamples)
    return float(means[cut]), float(means[-1 - cut])


def mean_intervals(
    values: np.ndarray[Any, Any], seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> tuple[Interval | None, ...]:
    """:func:`mean_interval` of every column, from the draws that it makes of one: they differ by rounding alone.

    Args:
        values: (n, columns), finite.
    """
    import numpy as np

    n, columns = values.shape
    tail = _tail(n, confidence)
    if n < 2 or float(n) ** -n > tail:
        return (None,) * columns
    generator = np.random.default_rng(seed)
    means = np.empty((columns, resamples))
    step = max(1, DRAWS_AT_ONCE // n)
    for start in range(0, resamples, step):
        part = means[:, start : start + step]
        rows = part.shape[1]
        drawn = generator.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        # a resample's mean is a product with how often it drew each image, which all columns share
        counts = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)
        part[:] = values.T @ counts.T / n
    cut = int(tail * resamples)
    ends = np.partition(means, (cut, resamples - 1 - cut), axis=1)[:, [cut, resamples - 1 - cut]]
    return tuple((float(low), float(high)) for low, high in ends)


def _tail(n: int, confidence: float) -> float:
    """Share of the resampled means below the interval, and above it: Phi(t * sqrt(n / (n - 1)))."""
    from scipy.special import ndtr, stdtrit

    if n < 2:
        return 0.0
    return float(ndtr(stdtrit(n - 1, (1 - confidence) / 2) * math.sqrt(n / (n - 1))))


def _resampled_means(values: np.ndarray[Any, Any], seed: int, resamples: int) -> np.ndarray[Any, Any]:
    import numpy as np

    generator, n = np.random.default_rng(seed), len(values)
    means = np.empty(resamples)
    step = max(1, DRAWS_AT_ONCE // n)
    for start in range(0, resamples, step):
        part = means[start : start + step]
        part[:] = values[generator.integers(0, n, (len(part), n))].mean(axis=1)
    return means


def ratio_interval(
    a: Sequence[float], b: Sequence[float], seed: int = 0, confidence: float = 0.95
) -> Interval | None:
    """Bootstrap interval of median(b) / median(a) for independent times; None where either has fewer than six."""
    if min(len(a), len(b)) < FEWEST:
        return None
    # Another seed for each: with one, equally many times would be drawn alike and their noise cancel.
    ratios = bootstrap_medians(tuple(b), seed=seed + 1) / bootstrap_medians(tuple(a), seed=seed)
    return percentile_interval(ratios, (1 - confidence) / 2)


def median_interval(values: Sequence[float]) -> Interval | None:
    """Bootstrap 95 % interval of the median; None below six values."""
    return None if len(values) < FEWEST else percentile_interval(bootstrap_medians(tuple(values)))


def percentile_interval(draws: np.ndarray[Any, Any], tail: float = 0.025) -> Interval:
    """Of what a bootstrap drew, without the share `tail` at either end."""
    return quantile(draws, tail), quantile(draws, 1 - tail)


def quantile(values: Sequence[float] | np.ndarray[Any, Any], q: float) -> float:
    """With linear interpolation between neighbours (NumPy's default)."""
    import numpy as np

    return float(np.quantile(values, q))


def bootstrap_medians(values: tuple[float, ...], *, seed: int = 0) -> np.ndarray[Any, Any]:
    """Medians of `MEDIAN_RESAMPLES` resamples with replacement, without drawing them one by one.

    A resample's k-th smallest value is the value at rank floor(n * U), U the k-th smallest of n uniform
    numbers: distributed as Beta(k, n + 1 - k). Given U, the next is the least of n - k uniform in (U, 1).
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    ordered, n = np.sort(values), len(values)
    k = (n + 1) // 2  # of an even number the lower of the two in the middle

    def at(uniform: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        # rounding can make a uniform number 1
        return ordered[np.minimum((uniform * n).astype(int), n - 1)]

    lower = generator.beta(k, n + 1 - k, MEDIAN_RESAMPLES)
    if n % 2:
        return at(lower)
    upper = 1 - (1 - lower) * generator.random(MEDIAN_RESAMPLES) ** (1 / (n - k))
    return (at(lower) + at(upper)) / 2


def signed_rank(differences: Sequence[float]) -> RankTest:
    """Wilcoxon's signed-rank test for paired values; differences of zero are skipped (Wilcoxon's own rule).

    Exact up to 50 differences, ties or not; beyond, SciPy's normal approximation, corrected for ties. An infinite
    difference has the highest rank. n differences cannot give a p below 2**(1 - n).

    Raises:
        ValueError: no differences, or a NaN.
    """
    import numpy as np
    from scipy.stats import rankdata, wilcoxon

    moved = np.asarray([value for value in _numbers(differences) if value != 0])
    if not moved.size:
        return RankTest(p=1.0, direction=0)
    signed = np.sign(moved) * rankdata(np.abs(moved))
    # Of the signed ranks and not of the differences: they rank alike, and an infinite one is a number here.
    p = _exact_p(signed) if moved.size <= EXACT_RANKS else float(wilcoxon(signed).pvalue)
    return RankTest(p=p, direction=int(np.sign(signed.sum())))


def signed_rank_each(differences: np.ndarray[Any, Any]) -> tuple[float, ...]:
    """The p value of :func:`signed_rank` for every column, those without zeros and ties at once.

    Args:
        differences: (n, pairs), without NaN.
    """
    import numpy as np
    from scipy.stats import wilcoxon

    n, pairs = differences.shape
    sizes = np.sort(np.abs(differences), axis=0)
    plain = (sizes[:1] > 0).all(axis=0)
    if n <= EXACT_RANKS:
        plain &= (sizes[1:] != sizes[:-1]).all(axis=0)
    found = np.empty(pairs)
    if plain.any():
        chosen = differences[:, plain]
        found[plain] = _exact_without_ties(chosen) if n <= EXACT_RANKS else wilcoxon(chosen, axis=0).pvalue
    for column in np.flatnonzero(~plain):
        found[column] = signed_rank(differences[:, column].tolist()).p
    return tuple(map(float, found))


def _exact_without_ties(differences: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """:func:`_exact_p` of every column: without ties all have the ranks 1 to n, so the ways are counted once."""
    import numpy as np

    n = len(differences)
    ranks = np.abs(differences).argsort(axis=0).argsort(axis=0) + 1
    total = n * (n + 1) // 2
    positive = np.where(differences > 0, ranks, 0).sum(axis=0)
    ways = np.zeros(total + 1)
    ways[0] = 1
    for rank in range(1, n + 1):
        ways[rank:] = ways[rank:] + ways[:-rank]
    at_most = np.cumsum(ways)[np.minimum(positive, total - positive)]
    return np.minimum(1.0, 2 * at_most / 2.0**n)


def _exact_p(signed: np.ndarray[Any, Any]) -> float:
    """From all 2**n ways to set the signs, counted by their sum; tied ranks are halves, so twice the ranks are added.

    SciPy's exact p assumes that there are no ties, and may be too small where there are.
    """
    import numpy as np

    doubled = np.rint(2 * np.abs(signed)).astype(int)
    total, positive = int(doubled.sum()), int(doubled[signed > 0].sum())
    ways = np.zeros(total + 1)
    ways[0] = 1
    for rank in doubled:
        ways[rank:] = ways[rank:] + ways[:-rank]
    return min(1.0, float(2 * ways[: min(positive, total - positive) + 1].sum() / 2.0**signed.size))


def rank_sum(a: Sequence[float], b: Sequence[float]) -> RankTest:
    """The Mann-Whitney test for unpaired values, such as repetitions of a timing.

    Exact where one side has at most eight values and none are tied; else by normal approximation, corrected for
    ties and continuity.

    Raises:
        ValueError: a side has no values, or a NaN.
    """
    import numpy as np
    from scipy.stats import mannwhitneyu

    if len({*_numbers(a), *_numbers(b)}) == 1:
        return RankTest(p=1.0, direction=0)
    # B first: a statistic above half of the pairs says that B's values are larger.
    outcome = mannwhitneyu(b, a)
    balance = float(outcome.statistic) - len(a) * len(b) / 2
    return RankTest(p=float(outcome.pvalue), direction=int(np.sign(balance)))


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Each p adjusted for their number (Holm 1979): one false rejection or more among all those below alpha has
    a chance of at most alpha."""
    adjusted, largest = [0.0] * len(p), 0.0
    for position, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - position) * p[i]))
        adjusted[i] = largest
    return tuple(adjusted)


def verdict(
    *,
    unchanged: bool,
    interval: Interval | None,
    test: RankTest,
    higher_is_better: bool,
    tolerance: float = 0.0,
    alpha: float = 0.05,
) -> Verdict:
    """What B is against A; the first of these that holds.

    - SAME: `unchanged`, or the interval lies within ±`tolerance`.
    - BETTER, WORSE: the interval lies wholly beyond ±`tolerance` on one side, the test's p is below `alpha`, and
      the ranks favour that side.
    - UNCLEAR: everything else, so also where there is no interval.

    Args:
        unchanged: no single value differs by more than `tolerance`; with a tolerance of 0, all are equal to the bit.
    """
    low, high = interval or (-math.inf, math.inf)
    if unchanged or (-tolerance <= low and high <= tolerance):
        return "SAME"
    side = 1 if low > tolerance else -1 if high < -tolerance else 0
    # Mean and ranks can point opposite ways, where few images move far and many a little.
    if side == 0 or test.p >= alpha or test.direction != side:
        return "UNCLEAR"
    return "BETTER" if (side > 0) == higher_is_better else "WORSE"


def share_interval(successes: int, n: int) -> Interval:
    """Wilson's 95 % score interval of `successes` in `n` independent trials (Wilson 1927); (0, 1) for n of 0."""
    from scipy.stats import binomtest

    if n == 0:
        return (0.0, 1.0)
    found = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return (float(found.low), float(found.high))


def within_a_unit(value: float, printed: float, decimals: int) -> bool:
    """Whether they differ by at most one unit of the last digit that was printed: some are cut, not rounded.

    Args:
        decimals: digits that were printed behind the point.
    """
    if not math.isfinite(value):
        return False
    # Room for float64 alone: a difference of exactly one unit counts, whichever way it is represented.
    return abs(value - printed) <= 10.0**-decimals * (1 + ROUNDING) + ROUNDING * abs(printed)
