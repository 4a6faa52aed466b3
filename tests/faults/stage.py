"""A small data set, models that wait to be let on, and what a run left in its folder."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.data import images

MODELS = '''
import os, threading, time
from pathlib import Path
import torch

lock, calls = threading.Lock(), 0


def waits():
    """An upscaler; the N-th image of a process waits until the file `allowed` says N."""

    def enlarge(lr):
        global calls
        if lr.shape[-1] < 40:  # what is larger is the probe of an external model
            with lock:
                calls += 1
                mine = calls
                with open("calls", "a") as stream:
                    stream.write(f"{os.getpid()}\\n")
            while mine > int(Path("allowed").read_text()):
                time.sleep(0.001)
        return torch.nn.functional.interpolate(lr, scale_factor=4, mode="bilinear")

    return enlarge
'''
EXPORTS = ("json", "csv", "latex", "markdown")
FAST = ["--models", "bicubic", "gate.py:waits", "--metrics", "psnr", "ssim", "--device", "cpu"]
COMMAND = ["./set", *FAST, *(word for name in EXPORTS for word in (f"--{name}", f"results/table.{name}"))]
MODELS_AND_METRICS = 4
ALL = 10**9
OF_THE_STAGE = {"allowed", "calls", "gate.py", "reached"}
WHAT_COUNTS = {
    "scores": "dataset, image, image_sha256, model, model_hash, protocol_hash, metric, metric_version, value",
    "pictures": "dataset, image, image_sha256, model, model_hash, protocol_hash, file",
    "failures": "dataset, image, model, scale, reason",
    "curves": "dataset, image, image_sha256, subject, subject_hash, protocol_hash, terms",
}


def stage(folder: Path, count: int = 12, *, allowed: int = ALL) -> Path:
    """A folder with `count` images of 48 pixels in `set`, and the models."""
    folder.mkdir()
    (folder / "gate.py").write_text(MODELS, encoding="utf-8")
    allow(folder, allowed)
    rng = np.random.default_rng(0)
    for index in range(count):
        images.write(folder / "set" / f"{index:02}.png", rng.integers(0, 256, (48, 48, 3), dtype=np.uint8))
    return folder


def allow(folder: Path, calls: int) -> None:
    """How many images a run may finish; it may be at work, so the file changes at once."""
    (folder / "allowed.new").write_text(str(calls), encoding="utf-8")
    (folder / "allowed.new").replace(folder / "allowed")


def calls(folder: Path, pid: int | None = None) -> int:
    """How often `waits` was called; by one process, or at all."""
    file = folder / "calls"
    lines = file.read_text(encoding="utf-8").split() if file.exists() else []
    return len(lines) if pid is None else lines.count(str(pid))


def rows(store: Path) -> dict[str, list[tuple[object, ...]]]:
    """What a results file says, but for when and by which run; with every row as often as it is there."""
    with sqlite3.connect(store) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        found = {
            table: sorted(db.execute(f"select {columns} from {table}").fetchall())
            for table, columns in WHAT_COUNTS.items()
            if table in tables
        }
    db.close()
    return found


def intact_rows(folder: Path, store: str = "results.db") -> set[tuple[object, ...]]:
    """Scores and curves that are there after a kill, read from a copy: what the next run finds stays as it was.

    The copy is opened as a program does it, is sound to SQLite's own checks, and has nothing twice.
    """
    from bench.storage.store import Store

    if not (folder / store).exists():
        return set()
    copy = folder.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in folder.glob(f"{store}*"):
        if not file.name.endswith("-shm"):
            shutil.copyfile(file, copy / file.name)
    with Store(copy / store) as opened:
        assert opened._db.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert opened._db.execute("pragma foreign_key_check").fetchall() == []
    found = rows(copy / store)
    for table, there in found.items():
        if table != "failures":
            assert len({row[:-1] for row in there}) == len(there), f"{table} holds something twice"
    return {*found["scores"], *found["curves"]}


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a run's folder with its bytes, but for the results file and what belongs to the stage."""
    found = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {name: data for name, data in found.items() if name not in {*OF_THE_STAGE, "results.db"}}


def assert_equal_results(one: Path, other: Path, ignored: Sequence[str] = ()) -> None:
    """Two folders in which runs came to their end hold the same: rows, pictures, tables, and no other files."""
    assert rows(one / "results.db") == rows(other / "results.db")
    left, right = files(one), files(other)
    assert sorted(left) == sorted(right)
    assert [name for name in left if left[name] != right[name] and name not in ignored] == []
