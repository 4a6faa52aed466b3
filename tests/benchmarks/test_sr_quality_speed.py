"""`bench.sr_quality` as a whole: the answer to --help, and the three sets from an empty results file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

HELP_SECONDS = 0.5
THREE_SETS_SECONDS = 60


def program(*arguments: str, folder: Path) -> None:
    command = [sys.executable, "-m", "bench.sr_quality", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def limit(benchmark: BenchmarkFixture, seconds: float) -> None:
    """Speed is asserted in the benchmark session alone, where there are statistics."""
    if benchmark.stats:
        assert benchmark.stats.stats.min < seconds


def test_help(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    benchmark(program, "--help", folder=tmp_path)
    limit(benchmark, HELP_SECONDS)


@pytest.mark.usefixtures("real_data")
def test_set5_set14_bsd100_with_bicubic_and_srcnn(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    if not benchmark.enabled:
        pytest.skip("takes most of a minute; nox -s benchmarks runs it")
    models = ["--models", "bicubic", "srcnn-955", "--metrics", "psnr", "ssim"]
    benchmark.pedantic(program, ("set5", "set14", "bsd100", *models), {"folder": tmp_path}, rounds=1)
    limit(benchmark, THREE_SETS_SECONDS)
