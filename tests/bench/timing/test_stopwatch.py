from __future__ import annotations

import dataclasses
import gc
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data.untrusted import parse_as
from bench.errors import UserError
from bench.statistics import bootstrap_medians, quantile
from bench.timing import stopwatch as timing_module
from bench.timing.clocks import Clock, CpuClock, CudaClock, clock_for
from bench.timing.records import SpeedProtocol, Stopping, Timing
from bench.timing.stopwatch import TimingError, calibrate, measure, regions


class Wall:
    """A wall clock that only moves when somebody works."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def work(self, durations: Iterable[float]) -> Callable[[], object]:
        """Work whose calls take `durations`, one after the other."""
        left = iter(durations)

        def call() -> None:
            self.seconds += next(left)

        return call


class Gpu:
    """A device with streams: work is launched, runs later, and is waited for by synchronize."""

    LAUNCH_SECONDS = 5e-6

    def __init__(self) -> None:
        self.wall = Wall()
        self.done = {"current": 0.0, "other": 0.0}

    def launch(self, seconds: float, stream: str = "current") -> None:
        self.wall.seconds += self.LAUNCH_SECONDS
        self.done[stream] = max(self.done[stream], self.wall.seconds) + seconds

    def synchronize(self) -> None:
        self.wall.seconds = max(self.wall.seconds, *self.done.values())

    def clock(self) -> CudaClock:
        return CudaClock(event=lambda: Mark(self), synchronize=self.synchronize, counter=self.wall)


class Mark:
    """An event in the current stream of a simulated device."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.seconds = 0.0

    def record(self) -> None:
        self.seconds = max(self.gpu.wall.seconds, self.gpu.done["current"])

    def elapsed_time(self, end: Mark) -> float:
        return (end.seconds - self.seconds) * 1e3


def noisy(median: float, spread: float, seed: int = 0) -> Iterator[float]:
    generator = np.random.default_rng(seed)
    while True:
        yield float(median * np.exp(spread * generator.standard_normal()))


def made_of(seconds: Iterable[float], **changes: object) -> Timing:
    values = tuple(seconds)
    fields: dict[str, object] = {
        "seconds": values,
        "wall_seconds": values,
        "first_seconds": 1.0,
        "warmup_seconds": (),
        "loops": 1,
        "clock": "perf_counter",
        "target_ci": 0.02,
        "stopped": "narrow",
    }
    return Timing(**(fields | changes))  # type: ignore[arg-type]


def test_importing_the_stopwatch_imports_no_torch() -> None:
    program = "import bench.timing.stopwatch, bench.timing.records, sys; sys.exit('torch' in sys.modules)"
    root = Path(timing_module.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


def test_first_call_warm_up_and_steady_state_are_kept_apart() -> None:
    wall = Wall()
    work = wall.work([9.0, 0.7, 0.6, 0.5, *[0.25] * 20])
    timing = measure(work, clock=CpuClock(counter=wall), warmup=3, min_repeats=10)
    assert timing.first_seconds == pytest.approx(9.0)
    assert timing.warmup_seconds == pytest.approx((0.7, 0.6, 0.5))
    assert timing.seconds == pytest.approx([0.25] * 10)
    assert timing.wall_seconds == timing.seconds
    assert (timing.loops, timing.clock, timing.stopped) == (1, "perf_counter", "narrow")


def test_steady_work_ends_at_the_fewest_repetitions_without_a_warning() -> None:
    wall = Wall()
    timing = measure(wall.work(itertools.repeat(0.1)), clock=CpuClock(counter=wall), min_repeats=12)
    assert timing.n == 12
    assert timing.median == pytest.approx(0.1)
    assert timing.iqr == pytest.approx(0.0)
    assert timing.warnings == ()


def test_noisy_work_is_repeated_until_its_interval_is_narrow() -> None:
    repeats = {}
    for spread in (0.01, 0.05, 0.10):
        wall = Wall()
        clock = CpuClock(counter=wall)
        timing = measure(
            wall.work(noisy(0.1, spread)), clock=clock, max_repeats=1000, time_limit_seconds=1000.0
        )
        assert timing.stopped == "narrow"
        assert timing.relative_half_width is not None
        assert timing.relative_half_width <= 0.02
        repeats[spread] = timing.n
    assert repeats[0.01] == 10 < repeats[0.05] < repeats[0.10]


def test_a_wider_target_needs_fewer_repetitions() -> None:
    def repetitions(target_ci: float) -> int:
        wall = Wall()
        clock = CpuClock(counter=wall)
        return measure(wall.work(noisy(0.01, 0.2)), clock=clock, target_ci=target_ci, max_repeats=2000).n

    assert repetitions(0.10) < repetitions(0.04)


def test_repetitions_end_at_the_most_and_the_record_warns() -> None:
    wall = Wall()
    timing = measure(wall.work(noisy(0.01, 0.5)), clock=CpuClock(counter=wall), max_repeats=25)
    assert (timing.n, timing.stopped) == (25, "max repeats")
    assert any("after 25 repetitions (max repeats), wanted ±2.0%" in warning for warning in timing.warnings)
    assert any("spread is wide: IQR is" in warning for warning in timing.warnings)


def test_repetitions_end_at_the_time_limit_and_the_record_warns() -> None:
    wall = Wall()
    timing = measure(wall.work(noisy(1.0, 0.5)), clock=CpuClock(counter=wall), time_limit_seconds=20.0)
    assert timing.stopped == "time limit"
    assert sum(timing.seconds) + sum(timing.warmup_seconds) == pytest.approx(20.0, abs=4.0)
    assert any("(time limit)" in warning for warning in timing.warnings)


def test_a_narrow_interval_is_not_warned_of_whatever_ended_the_repetitions() -> None:
    wall = Wall()
    timing = measure(wall.work(itertools.repeat(2.0)), clock=CpuClock(counter=wall), time_limit_seconds=20.0)
    assert (timing.stopped, timing.relative_half_width, timing.warnings) == ("time limit", 0, ())


def test_the_first_call_does_not_count_towards_the_time_limit() -> None:
    wall = Wall()
    work = wall.work(itertools.chain([500.0], itertools.repeat(0.1)))
    assert measure(work, clock=CpuClock(counter=wall), time_limit_seconds=10.0).stopped == "narrow"


def test_work_longer_than_the_limit_is_still_repeated_once() -> None:
    wall = Wall()
    timing = measure(wall.work(itertools.repeat(60.0)), clock=CpuClock(counter=wall), time_limit_seconds=1.0)
    assert timing.warmup_seconds == (60.0,)
    assert timing.seconds == (60.0,)
    assert timing.ci95 is None
    assert timing.warnings == (
        "too few repetitions for a 95 % interval (1 of 6, time limit); raise --time-limit",
    )


def test_short_work_is_looped_inside_a_repetition_and_reported_per_call() -> None:
    wall = Wall()
    timing = measure(wall.work(itertools.repeat(1e-6)), clock=CpuClock(counter=wall))
    assert timing.loops == 1024
    assert timing.median == pytest.approx(1e-6, rel=1e-3)


def test_a_coarse_timer_does_not_matter_to_short_work() -> None:
    wall = Wall()
    tick = 1e-4
    clock = CpuClock(counter=lambda: wall.seconds // tick * tick)
    timing = measure(wall.work(itertools.repeat(3.3e-6)), clock=clock)
    assert timing.median == pytest.approx(3.3e-6, rel=0.1)


def test_work_of_a_millisecond_or_more_is_not_looped() -> None:
    wall = Wall()
    assert calibrate(wall.work(itertools.repeat(0.002)), CpuClock(counter=wall), shortest=0.0) == 1


def test_a_clock_that_stands_still_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_module, "MOST_LOOPS", 64)
    with pytest.raises(
        TimingError, match=r"64 calls took 0.0 s by perf_counter: the clock does not see this work"
    ):
        measure(lambda: None, clock=CpuClock(counter=lambda: 0.0))


def test_events_time_work_in_the_current_stream() -> None:
    gpu = Gpu()
    timing = measure(lambda: gpu.launch(0.020), clock=gpu.clock())
    assert timing.clock == "cuda-events"
    assert timing.median == pytest.approx(0.020, rel=1e-3)
    assert timing.wall_seconds == pytest.approx(timing.seconds, rel=1e-2)


def test_short_device_work_is_looped_too() -> None:
    gpu = Gpu()
    timing = measure(lambda: gpu.launch(50e-6), clock=gpu.clock())
    assert timing.loops >= 16
    assert timing.median == pytest.approx(50e-6, rel=0.02)


def test_work_on_another_stream_fails_the_cross_check() -> None:
    gpu = Gpu()

    def split() -> None:
        gpu.launch(0.002)
        gpu.launch(0.020, stream="other")

    message = r"repetition takes 2.\d+ ms by the device's clock and 20.\d+ ms by the wall clock, must agree"
    with pytest.raises(TimingError, match=message):
        measure(split, clock=gpu.clock())


def test_work_that_is_never_in_the_current_stream_fails_the_cross_check() -> None:
    gpu = Gpu()
    with pytest.raises(TimingError, match="is there work on another stream"):
        measure(lambda: gpu.launch(0.004, stream="other"), clock=gpu.clock())


def test_events_that_count_more_than_the_wall_clock_fail_the_cross_check() -> None:
    gpu = Gpu()
    clock = dataclasses.replace(gpu.clock(), counter=lambda: gpu.wall.seconds / 2)
    with pytest.raises(TimingError, match="must agree"):
        measure(lambda: gpu.launch(0.020), clock=clock)


def test_one_interruption_is_no_contradiction() -> None:
    gpu = Gpu()
    calls = itertools.count()

    def interrupted() -> None:
        gpu.launch(0.020)
        if next(calls) == 8:
            gpu.launch(0.5, stream="other")

    assert measure(interrupted, clock=gpu.clock()).median == pytest.approx(0.020, rel=1e-3)


def test_the_first_call_may_work_on_other_streams() -> None:
    gpu = Gpu()
    calls = itertools.count()
    timing = measure(lambda: gpu.launch(0.02, "current" if next(calls) else "other"), clock=gpu.clock())
    assert timing.median == pytest.approx(0.02, rel=1e-3)


def test_the_collector_rests_meanwhile_and_works_afterwards() -> None:
    wall = Wall()
    seen = set()

    def work() -> None:
        seen.add(gc.isenabled())
        wall.seconds += 0.1

    measure(work, clock=CpuClock(counter=wall))
    assert seen == {False}
    assert gc.isenabled()


def test_an_error_in_the_work_is_passed_on_and_the_collector_works_afterwards() -> None:
    def broken() -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        measure(broken)
    assert gc.isenabled()


def test_real_work_on_the_cpu_is_timed_by_the_wall_clock() -> None:
    values = torch.rand(64, 64)
    timing = measure(lambda: values @ values, max_repeats=10, target_ci=0.5)
    assert timing.clock == "perf_counter"
    assert 0 < timing.median < 1
    assert isinstance(clock_for(torch.device("cpu")), Clock)


def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(UserError, match="device is 'cuda:99', which is not here"):
        measure(lambda: None, device="cuda:99")


@pytest.mark.cuda
def test_a_side_stream_of_a_real_gpu_fails_the_cross_check() -> None:
    values = torch.rand(8192, 8192, device="cuda")
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def on_the_side() -> None:
        with torch.cuda.stream(side):
            values @ values

    assert measure(lambda: values @ values, device="cuda").clock == "cuda-events"
    with pytest.raises(TimingError, match="is there work on another stream"):
        measure(on_the_side, device="cuda")


def test_statistics_of_a_known_sample_are_numpys() -> None:
    sample = [0.5, 0.1, 0.2, 0.9, 0.3, 0.4, 0.8]
    timing = made_of(sample)
    assert timing.median == 0.4
    assert timing.iqr == pytest.approx(np.subtract(*np.percentile(sample, [75, 25])))
    assert timing.ci95 is not None
    assert min(sample) <= timing.ci95[0] < 0.4 < timing.ci95[1] <= max(sample)


@pytest.mark.parametrize("n", [6, 7, 10, 31, 200])
def test_bootstrap_medians_are_distributed_as_those_of_resamples_drawn_one_by_one(n: int) -> None:
    sample = np.random.default_rng(n).lognormal(0.0, 0.3, n)
    drawn = np.median(np.random.default_rng(5).choice(sample, (40_000, n)), axis=1)
    many = np.concatenate([bootstrap_medians(tuple(sample), seed=seed) for seed in range(10)])
    for q in (0.025, 0.16, 0.5, 0.84, 0.975):
        assert (
            abs(
                float((many <= np.quantile(drawn, q)).mean()) - float((drawn <= np.quantile(drawn, q)).mean())
            )
            < 0.01
        )
    assert many.mean() == pytest.approx(drawn.mean(), rel=2e-3)
    assert many.std() == pytest.approx(drawn.std(), rel=0.03)


def test_the_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        low, high = made_of(generator.lognormal(0.0, 0.2, 20)).ci95 or (0.0, 0.0)
        covered += low <= 1.0 <= high
    assert 0.91 <= covered / 400 <= 0.99


def test_reading_twice_gives_the_same_interval() -> None:
    timing = made_of(noisy_values := list(itertools.islice(noisy(1.0, 0.1), 30)))
    assert timing.ci95 == made_of(noisy_values).ci95


def test_five_repetitions_have_no_interval_and_six_have() -> None:
    assert made_of([1.0, 1.1, 1.2, 1.3, 1.4]).ci95 is None
    assert made_of([1.0, 1.1, 1.2, 1.3, 1.4, 1.5]).ci95 is not None


def test_a_machine_that_slows_down_is_warned_of() -> None:
    drifting = made_of([1.0] * 10 + [1.1] * 10)
    assert "drift: second half of the repetitions 10% slower than the first" in drifting.warnings
    assert made_of([1.0, 1.01] * 10).warnings == ()


def test_a_timing_survives_json() -> None:
    timing = made_of([1.0, 2.0, 3.0], warmup_seconds=(4.0,))
    assert parse_as(Timing, json.loads(json.dumps(dataclasses.asdict(timing))), "a timing") == timing


def test_a_timing_without_values_or_with_impossible_ones_is_refused() -> None:
    with pytest.raises(
        ValueError, match="0 values and 0 by the wall clock, must be equally many and at least one"
    ):
        made_of([])
    with pytest.raises(ValueError, match=r"holds -1.0 s, must be times above 0"):
        made_of([1.0, -1.0])


def test_a_protocols_hash_changes_with_every_field() -> None:
    base = SpeedProtocol(size=256, threads=2)
    changes: dict[str, object] = {
        "size": 512,
        "threads": 1,
        "batch": 2,
        "dtype": "bfloat16",
        "memory_format": "channels_last",
        "backend": "onnxruntime",
        "folded": True,
        "spread": True,
        "fast": True,
        "compiled": True,
        "graph": True,
        "timed_region": ("host-to-device", "network"),
        "warmup": 5,
        "min_repeats": 11,
        "max_repeats": 300,
        "target_ci": 0.05,
        "time_limit_seconds": 5.0,
        "rounds": 6,
    }
    assert set(changes) == {field.name for field in dataclasses.fields(SpeedProtocol)}
    changed = [dataclasses.replace(base, **{name: value}) for name, value in changes.items()]  # type: ignore[arg-type]
    assert len({base.hash, *(protocol.hash for protocol in changed)}) == len(changes) + 1
    assert base.hash == SpeedProtocol(size=256, threads=2).hash


def test_a_protocols_definition_is_what_json_gives_back() -> None:
    definition = SpeedProtocol(size=256, threads=2).definition
    assert json.loads(json.dumps(definition)) == definition


def test_a_protocol_says_when_to_stop_in_measures_words() -> None:
    protocol = SpeedProtocol(size=256, threads=2, warmup=1, max_repeats=12)
    wall = Wall()
    work = wall.work(noisy(1.0, 0.5))
    timing = measure(work, clock=CpuClock(counter=wall), **dataclasses.asdict(protocol.stopping))
    assert timing.n == 12
    assert len(timing.warmup_seconds) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, "size must be at least 1 (got 0)"),
        ({"threads": -1}, "threads must be at least 1 (got -1)"),
        ({"batch": 0}, "batch must be at least 1 (got 0)"),
        ({"warmup": -1}, "warmup must be at least 0 (got -1)"),
        (
            {"min_repeats": 0},
            "min_repeats is 0 and max_repeats 200, must be 1 <= min_repeats <= max_repeats",
        ),
        ({"max_repeats": 9}, "min_repeats is 10 and max_repeats 9, must be"),
        ({"target_ci": 0.0}, "target_ci is 0.0, must be a share of the median above 0"),
        ({"time_limit_seconds": float("inf")}, "time_limit_seconds is inf, must be a time above 0"),
        ({"timed_region": ()}, "timed_region is empty, needs at least one region"),
    ],
)
def test_an_impossible_protocol_is_refused(changes: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {"size": 256, "threads": 2}
    with pytest.raises(ValueError, match=re.escape(message)):
        SpeedProtocol(**(fields | changes))  # type: ignore[arg-type]


def test_stopping_has_the_defaults_of_the_protocol() -> None:
    assert SpeedProtocol(size=256, threads=2).stopping == Stopping()


def test_quantiles_interpolate_between_neighbours() -> None:
    assert quantile((1.0, 2.0), 0.25) == 1.25


def test_a_cpu_has_no_leg_but_the_network() -> None:
    stopping = Stopping(max_repeats=10, target_ci=0.5)
    rows = regions(lambda image: image * 2, torch.rand(1, 3, 32, 32), stopping=stopping)
    assert list(rows) == ["network"]
    assert rows["network"].median > 0


@pytest.mark.cuda
def test_a_gpu_has_three_legs() -> None:
    rows = regions(lambda image: image * 2, torch.rand(8, 3, 1024, 1024), device="cuda")
    assert list(rows) == ["host-to-device", "network", "device-to-host"]
    assert rows["host-to-device"].median > rows["network"].median
