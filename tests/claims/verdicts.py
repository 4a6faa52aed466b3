"""What README.md says against what a fresh run gives: pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.claims import readme
from tests.claims.claim import Claim
from tests.claims.printed_tables import Cells
from tests.claims.readme import Token

Verdict = Literal["holds", "contradicted", "failed", "not checked"]
FAILING = frozenset({"contradicted", "failed"})
FAILED = "failed: "
SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the table that is printed."""

    claim: str
    says: tuple[str, ...]
    fresh: tuple[str, ...]
    verdict: Verdict
    reason: str = ""

    @property
    def fails(self) -> bool:
        return self.verdict in FAILING


def judge(claim: Claim | Cells, text: str, results: Mapping[str, Any], absent: Mapping[str, str]) -> Line:
    """Compare one claim.

    Args:
        results: by source.
        absent: sources without a result, and why: what begins with :data:`FAILED` is a failure, others were skipped.
    """
    tokens = claim.tokens(text)
    says = tuple(token.text for token in tokens)
    name = readme.plain(" ".join(claim.text.split()))
    for source in claim.sources:
        if source in absent:
            reason = absent[source].removeprefix(FAILED)
            verdict: Verdict = "not checked" if reason == absent[source] else "failed"
            return Line(claim=name, says=says, fresh=(), verdict=verdict, reason=reason)
    fresh = list(claim.values(results))
    if len(fresh) != len(tokens):
        return Line(claim=name, says=says, fresh=(), verdict="failed", reason=f"{len(fresh)} values")
    holds = all(agrees(token, value, claim.factor) for token, value in zip(tokens, fresh, strict=True))
    shown = tuple(as_printed(token, value) for token, value in zip(tokens, fresh, strict=True))
    reason = "" if holds else f"more than {claim.factor:g} times apart" if claim.factor else "another digit"
    return Line(
        claim=name, says=says, fresh=shown, verdict="holds" if holds else "contradicted", reason=reason
    )


def agrees(token: Token, fresh: object, factor: float | None) -> bool:
    """Equal to the printed digit; with a factor, at most that far apart, either way."""
    if factor is None or not isinstance(fresh, (int, float)):
        return as_printed(token, fresh) == token.text.replace(",", "")
    return fresh > 0 and max(fresh / token.value, token.value / fresh) <= factor


def as_printed(token: Token, fresh: object) -> str:
    """A value with as many digits as stand in README.md."""
    if not isinstance(fresh, (int, float)):
        return str(fresh).replace(",", "")
    mantissa, exponent, _ = token.text.replace(",", "").partition("e")
    digits = len(mantissa.partition(".")[2])
    if not exponent:
        return f"{fresh:.{digits}f}"
    shown, _, power = f"{fresh:.{digits}e}".partition("e")
    return f"{shown}e{int(power)}"


def rows(lines: Iterable[Line]) -> list[tuple[str, ...]]:
    """The cells of the table, as text."""
    return [
        (
            line.claim if len(line.claim) <= SHOWN else f"{line.claim[: SHOWN - 3]}...",
            " ".join(line.says),
            " ".join(line.fresh),
            f"{line.verdict}: {line.reason}" if line.reason else line.verdict,
        )
        for line in lines
    ]


def summary(lines: Sequence[Line]) -> str:
    """`31 claims hold (112 numbers), 1 is contradicted ...` in a line."""
    parts = []
    for verdict in ("holds", "contradicted", "failed", "not checked"):
        chosen = [line for line in lines if line.verdict == verdict]
        if chosen:
            parts.append(f"{verdict}: {len(chosen)} ({sum(len(line.says) for line in chosen)} numbers)")
    return ", ".join(parts)


def to_json(lines: Iterable[Line]) -> str:
    return json.dumps([vars(line) for line in lines], indent=1) + "\n"
