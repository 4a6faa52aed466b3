"""Many processes at one file at one moment."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench.atomic import atomic_write
from tests.faults.crowd import PROCESSES, ROUNDS, RUNS
from tests.faults.forks import ROOT
from tests.faults.stage import rows

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")


def crowd(what: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.crowd", what, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_fork
def test_processes_that_make_one_store_at_one_moment_all_write_into_it(tmp_path: Path) -> None:
    crowd("open", tmp_path)
    from bench.storage.store import Store

    stores = sorted(tmp_path.glob("*.db"))
    assert len(stores) == ROUNDS
    for file in stores:
        assert rows(file)["scores"] == []
        with Store(file, read_only=True) as store:
            assert len(store.table("runs")[1]) == PROCESSES * RUNS


@needs_fork
def test_a_file_that_many_replace_is_whole_and_what_the_killed_leave_is_used_up(tmp_path: Path) -> None:
    crowd("replace", tmp_path)
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith(".")] == ["file"]
    with atomic_write(tmp_path / "file") as part:
        part.write_text("the end", encoding="utf-8")
    left = [file for file in tmp_path.iterdir() if file.name != "file"]
    assert all("-" in file.name for file in left)  # of one that was killed while another held the usual name


def test_a_pipe_and_a_device_are_written_to_and_stay_what_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    try:
        os.mkfifo(pipe)
    except (AttributeError, OSError):
        pytest.skip("needs named pipes")
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    with atomic_write(pipe) as part:
        part.write_text("a table", encoding="utf-8")
    reader.join(60)
    assert said == ["a table"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with atomic_write(Path(os.devnull)) as part:
        part.write_text("a table", encoding="utf-8")
    assert not Path(os.devnull).is_file()
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]


def test_a_file_may_have_the_longest_of_names_and_any(tmp_path: Path) -> None:
    names = ["x" * 255, "ä" * 127, "-"]
    if sys.platform == "linux":
        names += [os.fsdecode(b"\xff.png"), "two\nlines"]
    for name in names:
        with atomic_write(tmp_path / name) as part:
            part.write_text("whole", encoding="utf-8")
        assert (tmp_path / name).read_text(encoding="utf-8") == "whole"
    assert not list(tmp_path.glob(".*"))


def test_a_file_system_without_locks_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def unknown(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unknown)
    for text in ("first", "second"):
        with atomic_write(tmp_path / "file") as part:
            part.write_text(text, encoding="utf-8")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "second"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
