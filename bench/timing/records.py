"""What was timed and what came out: frozen, free of torch; statistics come from raw values on reading."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.records import content_hash
from bench.statistics import FEWEST, Interval, median_interval, quantile
from bench.variants.variant import Backend, Dtype, MemoryFormat, Variant

Region = Literal["host-to-device", "network", "device-to-host", "iteration"]
Stopped = Literal["narrow", "max repeats", "time limit", "rounds"]

WIDE_SPREAD = 0.10  # interquartile range over the median
DRIFT = 0.05  # change of the median from the first half to the second


@dataclass(frozen=True, kw_only=True)
class SpeedProtocol:
    """What is timed, and how long one looks; two timings can be compared when hash and environment are equal.

    Attributes:
        size: side of the square input in pixels.
        batch: images per call.
        folded: batch norm is folded into the convolutions.
        spread: convolutions of few filters are computed in blocks; a definition without it has no such field, as
            before there was one. Likewise `fast`: the optimisation as its program runs it, not layer by layer.
        graph: replayed as a CUDA graph.
        threads: of torch's CPU kernels.
        timed_region: what one timed call does; a `network` begins with its input on the device and ends with
            its output there; `iteration` is one step of an optimisation, forward and backward.
        warmup: calls after the first that are kept apart.
        target_ci: the 95 % interval of the median is narrow enough when its half width is this share of it.
        time_limit_seconds: of warm-up and repetitions together, after the first call.
        rounds: the time limit is divided into so many, between which everything else is timed; 1 for one block, and such a
            definition has no such field, as before there was one.
    """

    size: int
    threads: int
    batch: int = 1
    dtype: Dtype = "float32"
    memory_format: MemoryFormat = "contiguous"
    backend: Backend = "torch"
    folded: bool = False
    spread: bool = False
    fast: bool = False
    compiled: bool = False
    graph: bool = False
    timed_region: tuple[Region, ...] = ("network",)
    warmup: int = 3
    min_repeats: int = 10
    max_repeats: int = 200
    target_ci: float = 0.02
    time_limit_seconds: float = 20.0
    rounds: int = 1

    def __post_init__(self) -> None:
        for name in ("size", "threads", "batch", "rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1 (got {getattr(self, name)})")
        if not self.timed_region:
            raise ValueError("timed_region is empty, needs at least one region")
        # Raises for the fields that are Stopping's.
        _ = self.stopping

    @classmethod
    def of(
        cls, variant: Variant, *, size: int, threads: int, stopping: Stopping, rounds: int = 1
    ) -> SpeedProtocol:
        """What is timed when a network runs in `variant` on a square image."""
        return cls(size=size, threads=threads, rounds=rounds, **vars(variant), **vars(stopping))

    @property
    def stopping(self) -> Stopping:
        """When to stop, in each round: the part of the protocol that :func:`bench.timing.stopwatch.measure` takes."""
        whole = Stopping(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Stopping)})
        return dataclasses.replace(whole, time_limit_seconds=whole.time_limit_seconds / self.rounds)

    @property
    def definition(self) -> dict[str, Any]:
        """Every field, as JSON gives it back."""
        # Fields that came later: with them in it, the hash of every earlier timing would be another one.
        later = {name for name in ("spread", "fast") if not getattr(self, name)}
        later |= {"rounds"} if self.rounds == 1 else set()
        fields = {name: value for name, value in asdict(self).items() if name not in later}
        return {**fields, "timed_region": list(self.timed_region)}

    @property
    def hash(self) -> str:
        """SHA-256 of :attr:`definition`; the first eight digits are printed beside every number."""
        return content_hash(self.definition)


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When a measurement ends; see :class:`SpeedProtocol` for the fields."""

    warmup: int = 3
    min_repeats: int = 10
    max_repeats: int = 200
    target_ci: float = 0.02
    time_limit_seconds: float = 20.0

    def __post_init__(self) -> None:
        if self.warmup < 0:
            raise ValueError(f"warmup must be at least 0 (got {self.warmup})")
        if not 1 <= self.min_repeats <= self.max_repeats:
            given = f"min_repeats is {self.min_repeats} and max_repeats {self.max_repeats}"
            raise ValueError(f"{given}, must be 1 <= min_repeats <= max_repeats")
        if not 0 < self.target_ci < math.inf:
            raise ValueError(f"target_ci is {self.target_ci}, must be a share of the median above 0")
        if not 0 < self.time_limit_seconds < math.inf:
            raise ValueError(f"time_limit_seconds is {self.time_limit_seconds}, must be a time above 0")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Raw times of one call, in seconds, and what they say.

    Attributes:
        seconds: steady state, one value per repetition, each the mean of `loops` calls back to back; of a timing in rounds
            one value per round, the median of its repetitions.
        wall_seconds: the same repetitions by the wall clock; equal to `seconds` where that is the clock.
        first_seconds: the very first call, with whatever is loaded, tuned or compiled in it.
        warmup_seconds: the calls between it and the repetitions; not used by any statistic.
        loops: calls per repetition, more than 1 where a call is too short for the clock.
        clock: `perf_counter`, or `cuda-events`.
        target_ci: relative half width of the interval that was asked for.
        stopped: why no more repetitions were made.
        rounds: the repetitions of each round; empty for a timing in one block.
    """

    seconds: tuple[float, ...]
    wall_seconds: tuple[float, ...]
    first_seconds: float
    warmup_seconds: tuple[float, ...]
    loops: int
    clock: str
    target_ci: float
    stopped: Stopped
    rounds: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.seconds or len(self.seconds) != len(self.wall_seconds):
            raise ValueError(
                f"timing has {len(self.seconds)} values and {len(self.wall_seconds)} by the wall clock, "
                "must be equally many and at least one"
            )
        if min(self.seconds) <= 0 or not all(map(math.isfinite, self.seconds)):
            raise ValueError(f"timing holds {min(self.seconds)} s, must be times above 0 and finite")

    def and_round(self, block: Timing) -> Timing:
        """With one round more. The interval is of the rounds' medians: a machine that is slower for a minute widens it."""
        return dataclasses.replace(
            self,
            seconds=(*self.seconds, block.median),
            wall_seconds=(*self.wall_seconds, quantile(block.wall_seconds, 0.5)),
            rounds=(*self.rounds, block.seconds),
        )

    @property
    def first_round(self) -> Timing:
        """Of a timing in one block: the same as the first of several rounds."""
        return dataclasses.replace(
            self,
            stopped="rounds",
            seconds=(self.median,),
            wall_seconds=(quantile(self.wall_seconds, 0.5),),
            rounds=(self.seconds,),
        )

    @property
    def n(self) -> int:
        return len(self.seconds)

    @property
    def median(self) -> float:
        """Seconds per call."""
        return quantile(self.seconds, 0.5)

    @property
    def iqr(self) -> float:
        """Interquartile range in seconds: the spread of the middle half."""
        return quantile(self.seconds, 0.75) - quantile(self.seconds, 0.25)

    @property
    def ci95(self) -> Interval | None:
        """Bootstrap 95 % confidence interval of the median, in seconds; None below six repetitions."""
        return median_interval(self.seconds)

    @property
    def relative_half_width(self) -> float | None:
        """Half the interval's width as a share of the median; None where there is no interval."""
        if self.ci95 is None:
            return None
        low, high = self.ci95
        return (high - low) / 2 / self.median

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the median; empty when there is nothing."""
        return tuple(
            warning for warning in (self.interval_warning, self.spread_warning, self.drift_warning) if warning
        )

    @property
    def interval_warning(self) -> str | None:
        width, rounds = self.relative_half_width, self.stopped == "rounds"
        if width is None:
            if rounds:
                return f"too few rounds for a 95 % interval ({self.n} of {FEWEST})"
            return f"too few repetitions for a 95 % interval ({self.n} of {FEWEST}, {self.stopped}); raise --time-limit"
        if width <= self.target_ci:
            return None
        of = f"over {self.n} rounds" if rounds else f"after {self.n} repetitions ({self.stopped})"
        return f"interval is ±{width:.1%} {of}, wanted ±{self.target_ci:.1%}"

    @property
    def spread_warning(self) -> str | None:
        share = self.iqr / self.median
        return f"spread is wide: IQR is {share:.0%} of the median" if share > WIDE_SPREAD else None

    @property
    def drift_warning(self) -> str | None:
        """The halves differ: the machine grew hot, or something else began or ended meanwhile."""
        if self.n < 2 * FEWEST:
            return None
        # Of an odd number the middle one is in neither half.
        half = self.n // 2
        change = quantile(self.seconds[-half:], 0.5) / quantile(self.seconds[:half], 0.5) - 1
        if abs(change) <= DRIFT:
            return None
        how = "slower" if change > 0 else "faster"
        return f"drift: second half of the repetitions {abs(change):.0%} {how} than the first"
