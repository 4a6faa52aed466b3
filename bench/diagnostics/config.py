"""The options of `bench.doctor`. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Config:
    """What `bench.doctor` was told; each field is the option of its name.

    Attributes:
        fetch: groups; empty for all, None for none.
    """

    fetch: Sequence[str] | None
    verify: bool
    verbose: bool
    json: Path | None
    report: bool
    db: Path | None
