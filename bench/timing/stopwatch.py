"""The stopwatch: first call, warm-up and steady state apart, repeated until the median is known."""

from __future__ import annotations

import gc
import typing as tp
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

from jaxtyping import Float

from bench.devices import find_device
from bench.errors import UserError
from bench.statistics import FEWEST, median_interval, quantile
from bench.timing.clocks import Clock, Lap, Work, clock_for, current
from bench.timing.records import Region, Stopped, Stopping, Timing

if tp.TYPE_CHECKING:
    import torch

# One repetition lasts at least this long: 10,000 readings of perf_counter, 2,000 steps of an event.
SHORTEST_LAP_SECONDS = 1e-3
MOST_LOOPS = 2**20
# The interval is looked at each time there are a tenth more repetitions, so that looking disturbs little.
GROWTH = 1.1
# By launching and waiting, device and wall clock may differ by this share and these seconds per repetition.
WALL_TOLERANCE = 0.05
WALL_SLACK_SECONDS = 1e-4


class TimingError(UserError):
    """The clocks contradict each other, or stand still: there is no number to report."""


def measure(
    work: Work,
    *,
    device: str = "cpu",
    warmup: int = 3,
    min_repeats: int = 10,
    max_repeats: int = 200,
    target_ci: float = 0.02,
    time_limit_seconds: float = 20.0,
    clock: Clock | None = None,
) -> Timing:
    """Time `work()`.

    The first call, the warm-up and the repetitions are kept apart. Repetitions go on until the 95 % interval
    of their median is narrow, or end early at `max_repeats` or the time limit, which the record warns of.
    A call shorter than a millisecond is made several times, back to back, in each repetition. The garbage
    collector rests.

    Args:
        device: where the work runs; on a CUDA device, in the stream that is current there.
        target_ci: half the interval's width as a share of the median.
        time_limit_seconds: of warm-up and repetitions; one repetition is always made, the last one finished.
        clock: what to time with; the device's own by default.

    Raises:
        UserError: there is no such device.
        TimingError: device clock and wall clock disagree (work on another stream), or the clock stands still.
    """
    stopping = Stopping(
        warmup=warmup,
        min_repeats=min_repeats,
        max_repeats=max_repeats,
        target_ci=target_ci,
        time_limit_seconds=time_limit_seconds,
    )
    if clock is not None:
        return run(work, clock, stopping)
    found = find_device(device)
    with current(found):
        return run(work, clock_for(found), stopping)


def regions(
    network: Callable[[torch.Tensor], torch.Tensor],
    image: Float[torch.Tensor, "n c h w"],
    *,
    device: str = "cpu",
    stopping: Stopping | None = None,
) -> dict[Region, Timing]:
    """Each leg of one pass by itself: `image` to the device, through the network, its output back.

    The host's memory is pageable, as that of an image just decoded is. A CPU has no leg but `network`.

    Args:
        image: in the host's memory, of the dtype and memory format that the network takes.

    Raises:
        UserError, TimingError: as :func:`measure`.
    """
    import torch

    found = find_device(device)
    settings = asdict(stopping or Stopping())
    with torch.inference_mode():
        there = image.to(found)
        output = network(there)
        legs: dict[Region, Work] = {"network": partial(network, there)}
        if found.type != "cpu":
            legs = {"host-to-device": partial(image.to, found), **legs, "device-to-host": output.cpu}
        return {region: measure(work, device=device, **settings) for region, work in legs.items()}


def run(work: Work, clock: Clock, stopping: Stopping) -> Timing:
    """First call, warm-up, calibration, repetitions, cross-check."""
    with gc_disabled():
        first = clock.lap(work, 1)
        # After the first call, which may compile for longer than the limit.
        deadline = clock.now() + stopping.time_limit_seconds
        warm = warm_up(work, clock, stopping.warmup, deadline)
        # Without a warm-up the shortest is unknown: 0, so that calibrate finds out by calling.
        loops = calibrate(work, clock, shortest=min((lap.seconds for lap in warm), default=0.0))
        laps, stopped = repeat(work, clock, loops, stopping, deadline)
    cross_check(laps)
    return Timing(
        seconds=tuple(lap.seconds / loops for lap in laps),
        wall_seconds=tuple(lap.wall_seconds / loops for lap in laps),
        first_seconds=first.seconds,
        warmup_seconds=tuple(lap.seconds for lap in warm),
        loops=loops,
        clock=clock.name,
        target_ci=stopping.target_ci,
        stopped=stopped,
    )


def warm_up(work: Work, clock: Clock, count: int, deadline: float) -> list[Lap]:
    """Up to `count` calls, fewer when the deadline passes."""
    laps: list[Lap] = []
    while len(laps) < count and clock.now() < deadline:
        laps.append(clock.lap(work, 1))
    return laps


def calibrate(work: Work, clock: Clock, shortest: float) -> int:
    """How many calls make a repetition that is long enough for the clock; 1 if the `shortest` call was."""
    loops = 1
    seconds = shortest
    # Doubled from one call on: the last lap, as long as required, is not used as a repetition.
    while seconds < SHORTEST_LAP_SECONDS:
        seconds = clock.lap(work, loops).seconds
        if seconds < SHORTEST_LAP_SECONDS:
            loops *= 2
        if loops > MOST_LOOPS:
            raise TimingError(
                f"{loops // 2} calls took {seconds} s by {clock.name}: the clock does not see this work"
            )
    return loops


def repeat(
    work: Work, clock: Clock, loops: int, stopping: Stopping, deadline: float
) -> tuple[list[Lap], Stopped]:
    """Repetitions until the interval is narrow, there are enough, or the deadline has passed."""
    laps: list[Lap] = []
    next_look = max(stopping.min_repeats, FEWEST)
    while True:
        laps.append(clock.lap(work, loops))
        if len(laps) >= next_look:
            if interval_is_narrow(laps, stopping.target_ci):
                return laps, "narrow"
            next_look = int(len(laps) * GROWTH) + 1
        if len(laps) >= stopping.max_repeats:
            return laps, "max repeats"
        if clock.now() >= deadline:
            return laps, "time limit"


def interval_is_narrow(laps: list[Lap], target_ci: float) -> bool:
    """Whether half the interval's width is at most `target_ci` of the median."""
    seconds = [lap.seconds for lap in laps]
    interval = median_interval(seconds)
    return interval is not None and (interval[1] - interval[0]) / 2 <= target_ci * quantile(seconds, 0.5)


def cross_check(laps: list[Lap]) -> None:
    """Refuse clocks that tell different stories; medians are compared, so that one interruption is no story.

    Raises:
        TimingError: the wall clock sees work that the device's events do not, or the other way round.
    """
    seconds = quantile([lap.seconds for lap in laps], 0.5)
    wall = quantile([lap.wall_seconds for lap in laps], 0.5)
    allowed = WALL_TOLERANCE * wall + WALL_SLACK_SECONDS
    if abs(wall - seconds) > allowed:
        raise TimingError(
            f"a repetition takes {seconds * 1e3:.3f} ms by the device's clock and {wall * 1e3:.3f} ms by the "
            f"wall clock, must agree within {allowed * 1e3:.3f} ms; is there work on another stream?"
        )


@contextmanager
def gc_disabled() -> Iterator[None]:
    """Without Python's garbage collection, which would fall on some repetitions and not on others."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
