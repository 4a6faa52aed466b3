"""How a speed claim is checked: both ways in turn in one process, fastest against fastest."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture


def seconds(work: Callable[[], object]) -> float:
    """One call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def require_times_faster(
    benchmark: BenchmarkFixture,
    slow: Callable[[], object],
    fast: Callable[[], object],
    *,
    required: float,
    rounds: int,
) -> None:
    """Benchmark `fast`, and fail unless it is `required` times as fast as `slow`."""
    benchmark.pedantic(fast, rounds=rounds, warmup_rounds=2)
    if not benchmark.enabled:
        pytest.skip("a ratio is only measured where benchmarks are enabled: nox -s benchmarks")
    pairs = [(seconds(slow), seconds(fast)) for _ in range(rounds)]
    ratio = min(s for s, _ in pairs) / min(f for _, f in pairs)
    benchmark.extra_info["times faster"] = round(ratio, 2)
    assert ratio >= required, f"{ratio:.2f} times as fast, required {required}"
