"""All tests marked `cuda`, each written down as it ends."""

from __future__ import annotations

import importlib.util

from tests.gpu.asked import ROOT, Asked, Skip
from tests.gpu.machine import ready
from tests.gpu.record import Record

MARK = "pytest.mark.cuda"
# Its claim is a ratio, which the part `batched` measures.
LEFT_OUT = ("benchmarks", "gpu")
# A bare machine has neither the plugins that pyproject.toml sets options of, nor packages without a warning of their own.
OPTIONS = ("-o", "addopts=--import-mode=importlib", "-o", "filterwarnings=default", "-p", "no:cacheprovider")


def files() -> list[str]:
    """The test files that have such a test, so that no others are imported."""
    tests = ROOT / "tests"
    return sorted(
        str(file)
        for file in tests.rglob("test_*.py")
        if file.relative_to(tests).parts[0] not in LEFT_OUT and MARK in file.read_text(encoding="utf-8")
    )


def run(asked: Asked, record: Record) -> None:
    """On a CPU all of them are skipped: what a dry run shows is that they are found and can be imported.

    Raises:
        Skip: pytest is not installed, or on a GPU none of them ran.
        RuntimeError: one failed or could not be collected.
    """
    device = ready(asked)
    if importlib.util.find_spec("pytest") is None:
        raise Skip("pytest is not installed; carry it as a wheel")
    import pytest

    outcomes: dict[str, int] = {}

    class Writer:
        """A plugin of pytest's."""

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.when != "call" and report.outcome == "passed":
                return
            outcomes[report.outcome] = outcomes.get(report.outcome, 0) + 1
            why = "" if report.passed else str(report.longrepr)[-300:]
            if report.skipped and device.type == "cuda":
                record.left_out(report.nodeid, why)
                return
            record.write(report.nodeid, outcome=report.outcome, seconds=report.duration, reason=why)

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed:
                outcomes["failed"] = outcomes.get("failed", 0) + 1
                record.write(report.nodeid, outcome="not collected", reason=str(report.longrepr)[-300:])

    options = ("-m", "cuda", "-v", "--continue-on-collection-errors", "--rootdir", str(ROOT), *OPTIONS)
    pytest.main([*options, *files()], plugins=[Writer()])
    record.write("tests", **outcomes)
    if not outcomes:
        raise RuntimeError("no test marked cuda was found")
    if outcomes.get("failed"):
        raise RuntimeError(f"{outcomes['failed']} of {sum(outcomes.values())} failed")
    if device.type == "cuda" and not outcomes.get("passed"):
        raise Skip("every test marked cuda was skipped")
