"""A run that is killed at any moment loses nothing that was stored, and goes on to the result of an undisturbed one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.data import images
from tests.faults.forks import PATIENCE_SECONDS, ROOT, Forks
from tests.faults.sabotage import MARK
from tests.faults.stage import (
    ALL,
    COMMAND,
    MODELS_AND_METRICS,
    allow,
    assert_equal_results,
    calls,
    files,
    intact_rows,
    stage,
)

IMAGES = 12
# Each with the time that it is reached for, counted from the start of the run.
MOMENTS = [
    ("the store is opened", 1),
    ("the tables are made", 1),
    ("half a picture", 1),
    ("half a picture", 4),
    ("pictures without rows", 1),
    ("half a transaction", 1),
    ("half a transaction", 2),
    ("rows stored", 2),
    ("half a picture", 6),
    ("about to finish", 1),
    ("finished, store open", 1),
    ("half an export", 1),
    ("half an export", 4),
]
AT_ANY_TIME = 14


def test_a_run_killed_at_every_moment_equals_an_undisturbed_one(tmp_path: Path, forks: Forks) -> None:
    here, whole = stage(tmp_path / "here", IMAGES), stage(tmp_path / "whole", IMAGES)
    assert forks.run("sr_quality", COMMAND, whole)[0] == 0
    known: set[tuple[object, ...]] = set()
    for moment, count in MOMENTS:
        child = forks.start("sr_quality", COMMAND, here, sabotage=[("at_moment", moment, count)])
        child.until((here / MARK).exists)
        child.kill()
        (here / MARK).unlink()
        found = intact_rows(here)
        assert known <= found, f"lost when killed at: {moment} {count}"
        known = found
    assert len(known) == IMAGES * MODELS_AND_METRICS
    assert forks.run("sr_quality", COMMAND, here)[0] == 0
    assert_equal_results(here, whole)


def test_a_run_killed_again_and_again_at_any_time_equals_an_undisturbed_one(
    tmp_path: Path, forks: Forks
) -> None:
    """The model lets each run finish a few images at most, so that the kill comes before the end on any machine."""
    rng = random.Random(8)
    here, whole = stage(tmp_path / "here", IMAGES), stage(tmp_path / "whole", IMAGES)
    known: set[tuple[object, ...]] = set()
    for number in range(AT_ANY_TIME):
        allow(here, rng.choice([0, 0, 1, 1, 2]) if len(known) < 9 * MODELS_AND_METRICS else 0)
        child = forks.start("sr_quality", COMMAND, here)
        if number % 4:  # the others are killed on their way to the first image, or wherever they are by then
            child.until(lambda pid=child.pid: calls(here, pid) > 0)  # type: ignore[misc]
        time.sleep(rng.uniform(0, 0.1))
        child.kill()
        found = intact_rows(here)
        assert known <= found
        known = found
    assert len(known) < IMAGES * MODELS_AND_METRICS
    for folder in (here, whole):
        allow(folder, ALL)
        assert forks.run("sr_quality", COMMAND, folder)[0] == 0
    assert_equal_results(here, whole)


def test_what_was_stored_is_not_computed_again(tmp_path: Path, forks: Forks) -> None:
    here = stage(tmp_path / "here", 6)
    child = forks.start("sr_quality", COMMAND, here, sabotage=[("at_moment", "rows stored", 3)])
    child.until((here / MARK).exists)
    child.kill()
    done = len(intact_rows(here)) // MODELS_AND_METRICS
    assert done == 3
    before = calls(here)
    assert forks.run("sr_quality", COMMAND, here)[0] == 0
    assert calls(here) - before == 6 - done
    assert forks.run("sr_quality", COMMAND, here)[0] == 0
    assert calls(here) - before == 6 - done


def program(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.sr_quality", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_whole_process_killed_while_it_starts_and_while_it_scores_loses_nothing(
    tmp_path: Path, forks: Forks
) -> None:
    here, whole = stage(tmp_path / "here", 3, allowed=1), stage(tmp_path / "whole", 3)
    for begun in (False, True):
        process = program(*COMMAND, folder=here)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (calls(here) > 1 if begun else (here / "results.db").exists()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.kill()
        process.wait()
        intact_rows(here)
    allow(here, ALL)
    assert program(*COMMAND, folder=here).wait() == 0
    assert forks.run("sr_quality", COMMAND, whole)[0] == 0
    assert_equal_results(here, whole)


OBJECTIVE = "--loss-network vgg19-conv3_1 --content-layers relu1_2 --style-layers relu1_1 --style-size 16"
STYLE = [
    *("--style", "mine.png", "--images", "photos", "--sizes", "16", "--batch", "2"),
    *("--iterations", "2", "--device", "cpu", "--json", "curves.json"),
    *OBJECTIVE.split(),
]
STYLE_MOMENTS = [
    ("half a picture", 2),
    ("an optimisation begins", 1),
    ("half a transaction", 2),
    ("pictures without rows", 2),
    ("rows stored", 2),
    ("half a picture", 3),
    ("an optimisation begins", 1),
    ("finished, store open", 1),
    ("half an export", 1),
]


def style_stage(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("mine", *(f"photos/{stem}" for stem in "abcd")):
        images.write(folder / f"{name}.png", rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    return folder


def test_a_style_run_killed_at_every_moment_equals_an_undisturbed_one(tmp_path: Path, forks: Forks) -> None:
    here, whole = style_stage(tmp_path / "here"), style_stage(tmp_path / "whole")
    assert forks.run("style_quality", STYLE, whole, sabotage=[("small_style",)])[0] == 0
    known: set[tuple[object, ...]] = set()
    for moment, count in STYLE_MOMENTS:
        sabotage = [("small_style",), ("at_moment", moment, count)]
        child = forks.start("style_quality", STYLE, here, sabotage=sabotage)
        child.until((here / MARK).exists)
        child.kill()
        (here / MARK).unlink()
        found = intact_rows(here)
        assert known <= found, f"lost when killed at: {moment} {count}"
        known = found
    assert forks.run("style_quality", STYLE, here, sabotage=[("small_style",)])[0] == 0
    assert_equal_results(here, whole, ignored=["curves.json"])  # it has the seconds
    assert sorted(files(here)) == sorted(files(whole))
