"""How long a leaderboard of 100 models and 12,000 scores takes to be written and to open: `nox -s benchmarks`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from reports.__main__ import main
from tests.benchmarks.ratio import record, require_enabled
from tests.reports.many_models import METRICS, many_models

if TYPE_CHECKING:
    from tests.browser import OpenPage

WRITTEN, OPEN = 20.0, 1.0  # seconds, at most
MODELS, IMAGES = 100, 40
ROUNDS = 2

pytest_plugins = ["tests.browser"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("board")
    assert MODELS * IMAGES * len(METRICS) == 12_000
    many_models(made / "results.db", models=MODELS, images=IMAGES)
    return made


def write(folder: Path) -> float:
    """The whole report, its PDF too; CPU seconds of this process, which others on the machine change little."""
    start = time.process_time()
    assert main([str(folder / "results.db"), "--out", str(folder / "out"), "--force"]) == 0
    return time.process_time() - start


def test_a_hundred_models_are_written_in_twenty_seconds(benchmark: BenchmarkFixture, folder: Path) -> None:
    require_enabled(benchmark)
    times: list[float] = []
    benchmark.pedantic(lambda: times.append(write(folder)), rounds=ROUNDS)
    record(benchmark, reference="20 s of CPU", ratio=WRITTEN / min(times), required=1.0)


def test_the_page_of_a_hundred_models_opens_in_a_second(
    benchmark: BenchmarkFixture, folder: Path, open_page: OpenPage
) -> None:
    """CPU seconds of the page's main thread until it is loaded and laid out."""
    require_enabled(benchmark)
    write(folder)
    times: list[float] = []

    def reload() -> None:
        with open_page(folder / "out" / "leaderboard.html") as page:
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.reload()
            found = session.send("Performance.getMetrics")["metrics"]
            times.append(next(each["value"] for each in found if each["name"] == "TaskDuration"))

    benchmark.pedantic(reload, rounds=ROUNDS)
    record(benchmark, reference="1 s of CPU", ratio=OPEN / min(times), required=1.0)
