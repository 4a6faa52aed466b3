"""A store that another process holds is waited for, then refused by name; two runs may fill one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.forks import Forks
from tests.faults.stage import (
    ALL,
    COMMAND,
    MODELS_AND_METRICS,
    allow,
    assert_equal_results,
    calls,
    intact_rows,
    stage,
)

HELD = "results file 'results.db': another process has held it for a minute; wait for that one, or name another file"


@contextmanager
def held(store: Path) -> Iterator[None]:
    """By this process, which no run belongs to."""
    db = sqlite3.connect(store, isolation_level=None)
    db.execute("begin immediate")
    try:
        yield
    finally:
        db.close()


def test_a_store_that_is_held_from_the_start_is_named_with_what_to_do(tmp_path: Path, forks: Forks) -> None:
    here = stage(tmp_path / "here", 2)
    assert forks.run("sr_quality", COMMAND, here)[0] == 0
    before = intact_rows(here)
    with held(here / "results.db"):
        status, said = forks.run("sr_quality", COMMAND, here, sabotage=[("impatient", 0.2)])
    assert status == 1
    assert f"error: {HELD}" in said
    assert intact_rows(here) == before


def test_a_store_that_is_held_in_the_middle_keeps_what_it_has_and_the_next_run_goes_on(
    tmp_path: Path, forks: Forks
) -> None:
    here, whole = stage(tmp_path / "here", 6, allowed=2), stage(tmp_path / "whole", 6)
    child = forks.start("sr_quality", COMMAND, here, sabotage=[("impatient", 0.2)])
    child.until(lambda: len(intact_rows(here)) >= MODELS_AND_METRICS)
    with held(here / "results.db"):
        before = intact_rows(here)
        allow(here, ALL)
        assert child.wait() == 1
    assert f"error: {HELD}" in child.said
    assert before <= intact_rows(here)
    for each in (here, whole):
        assert forks.run("sr_quality", COMMAND, each)[0] == 0
    assert_equal_results(here, whole)


def test_a_store_that_is_held_for_a_while_is_waited_for(tmp_path: Path, forks: Forks) -> None:
    here = stage(tmp_path / "here", 2, allowed=0)
    child = forks.start("sr_quality", COMMAND, here)
    child.until(lambda: calls(here) > 0)
    with held(here / "results.db"):
        allow(here, ALL)
        child.until(lambda: calls(here) == 2)
        assert child.alive()
    assert child.wait() == 0
    assert len(intact_rows(here)) == 2 * MODELS_AND_METRICS


@pytest.mark.parametrize("runs", [2, 4])
def test_runs_that_fill_one_store_at_once_all_end_with_equal_results(
    tmp_path: Path, forks: Forks, runs: int
) -> None:
    here, whole = stage(tmp_path / "here", 6, allowed=0), stage(tmp_path / "whole", 6)
    children = [forks.start("sr_quality", COMMAND, here) for _ in range(runs)]
    for child in children:
        child.until(lambda pid=child.pid: calls(here, pid) > 0)  # type: ignore[misc]
    allow(here, ALL)
    assert [child.wait() for child in children] == [0] * runs, "\n".join(child.said for child in children)
    assert forks.run("sr_quality", COMMAND, whole)[0] == 0
    assert_equal_results(here, whole)
