"""The process that forks, one for all tests here."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.faults.stage", "tests.faults.forks")

from tests.faults.forks import Forks  # noqa: E402 (after what makes its assertions speak)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Where runs are started that may be killed."""
    if sys.platform != "linux":
        pytest.skip("needs fork() beside a loaded torch, and /proc")
    with Forks() as server:
        yield server
