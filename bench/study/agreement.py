"""How far voters agree: Krippendorff's alpha for nominal values."""

from __future__ import annotations

from collections.abc import Sequence


def krippendorff_alpha(counts: Sequence[Sequence[int]]) -> float | None:
    """1 for full agreement, 0 for that of chance, below 0 for less; None where it is not defined.

    1 - observed / expected disagreement (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"): the
    chance that two votes on one unit differ, a unit weighing as many as it has votes, over the chance that two of
    all these votes differ. Units may have any number of votes; those with one say nothing and are skipped.

    Args:
        counts: for each unit, the number of votes for each value.
    """
    pairable = [unit for unit in counts if sum(unit) > 1]
    totals = [sum(column) for column in zip(*pairable, strict=True)]
    n = sum(totals)
    if not n or max(totals) == n:  # no pair of votes, or all for one value: nothing could have differed
        return None
    observed = sum(_differing(unit) / (sum(unit) - 1) for unit in pairable) / n
    return 1 - observed / (_differing(totals) / (n * (n - 1)))


def _differing(counts: Sequence[int]) -> int:
    """Ordered pairs of votes for different values."""
    return sum(counts) ** 2 - sum(count**2 for count in counts)
