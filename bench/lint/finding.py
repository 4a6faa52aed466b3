"""What the linter says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with a pair, and what to do.

    Attributes:
        kind: `size`, `range`, `identical`, `quantisation`, `channels`, `order`, `luma`, `shift` or `stems`.
        severity: `refuse` where the numbers would be of something else than the image meant, `warn` where they are
            right of the images as they are.
    """

    kind: str
    severity: Literal["refuse", "warn"]
    what: str
    remedy: str

    @property
    def text(self) -> str:
        """In one line."""
        return f"{self.what}; {self.remedy}"


def refusal(findings: Iterable[Finding]) -> Finding | None:
    """The first finding that forbids to score the pair."""
    return next((finding for finding in findings if finding.severity == "refuse"), None)
