"""The options of `bench.compare`. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.comparing.records import SECONDS
from bench.timing.records import DRIFT


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is compared, and how strictly; each field is the option of its name.

    Attributes:
        metrics: names, `seconds` for timings among them; None for all.
        datasets: names; None for all, and for timings too.
        tolerance: by metric, in its unit; of `seconds` a share of A's median.
        holm: p values are adjusted for their number.
        allow_different_machines: timings of different machines are compared.
    """

    a: str
    b: str
    db: Path
    metrics: tuple[str, ...] | None = None
    datasets: tuple[str, ...] | None = None
    tolerance: Mapping[str, float] = field(default_factory=dict)
    alpha: float = 0.05
    holm: bool = False
    allow_different_machines: bool = False
    fail_on: tuple[str, ...] = ()
    json: Path | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Config:
        """The command line of `bench.compare`, parsed."""
        # None, for all, stays None.
        lists = {name: options[name] and tuple(options[name]) for name in ("metrics", "datasets")}
        fail_on = tuple(dict.fromkeys(options["fail_on"]))
        return cls(**{**options, **lists, "tolerance": dict(options["tolerance"]), "fail_on": fail_on})

    @property
    def confidence(self) -> float:
        """Of the intervals."""
        return 1 - self.alpha

    @property
    def with_timings(self) -> bool:
        """Not where data sets are named, nor where metrics are and `seconds` is none of them."""
        return self.datasets is None and (self.metrics is None or SECONDS.name in self.metrics)

    def tolerance_of(self, metric: str) -> float:
        """0 unless one was given; for times the drift within one run that the suite warns of."""
        return self.tolerance.get(metric, DRIFT if metric == SECONDS.name else 0.0)
