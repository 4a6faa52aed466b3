"""The store loses nothing, doubles nothing, and refuses what is not its own."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sqlite3
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.errors import StoreError
from bench.protocols import protocol
from bench.records import Environment, Failure, Run, SavedImage, Score, SpeedResult
from bench.storage.store import SCHEMA_VERSION, Store, now

PROTOCOL = protocol("johnson2016", 4)
SCORE = Score(
    model="bicubic",
    model_hash="m",
    dataset="set5",
    image="baby",
    image_sha256="i",
    scale=4,
    protocol=PROTOCOL.name,
    protocol_hash=PROTOCOL.hash,
    metric="psnr",
    metric_version="1",
    value=31.79,
)


def start(store: Store) -> int:
    """A run on an invented machine."""
    environment = Environment(facts={"cpu": "test"})
    return store.start(
        Run(program="t", command=("a b",), started=now(), environment=environment, protocols=(PROTOCOL,))
    )


def stored(store: Store) -> list[Score]:
    return list(store.scores(dataset="set5", protocol_hash=PROTOCOL.hash))


def test_what_was_added_is_read_back_equal(tmp_path: Path) -> None:
    picture = SavedImage(
        dataset="set5",
        protocol_hash=PROTOCOL.hash,
        image="baby",
        image_sha256="i",
        model="m",
        model_hash="h",
        file="f",
    )
    failure = Failure(dataset="set5", image="bird", model="", scale=4, reason="broken")
    with Store(tmp_path / "r.db") as store:
        run = start(store)
        store.add(
            run,
            scores=[SCORE, replace(SCORE, image="bird", value=math.inf)],
            pictures=[picture],
            failures=[failure],
        )
        store.finish(run)
    with Store(tmp_path / "r.db", read_only=True) as store:
        assert stored(store) == [SCORE, replace(SCORE, image="bird", value=math.inf)]
        assert list(store.pictures(dataset="set5", protocol_hash=PROTOCOL.hash)) == [picture]
        assert store.failures(run) == [failure]
        assert store.environment(run).facts == {"cpu": "test"}


def test_the_same_content_is_kept_once_and_the_newest_value_wins(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        run = start(store)
        store.add(run, scores=[SCORE])
        store.add(run, scores=[replace(SCORE, value=1.0)])
        assert [s.value for s in stored(store)] == [1.0]


@pytest.mark.parametrize("field", ["model_hash", "image_sha256", "metric_version"])
def test_changed_content_is_another_row(tmp_path: Path, field: str) -> None:
    with Store(tmp_path / "r.db") as store:
        run = start(store)
        store.add(run, scores=[SCORE, replace(SCORE, **{field: "other"})])
        assert len(stored(store)) == 2


def test_a_changed_protocol_is_not_found(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        store.add(start(store), scores=[SCORE])
        other = replace(PROTOCOL, shave=5)
        assert not store.scored(dataset="set5", protocol_hash=other.hash, image="baby", image_sha256="i")


def test_nan_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store, pytest.raises(StoreError, match="NOT NULL"):
        store.add(start(store), scores=[replace(SCORE, value=math.nan)])


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "r.db").__exit__(None, None, None)
    with sqlite3.connect(tmp_path / "r.db") as db:
        db.execute(f"pragma user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(StoreError, match="newer perceptual-bench"):
        Store(tmp_path / "r.db")


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "r.db") as db:
        db.execute("create table photos (id integer)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        Store(tmp_path / "r.db")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(b"not a database, but longer than a header" * 100)
    with pytest.raises(StoreError, match="not a results file"):
        Store(tmp_path / "r.db")
    assert (tmp_path / "r.db").read_bytes().startswith(b"not a database")


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path)


def test_reading_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no results file"):
        Store(tmp_path / "r.db", read_only=True)


def test_a_full_disk_keeps_what_was_stored(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        run = start(store)
        store.add(run, scores=[SCORE])
        store._db.execute(f"pragma max_page_count = {store._pragma('page_count')}")
        many = [replace(SCORE, image=f"image {i}" * 50) for i in range(1000)]
        with pytest.raises(StoreError, match="disk is full"):
            store.add(run, scores=many)
        assert stored(store) == [SCORE]


def add_many(file: Path, model: str, count: int) -> None:
    with Store(file) as store:
        run = start(store)
        for i in range(count):
            store.add(run, scores=[replace(SCORE, model=model, image=f"{i:04}")])


def test_two_processes_fill_one_store(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add_many, args=(tmp_path / "r.db", m, 50)) for m in ("a", "b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    with Store(tmp_path / "r.db", read_only=True) as store:
        assert len(stored(store)) == 100


def test_a_killed_process_loses_nothing_that_was_added(tmp_path: Path) -> None:
    worker = multiprocessing.get_context("spawn").Process(
        target=add_many, args=(tmp_path / "r.db", "a", 100_000)
    )
    worker.start()
    while not (tmp_path / "r.db").exists() or _count(tmp_path / "r.db") < 20:
        assert worker.is_alive()
        time.sleep(0.02)
    before = _count(tmp_path / "r.db")
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    with Store(tmp_path / "r.db") as store:
        images = [s.image for s in stored(store)]
    assert len(images) >= before
    assert images == [f"{i:04}" for i in range(len(images))]


def _count(file: Path) -> int:
    try:
        with Store(file, read_only=True) as store:
            return len(stored(store))
    except StoreError:
        return 0


ENVIRONMENT = Environment(facts={"cpu": "test"})
TIMING = SpeedResult(
    subject="style-paper",
    subject_hash="s",
    variant="eager",
    size=256,
    protocol_hash="p",
    environment_hash=ENVIRONMENT.hash,
    seconds=(0.25, 0.1 + 0.2),
    certificate={"threads": 2, "ci95": None},
)


def timed(store: Store) -> list[SpeedResult]:
    return store.timings(subject="style-paper")


def test_a_timing_is_read_back_equal_with_its_raw_repetitions(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        store.add(start(store), timings=[TIMING, replace(TIMING, variant="folded")])
    with Store(tmp_path / "r.db", read_only=True) as store:
        assert timed(store) == [TIMING, replace(TIMING, variant="folded")]
        assert store.timings(subject="gatys") == []


def test_a_timing_of_the_same_content_replaces_the_older_one(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        run = start(store)
        store.add(run, timings=[TIMING])
        store.add(run, timings=[replace(TIMING, seconds=(1.0,)), replace(TIMING, subject_hash="t")])
        assert [t.seconds for t in timed(store)] == [(1.0,), TIMING.seconds]


def test_a_store_from_before_timings_gets_the_table_when_it_is_written_to(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        store.add(start(store), scores=[SCORE])
        store._db.execute("drop table timings")
    with Store(tmp_path / "r.db", read_only=True) as store:
        assert timed(store) == []
    with Store(tmp_path / "r.db") as store:
        store.add(1, timings=[TIMING])
        assert timed(store) == [TIMING]
        assert stored(store) == [SCORE]


@pytest.mark.parametrize("how", ["removed", "folder", "loop", "replaced"])
def test_a_file_that_is_gone_at_the_end_is_an_error_and_what_it_held_is_saved(
    tmp_path: Path, how: str
) -> None:
    file = tmp_path / "r.db"
    with (  # noqa: PT012
        pytest.raises(StoreError, match="was removed or replaced by something else during the run"),
        Store(file) as s,
    ):
        s.add(start(s), scores=[SCORE])
        file.unlink()
        if how == "folder":
            file.mkdir()
        if how == "loop":
            file.symlink_to(file)
        if how == "replaced":
            file.write_text("x")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        s._db.execute("select 1")
    (saved,) = tmp_path.glob("r-saved-*.db")
    with Store(saved, read_only=True) as again:
        assert stored(again) == [SCORE]


def test_a_file_in_a_folder_that_cannot_be_written_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "r.db"
    writer = Store(file)  # stays open: part of it is in the log
    writer.add(start(writer), scores=[SCORE])
    connect = sqlite3.connect

    def refuses(database: str, **more: Any) -> sqlite3.Connection:
        if str(tmp_path) in str(database):
            raise sqlite3.OperationalError("unable to open database file")
        return connect(database, **more)

    monkeypatch.setattr(sqlite3, "connect", refuses)
    with Store(file, read_only=True) as reader:
        assert stored(reader) == [SCORE]
    with Store(Path(tempfile.mkdtemp()) / "into.db") as into:
        assert into.merge(file).scores == 1
    writer.close()


@pytest.mark.parametrize(("name", "what"), [("/dev/null", "a device or a pipe"), (".", "a folder")])
def test_what_is_no_file_is_called_what_it_is(name: str, what: str) -> None:
    with pytest.raises(StoreError, match=f"it is {what}; must be a file"):
        Store(Path(name))


@pytest.mark.parametrize("value", [1e308, -1e200])
def test_a_value_that_no_metric_gives_is_refused_by_name(tmp_path: Path, value: float) -> None:
    with Store(tmp_path / "r.db") as store:
        store.add(start(store), scores=[replace(SCORE, value=value)])
        with pytest.raises(StoreError, match=r"value must be at most 1e\+100 \(got "):
            stored(store)


def test_a_name_of_megabytes_is_refused_in_a_short_message(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        store.add(start(store), scores=[replace(SCORE, model="m" * 4_000_000)])
        with pytest.raises(
            StoreError, match=r"model must have at most 1000 letters \(got 4000000\)"
        ) as refused:
            stored(store)
    assert len(str(refused.value)) < 1000
