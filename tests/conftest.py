"""Switches on the shape checks and finds the real data sets, where there are any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

import tests.typecheck  # noqa: F401 (the hook finds it by its name)

# The modules that handle tensors; programs, whose heavy imports wait, have no shapes to check.
CHECKED = [
    "models",
    "baselines",
    "bench.prepare",
    "bench.lr",
    "bench.data.images",
    "bench.metrics",
    "bench.quality.whole",
]
# No test downloads from anywhere but this machine: the fixture `server` (tests/bench/conftest.py) lifts it.
os.environ.setdefault("PERCEPTUAL_BENCH_OFFLINE", "1")

hook = install_import_hook(CHECKED, "tests.typecheck.check")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what is marked `cuda` where there is no such device."""
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


def data_folder() -> Path:
    """`$PERCEPTUAL_BENCH_DATA`; skips the test, with the reason, where it is not set."""
    value = os.environ.get("PERCEPTUAL_BENCH_DATA")
    if not value or not (Path(value) / "data" / "set5").is_dir():
        pytest.skip(
            "needs the real data sets: set PERCEPTUAL_BENCH_DATA to a folder that holds data/ and weights/"
        )
    return Path(value)


@pytest.fixture(autouse=True)
def _threads_are_left_as_they_were() -> Iterator[None]:
    """What a test changes of torch's threads would change the last bits of the next one's values."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets, golden files and weights."""
    return data_folder()
