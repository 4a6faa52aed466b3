"""How long a leaderboard of 100 models and 12,000 scores takes to be written and to open: `nox -s benchmarks`."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from reports.__main__ import main
from tests.benchmarks.ratio import record, require_enabled
from tests.reports.many_models import METRICS, many_models

WRITTEN, OPEN = 20.0, 1.0  # seconds, at most
MODELS, IMAGES = 100, 40
ROUNDS = 3

pytest_plugins = ["tests.browser"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("board")
    assert MODELS * IMAGES * len(METRICS) == 12_000
    many_models(made / "results.db", models=MODELS, images=IMAGES)
    return made


def write(folder: Path) -> None:
    assert main([str(folder / "results.db"), "--out", str(folder / "out"), "--force"]) == 0


def test_a_hundred_models_are_written_in_twenty_seconds(benchmark: BenchmarkFixture, folder: Path) -> None:
    require_enabled(benchmark)
    benchmark.pedantic(lambda: write(folder), rounds=ROUNDS)
    record(benchmark, reference="20 s", ratio=WRITTEN / benchmark.stats.stats.min, required=1.0)


def test_the_page_of_a_hundred_models_opens_in_a_second(
    benchmark: BenchmarkFixture, folder: Path, open_page: object
) -> None:
    require_enabled(benchmark)
    write(folder)
    times = []
    for _ in range(ROUNDS):
        with open_page(folder / "out" / "leaderboard.html") as page:  # type: ignore[operator]
            times.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
    benchmark.pedantic(lambda: None, rounds=1)
    record(benchmark, reference="1 s", ratio=OPEN / min(times), required=1.0)
