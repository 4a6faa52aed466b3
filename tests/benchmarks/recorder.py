"""A pytest plugin: what each benchmark measured, or why it did not, as JSON for the regression guard.

python -m pytest -p tests.benchmarks.recorder --ratios FILE --benchmark-enable --benchmark-only tests/benchmarks
"""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

RECORDS = pytest.StashKey[dict[str, dict[str, Any]]]()
MEASURED = ("reference", "ratio", "required")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ratios", type=Path, metavar="FILE", help="write every benchmark's ratio as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORDS] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without those in a group, which time several ways side by side for a reader and give no ratio."""
    if config.getoption("--ratios") is not None:
        grouped = [item for item in items if any("group" in m.kwargs for m in item.iter_markers("benchmark"))]
        config.hook.pytest_deselected(items=grouped)
        items[:] = [item for item in items if item not in grouped]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        item.config.stash[RECORDS][name(item.nodeid)] = entry(item, report)
    return report


def name(nodeid: str) -> str:
    """File and test, wherever pytest was started."""
    file, _, test = nodeid.partition("::")
    return f"{file.rpartition('/')[2]}::{test}"


def entry(item: pytest.Item, report: pytest.TestReport) -> dict[str, Any]:
    """Outcome, reason, seconds and what :func:`tests.benchmarks.ratio.record` noted."""
    benchmark = getattr(item, "funcargs", {}).get("benchmark")
    noted = getattr(benchmark, "extra_info", {})
    return {
        "outcome": report.outcome,
        "reason": reason(report),
        "seconds": fastest(benchmark),
        **{key: noted.get(key) for key in MEASURED},
    }


def fastest(benchmark: Any) -> float | None:
    """Of the rounds of what was benchmarked, in seconds; None where there are none."""
    stats = getattr(getattr(benchmark, "stats", None), "stats", None)
    return float(stats.min) if stats is not None else None


def reason(report: pytest.TestReport) -> str:
    """Of a skip or a failure, in a line; empty for neither."""
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message).partition("\n")[0] if report.failed and crash else ""


def pytest_sessionfinish(session: pytest.Session) -> None:
    file = session.config.getoption("--ratios")
    if file is not None:
        file.write_text(json.dumps(session.config.stash[RECORDS], indent=1) + "\n", encoding="utf-8")
