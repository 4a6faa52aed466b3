"""What a comparison of A and B consists of: frozen, free of torch and pandas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.comparing.facts import Fields
from bench.records import MetricInfo
from bench.statistics import Interval, RankTest, Verdict

SECONDS = MetricInfo(
    name="seconds",
    version="1",
    about="seconds of one call, median of the repetitions",
    unit="s",
    decimals=4,
    higher_is_better=False,
)


@dataclass(frozen=True, kw_only=True)
class ScoreKey:
    """What scores are matched by, before images. `model` is empty where two models are compared."""

    dataset: str
    scale: int
    protocol: str
    protocol_hash: str
    model: str
    metric: str

    @property
    def title(self) -> str:
        """Of the table that the row belongs to."""
        return f"{self.dataset} x{self.scale}, protocol {self.protocol} ({self.protocol_hash[:8]})"

    @property
    def group(self) -> str:
        """Of the lines in the table that belong together."""
        return self.model

    @property
    def label(self) -> str:
        """Of the line."""
        return self.metric

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " ".join(
            part for part in (f"{self.dataset} x{self.scale}", self.protocol, self.model, self.metric) if part
        )


@dataclass(frozen=True, kw_only=True)
class TimeKey:
    """What timings are matched by. `subject` is empty where two models are compared.

    Its title, group, label and text are for tables and messages, as those of :class:`ScoreKey`.

    Attributes:
        device: as torch names it; empty where the two sides were timed on different ones.
    """

    subject: str
    variant: str
    size: int
    protocol_hash: str
    device: str = ""

    @property
    def title(self) -> str:
        return f"seconds of one call{f' on {self.device}' if self.device else ''}"

    @property
    def group(self) -> str:
        return self.subject

    @property
    def label(self) -> str:
        return f"{self.size} {self.variant}"

    @property
    def text(self) -> str:
        return " ".join(part for part in ("seconds:", self.subject, self.label, self.device) if part)


@dataclass(frozen=True, kw_only=True)
class Unmatched:
    """Images that were skipped, by name. `changed`: on both sides, with other content."""

    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only_a or self.only_b or self.changed)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """How B differs from A in one metric, before any verdict.

    Attributes:
        a: mean over the common images, or median time; None where it is not a number.
        difference: mean of B - A over the images; for times the medians' ratio B / A, less 1.
        interval: of `difference`; None where there are too few values.
        n: number of common images, the same twice; for times of repetitions in A and in B.
        tolerance: in the unit of `difference`.
        unchanged: no value differs by more than `tolerance`.
    """

    key: ScoreKey | TimeKey
    metric: MetricInfo
    a: float | None
    b: float | None
    difference: float | None
    interval: Interval | None
    test: RankTest
    n: tuple[int, int]
    tolerance: float
    unchanged: bool
    unmatched: Unmatched = field(default_factory=Unmatched)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An effect and what it amounts to. `p` is the test's, adjusted if that was asked for."""

    effect: Effect
    p: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """Something of A or B that was not compared, and why. `fields` are those that differ, where that is why."""

    what: str
    reason: str
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ComparedResults:
    """One kind of result, compared.

    Attributes:
        left_out: what has nothing to be compared with.
        refused: timings of different machines.
        notes: what a reader must know of how it was compared.
    """

    effects: tuple[Effect, ...] = ()
    left_out: tuple[Skipped, ...] = ()
    refused: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All of it, in the order of A."""

    rows: tuple[Row, ...]
    left_out: tuple[Skipped, ...]
    notes: tuple[str, ...]

    def count(self) -> Mapping[str, int]:
        """Rows by verdict."""
        return {name: sum(row.verdict == name for row in self.rows) for name in VERDICTS}


VERDICTS: tuple[Verdict, ...] = ("SAME", "BETTER", "WORSE", "UNCLEAR")
