"""Verdicts as lines of the page's table: numbers become text here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.formatting import as_printed
from reports.parts import JUDGEMENTS, Judgement, Verdict

TIME_UNITS = ("s", "ms")  # a difference of times is a factor


@dataclass(frozen=True, kw_only=True)
class VerdictRow:
    """A verdict and its numbers as text; empty where there is none. `size` is what differences are sorted by."""

    verdict: Verdict
    unit: str
    ours: str
    interval: str
    difference: str
    size: float | None


def counts(verdicts: Sequence[Verdict]) -> dict[Judgement, int]:
    """How many got which judgement; zeros among them."""
    found = [verdict.judgement for verdict in verdicts]
    return {judgement: found.count(judgement) for judgement in JUDGEMENTS}


def verdict_rows(verdicts: Sequence[Verdict]) -> tuple[VerdictRow, ...]:
    """In the order of the verdicts."""
    return tuple(
        VerdictRow(
            verdict=verdict,
            unit="×" if verdict.cell.unit == "x" else verdict.cell.unit,  # noqa: RUF001
            ours="" if verdict.ours is None else as_printed(verdict.ours, verdict.cell.decimals),
            interval=_interval(verdict),
            difference=_difference(verdict),
            size=None if verdict.difference is None else abs(verdict.difference),
        )
        for verdict in verdicts
    )


def _interval(verdict: Verdict) -> str:
    if verdict.interval is None:
        return ""
    low, high = (as_printed(end, verdict.cell.decimals) for end in verdict.interval)
    return f"[{low}, {high}]"


def _difference(verdict: Verdict) -> str:
    if verdict.difference is None:
        return ""
    if verdict.cell.unit in TIME_UNITS:
        return f"×{verdict.difference:.3g}"  # noqa: RUF001 (the sign for "times" is meant)
    return f"{verdict.difference:+.{verdict.cell.decimals}f}"
