"""What time is read from: the wall clock on a CPU, events in the stream on a CUDA device."""

from __future__ import annotations

import itertools
import time
import typing as tp
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

if tp.TYPE_CHECKING:
    import torch

Work = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One repetition, all its calls together, in seconds: by the device's clock and by the wall clock."""

    seconds: float
    wall_seconds: float


@tp.runtime_checkable
class Clock(tp.Protocol):
    """Times work on one kind of device."""

    @property
    def name(self) -> str: ...

    def now(self) -> float:
        """Seconds of the wall clock, from any origin; never goes back."""
        ...

    def lap(self, work: Work, loops: int) -> Lap:
        """Calls `work` `loops` times and waits until all of it is done."""
        ...


@dataclass(frozen=True, kw_only=True)
class CpuClock:
    """The wall clock, for work that is done when the call returns.

    Attributes:
        synchronize: waits for a device that has no clock of its own (MPS); nothing to wait for on a CPU.
    """

    counter: Callable[[], float] = time.perf_counter
    synchronize: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return "perf_counter"

    def now(self) -> float:
        return self.counter()

    def lap(self, work: Work, loops: int) -> Lap:
        # What was queued before must not end in this lap.
        self.synchronize()
        begin = self.counter()
        # repeat() makes no number for each call, as range() does.
        for _ in itertools.repeat(None, loops):
            work()
        self.synchronize()
        seconds = self.counter() - begin
        return Lap(seconds=seconds, wall_seconds=seconds)


class Event(tp.Protocol):
    """A mark in a stream of work on a device, as `torch.cuda.Event` is."""

    def record(self) -> None: ...

    def elapsed_time(self, end: tp.Any) -> float:
        """Milliseconds from this mark to `end`."""
        ...


@dataclass(frozen=True, kw_only=True)
class CudaClock:
    """Events around the calls, in the stream that is current; the wall clock beside them."""

    event: Callable[[], Event]
    synchronize: Callable[[], None]
    counter: Callable[[], float] = time.perf_counter

    @property
    def name(self) -> str:
        return "cuda-events"

    def now(self) -> float:
        return self.counter()

    def lap(self, work: Work, loops: int) -> Lap:
        # Made before either clock runs.
        start, end = self.event(), self.event()
        self.synchronize()
        begin = self.counter()
        start.record()
        for _ in itertools.repeat(None, loops):
            work()
        end.record()
        self.synchronize()
        wall_seconds = self.counter() - begin
        return Lap(seconds=start.elapsed_time(end) / 1e3, wall_seconds=wall_seconds)


def clock_for(device: torch.device) -> Clock:
    """The clock that work on `device` is timed with."""
    import torch

    if device.type == "cuda":
        event = partial(torch.cuda.Event, enable_timing=True)
        return CudaClock(event=event, synchronize=partial(torch.cuda.synchronize, device))
    if device.type == "mps":
        return CpuClock(synchronize=torch.mps.synchronize)
    return CpuClock()


@contextmanager
def current(device: torch.device) -> Iterator[None]:
    """With `device` as the current one, so that events land in its stream."""
    import torch

    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device):
        yield
