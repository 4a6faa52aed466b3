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


def record(benchmark: BenchmarkFixture, *, reference: str, ratio: float, required: float | None) -> None:
    """Hand a ratio to the regression guard (:mod:`tests.benchmarks.guard`), and fail below what is required anyway.

    Args:
        reference: what `ratio` is against, measured in this run: how many times as fast as that.
        required: on every machine; None for a ratio that only the guard looks at.
    """
    benchmark.extra_info |= {"reference": reference, "ratio": ratio, "required": required}
    assert required is None or ratio >= required, f"{ratio:.2f} times as fast, must be {required}"


def require_enabled(benchmark: BenchmarkFixture) -> None:
    """Skip what takes long where benchmarks are disabled: in the plain test suite."""
    if not benchmark.enabled:
        pytest.skip("a ratio is only measured where benchmarks are enabled: nox -s benchmarks")


def require_times_faster(
    benchmark: BenchmarkFixture,
    slow: Callable[[], object],
    fast: Callable[[], object],
    *,
    reference: str,
    required: float | None,
    rounds: int,
) -> None:
    """Benchmark `fast`, and fail unless it is `required` times as fast as `slow`, which is the reference."""
    benchmark.pedantic(fast, rounds=rounds, warmup_rounds=2)
    require_enabled(benchmark)
    pairs = [(seconds(slow), seconds(fast)) for _ in range(rounds)]
    ratio = min(s for s, _ in pairs) / min(f for _, f in pairs)
    record(benchmark, reference=reference, ratio=ratio, required=required)
