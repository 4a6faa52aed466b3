"""What a measured value says of a printed one. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.statistics import within_a_unit


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A value, and the protocol or convention that gives it, in words.

    Attributes:
        protocol: that it is of, or on whose images the convention was tried.
        convention: in words; empty for the protocol's own value.
        model, model_hash: what was scored.
    """

    under: str
    value: float
    protocol: str = ""
    convention: str = ""
    model: str = ""
    model_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one value of a claim.

    Attributes:
        outcome: `verified`, `off` or `cannot`.
        under: of `nearest`: the protocol or convention in words; empty where nothing was measured.
        value: what it gives.
        reason: why it cannot be compared.
        found: whose value it is; None where nothing was measured.
    """

    claim: str
    metric: str
    printed: str
    outcome: str
    expected: str
    under: str = ""
    value: float | None = None
    reason: str = ""
    found: Candidate | None = None

    @property
    def as_expected(self) -> bool:
        """Whether the claim came out as its file says."""
        return self.outcome == self.expected

    @property
    def text(self) -> str:
        """The outcome in words."""
        if self.outcome == "cannot" or self.value is None:
            return f"cannot be compared, because {self.reason}"
        digits = _decimals(self.printed)
        if self.outcome == "verified":
            # Two digits more show how it rounds.
            return f"verified under {self.under} ({self.value:.{digits + 2}f})"
        apart = self.value - float(self.printed)
        return (
            f"off by {apart:+.{digits}f} under every protocol and every convention that a library prints "
            f"(nearest: {self.under}, {self.value:.{digits}f})"
        )

    def record(self) -> Mapping[str, object]:
        """For JSON."""
        own = {key: value for key, value in vars(self).items() if key != "found"}
        return {**own, "as_expected": self.as_expected, "text": self.text}


def holds(printed: str, value: float) -> bool:
    """Whether a value is within one unit of the last printed digit."""
    return within_a_unit(value, float(printed), _decimals(printed))


def judge(
    claim: str, metric: str, printed: str, expected: str, found: Sequence[Candidate], reason: str = ""
) -> Verdict:
    """The first candidate that holds, else the nearest.

    Args:
        found: in the order of preference: protocols, then conventions that some library prints.
        reason: why nothing was found.
    """
    finite = [candidate for candidate in found if math.isfinite(candidate.value)]
    if not finite:
        reason = reason or "no finite value was measured"
        return Verdict(
            claim=claim, metric=metric, printed=printed, outcome="cannot", expected=expected, reason=reason
        )
    first = next((candidate for candidate in finite if holds(printed, candidate.value)), None)
    best = first or min(finite, key=lambda candidate: abs(candidate.value - float(printed)))
    return Verdict(
        claim=claim,
        metric=metric,
        printed=printed,
        outcome="verified" if first else "off",
        expected=expected,
        under=best.under,
        value=best.value,
        found=best,
    )


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
