"""A stored timing to the rows of a table: statistics are computed here, on reading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.records import SpeedResult
from bench.timing.provenance_record import TimingProvenance

LOSSES = ("psnr_lost", "lpips_lost")
"""Of a variant's facts those that rows of a sweep have; see :class:`bench.variants.sweep.VariantFacts`."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: a method at a size.

    Attributes:
        size: side of the image that comes out, in pixels.
        iterations: of the optimisation; None for a network.
        variant: that it ran in; see :mod:`bench.variants.variant`.
        rung: what was tried on top of what had been kept, in a sweep; empty elsewhere.
        kept: the next steps stand on it.
        seconds: for one image; None where `error` says why.
        ci: bootstrap 95 % interval of `seconds`; None below six repetitions.
        n: repetitions or iterations that were timed, or 1 for a whole run.
        extrapolated_from: iterations that were timed, where not all of them were.
        certificate: the JSON of :class:`bench.timing.provenance_record.TimingProvenance`, without raw repetitions.
        error: why there is no time; empty where there is one.
    """

    method: str
    size: int
    variant: str
    device: str
    weights: str
    rung: str = ""
    kept: bool = False
    iterations: int | None = None
    seconds: float | None = None
    ci: tuple[float, float] | None = None
    n: int = 0
    extrapolated_from: int | None = None
    peak_memory_bytes: int | float | None = None
    protocol_hash: str = ""
    environment_hash: str = ""
    certificate: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    error: str = ""

    @property
    def megapixels_per_second(self) -> float | None:
        """Of the image that comes out; None for an optimisation."""
        if self.seconds is None or self.iterations is not None:
            return None
        return self.size**2 / self.seconds / 1e6

    @property
    def share_of_peak(self) -> float | None:
        """FLOP/s reached over those of this machine's fastest matrix product; None where nothing was measured."""
        return (self.certificate or {}).get("share_of_peak")

    @property
    def card(self) -> dict[str, Any]:
        """What the network is made of (:mod:`bench.timing.card`); empty where that was not asked for."""
        return dict((self.certificate or {}).get("card") or {})

    @property
    def variant_facts(self) -> dict[str, Any]:
        """How close it is to plain float32, and what building it took; empty for an optimisation."""
        return dict((self.certificate or {}).get("form") or {})


def network_row(result: SpeedResult) -> Row:
    """A network's time for one image."""
    provenance = TimingProvenance.of(result)
    timing = provenance.timing
    return _row(result, provenance, seconds=timing.median, ci=timing.ci95, n=timing.n)


def gatys_rows(result: SpeedResult, iterations: Sequence[int]) -> list[Row]:
    """The optimisation's time for each number of iterations: summed where as many were timed, scaled where a
    few were.
    """
    provenance = TimingProvenance.of(result)
    return [_gatys_row(result, provenance, count) for count in iterations]


def _gatys_row(result: SpeedResult, provenance: TimingProvenance, count: int) -> Row:
    timing = provenance.timing
    # More iterations than were run are scaled, as those of a sample are.
    if provenance.whole_run and timing.n >= count:
        return _row(
            result, provenance, seconds=math.fsum(timing.seconds[:count]), ci=None, n=1, iterations=count
        )
    low_high = timing.ci95
    return _row(
        result,
        provenance,
        seconds=count * timing.median,
        ci=low_high and (count * low_high[0], count * low_high[1]),
        n=timing.n,
        iterations=count,
        # Marks the row as scaled, in the table and in its speed-ups.
        extrapolated_from=timing.n,
    )


def _row(
    result: SpeedResult,
    provenance: TimingProvenance,
    *,
    seconds: float,
    ci: tuple[float, float] | None,
    n: int,
    iterations: int | None = None,
    extrapolated_from: int | None = None,
) -> Row:
    return Row(
        method=result.subject,
        size=result.size,
        iterations=iterations,
        variant=result.variant,
        seconds=seconds,
        ci=ci,
        n=n,
        extrapolated_from=extrapolated_from,
        peak_memory_bytes=provenance.peak_memory.bytes,
        device=provenance.device,
        weights=provenance.weights,
        protocol_hash=result.protocol_hash,
        environment_hash=result.environment_hash,
        certificate={key: value for key, value in result.certificate.items() if key != "timing"},
        # A whole run (n = 1) is one sum, which has no interval to warn of.
        warnings=tuple(w for w in provenance.warnings if n != 1 or w != provenance.timing.interval_warning),
    )


def record(row: Row) -> dict[str, Any]:
    """All of a row, with its provenance."""
    fields = dict(vars(row))
    certificate = fields.pop("certificate")
    facts = row.variant_facts
    later = {name: facts[name] for name in LOSSES if name in facts}
    return {
        **fields,
        "megapixels_per_second": row.megapixels_per_second,
        "share_of_peak": row.share_of_peak,
        "max_abs_error": facts.get("max_abs_error"),
        "psnr_against_float32": facts.get("psnr"),
        "admissible": facts.get("admissible"),
        "build_seconds": facts.get("build_seconds"),
        **later,
        "certificate": certificate,
    }
