"""What results files hold is read back whole, and several files as one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.metrics import info
from bench.protocols import protocol
from bench.storage.reader import read
from bench.storage.store import Store
from tests.stores import fill

LEVELS = {"bicubic": 0.0, "better": 1.0}


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    number = fill(tmp_path / "r.db", levels=LEVELS, pictures=tmp_path / "pictures")
    found = read([tmp_path / "r.db"])
    assert len(found.scores) == 8 * 2 * 2
    assert len(found.pictures) == 8 * 4
    assert all(Path(file).is_file() for file in found.pictures["file"])
    rule = protocol("johnson2016", 4)
    assert found.protocols == {rule.hash: rule}
    assert found.metrics[("psnr", "1")] == info("psnr")
    run = found.runs[str(tmp_path / "r.db"), number]
    assert run.line == "python -m bench.sr_quality set5 --models bicubic better"
    assert run.finished is not None
    assert found.environments[run.environment_hash].facts["cpu"]["model"] == "invented"


def test_of_the_same_content_the_last_file_counts(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", levels={"bicubic": 0.0}, metrics=["psnr"], spread=0)
    fill(tmp_path / "b.db", levels={"bicubic": 7.0}, metrics=["psnr"], spread=0, images=["a"])
    fill(tmp_path / "b.db", levels={"other": 0.0}, metrics=["psnr"])
    scores = read([tmp_path / "a.db", tmp_path / "b.db"]).scores
    values = scores[scores["model"] == "bicubic"].set_index("image")["value"]
    assert len(values) == 8
    assert values["a"] == 32.0
    assert values["b"] == 26.0


def test_a_file_from_before_there_were_timings_is_read(tmp_path: Path) -> None:
    fill(tmp_path / "r.db", levels=LEVELS)
    with sqlite3.connect(tmp_path / "r.db") as db:
        db.execute("drop table timings")
        db.execute("drop table metrics")
    found = read([tmp_path / "r.db"])
    assert found.timings == ()
    assert found.metrics == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no results file"):
        read([tmp_path / "none.db"])


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    found = read([tmp_path / "empty.db"])
    assert found.scores.empty
    assert list(found.pictures.columns)[-2:] == ["run", "store"]


@pytest.mark.parametrize("tiled_first", [True, False])
def test_of_scores_of_an_image_made_in_tiles_and_whole_the_newest_counts(
    tmp_path: Path, tiled_first: bool
) -> None:
    fill(tmp_path / "r.db", levels={"bicubic": 0.0}, metrics=["psnr"])
    fill(tmp_path / "other.db", levels={"bicubic": 7.0}, metrics=["psnr"], images=["a"])
    with sqlite3.connect(tmp_path / ("r.db" if tiled_first else "other.db")) as db:
        db.execute("update scores set model_hash = model_hash || '+tile512'")
    with sqlite3.connect(tmp_path / "other.db") as db:
        # another run than the first, which began in the same second
        db.execute("update runs set started = '2099-01-01T00:00:00+00:00'")
    with Store(tmp_path / "r.db") as store:
        store.merge(tmp_path / "other.db")
    scores = read([tmp_path / "r.db"]).scores
    assert len(scores) == 8
    assert set(scores["model_hash"]) == {"hash of bicubic"}
    assert float(scores.set_index("image")["value"]["a"]) > 30
