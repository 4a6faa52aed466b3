"""Sets of any size: what is kept of an image is small, what was done is not looked at again, parts go together."""

from __future__ import annotations

import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench import executor, merge, sr_quality
from bench.arguments import WHOLE, Shard, shard
from bench.data import datasets, images
from bench.data.datasets import FolderImages, dataset
from bench.errors import StoreError, UserError
from bench.quality import engine
from bench.quality.plan import ImageJob
from bench.quality.summary import Values
from bench.records import ImageFile, SavedImage
from bench.storage.saved_images import relative_to_store
from bench.storage.store import Store
from tests.stores import fill

MANY = 100_000
SOURCES = 10
ROOT = Path(__file__).parents[3]


def noise(file: Path, seed: int, side: int = 32) -> None:
    images.write(file, np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven images that were written long enough ago to be remembered."""
    for seed in range(7):
        noise(tmp_path / "set" / f"{seed}.png", seed)
    return tmp_path / "set"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was just written counts as old."""
    monkeypatch.setattr(engine, "GRAIN_NANOSECONDS", -(10**9))


def score(folder: Path, db: Path, *more: str) -> int:
    arguments = ["--models", "bicubic", "--metrics", "psnr", "--no-images", "--db", str(db), *more]
    return sr_quality.main([str(folder), *arguments])


def rows(db: Path) -> list[tuple[object, ...]]:
    """Every score, but for the run that made it."""
    with Store(db) as store:
        columns, found = store.table("scores")
    at = columns.index("run")
    return sorted(row[:at] + row[at + 1 :] for row in found)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images that are read, by name."""
    seen: list[str] = []

    def load(image: ImageFile) -> datasets.LoadedImage:
        seen.append(image.stem)
        return images.load(image)

    monkeypatch.setattr(executor, "load", load)
    return seen


@pytest.mark.usefixtures("settled")
def test_what_was_scored_is_not_even_read_again(folder: Path, tmp_path: Path, loads: list[str]) -> None:
    assert score(folder, tmp_path / "r.db") == 0
    assert len(loads) == 7
    assert score(folder, tmp_path / "r.db") == 0
    assert len(loads) == 7


@pytest.mark.usefixtures("settled")
def test_a_file_that_changed_is_read_again(folder: Path, tmp_path: Path, loads: list[str]) -> None:
    score(folder, tmp_path / "r.db")
    before = (folder / "3.png").stat()
    noise(folder / "3.png", 99)
    os.utime(folder / "3.png", ns=(before.st_atime_ns, before.st_mtime_ns))  # its size is the same as well
    loads.clear()
    score(folder, tmp_path / "r.db")
    assert loads == ["3"]
    assert len(rows(tmp_path / "r.db")) == 8


def test_a_file_that_was_just_written_is_not_remembered(
    folder: Path, tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "GRAIN_NANOSECONDS", 3600 * 10**9)  # this test takes less than an hour
    score(folder, tmp_path / "r.db")
    with Store(tmp_path / "r.db") as store:
        assert store.table("files")[1] == []
    score(folder, tmp_path / "r.db")
    assert len(loads) == 14


@pytest.mark.usefixtures("settled")
def test_a_new_metric_or_force_reads_all_again(folder: Path, tmp_path: Path, loads: list[str]) -> None:
    score(folder, tmp_path / "r.db")
    loads.clear()
    score(folder, tmp_path / "r.db", "--metrics", "ssim")
    assert len(loads) == 7
    score(folder, tmp_path / "r.db", "--force")
    assert len(loads) == 14


@pytest.mark.usefixtures("settled")
def test_a_change_during_the_reading_is_not_remembered(
    folder: Path, tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(image: ImageFile) -> datasets.LoadedImage:
        loaded = images.load(image)
        if image.stem == "3":
            os.utime(image.file, ns=(1, 10**9))
        return loaded

    monkeypatch.setattr(executor, "load", touched)
    score(folder, tmp_path / "r.db")
    with Store(tmp_path / "r.db") as store:
        columns, found = store.table("files")
    at = columns.index("path")
    assert sorted(Path(row[at]).stem for row in found) == ["0", "1", "2", "4", "5", "6"]


@pytest.mark.usefixtures("settled")
def test_a_name_that_is_not_utf8_is_remembered_too(folder: Path, tmp_path: Path, loads: list[str]) -> None:
    try:
        shutil.copy(folder / "0.png", os.fsdecode(os.fsencode(folder) + b"/\xff.png"))
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    score(folder, tmp_path / "r.db")
    score(folder, tmp_path / "r.db")
    assert len(loads) == 8


def test_the_parts_of_a_set_are_the_set() -> None:
    whole = dataset("samples")
    parts = [Shard(index=i, count=3).of(whole) for i in (1, 2, 3)]
    stems = [image.stem for part in parts for image in part.images]
    assert sorted(stems) == sorted(image.stem for image in whole.images)
    assert [len(part.images) for part in parts] == [3, 2, 2]


def test_no_part_is_the_whole() -> None:
    assert shard(None) == WHOLE
    assert WHOLE.of(dataset("samples")).images == dataset("samples").images


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3", "1.5/2", ""])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=re.escape("--shard must be I/N, as 2/8, with I from 1 to N (got ")):
        shard(text)


def test_parts_scored_apart_and_joined_are_the_whole(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], loads: list[str]
) -> None:
    score(folder, tmp_path / "whole.db")
    for i in (1, 2, 3):
        assert score(folder, tmp_path / f"{i}.db", "--shard", f"{i}/3") == 0
    assert "Note: --shard 3/3, scores cover this part of each data set" in capsys.readouterr().out
    parts = [str(tmp_path / f"{i}.db") for i in (1, 2, 3)]
    assert merge.main([str(tmp_path / "joined.db"), *parts]) == 0
    assert "3 scores, 1 run not here yet" in capsys.readouterr().out
    assert rows(tmp_path / "joined.db") == rows(tmp_path / "whole.db")
    score(folder, tmp_path / "joined.db", "--json", str(tmp_path / "joined.json"))
    score(folder, tmp_path / "whole.db", "--json", str(tmp_path / "whole.json"))
    assert (tmp_path / "joined.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


def test_a_part_without_an_image_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(folder, tmp_path / "r.db", "--shard", "9/9") == 0
    assert "set has 7 images: none is in part 9 of 9" in capsys.readouterr().err


def test_joining_twice_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", levels={"x": 1.0, "y": 2.0})
    for _ in range(2):
        assert merge.main([str(tmp_path / "all.db"), str(tmp_path / "a.db")]) == 0
        with Store(tmp_path / "all.db") as store:
            assert len(store.table("runs")[1]) == 1
            assert store.table("scores")[1] == read(tmp_path / "a.db", "scores")


def read(db: Path, table: str) -> list[tuple[object, ...]]:
    with Store(db, read_only=True) as store:
        return store.table(table)[1]


def test_a_run_that_was_joined_while_it_was_going_on_is_finished_when_it_is_joined_again(
    tmp_path: Path,
) -> None:
    fill(tmp_path / "a.db", levels={"x": 1.0})
    with sqlite3.connect(tmp_path / "a.db") as db:
        (finished,) = db.execute("select finished from runs").fetchone()
        db.execute("update runs set finished = null")
    # the last one: an older copy of the file does not take the end away again
    for end, expected in ((None, None), (finished, finished), (None, finished)):
        with sqlite3.connect(tmp_path / "a.db") as db:
            db.execute("update runs set finished = ?", (end,))
        merge.main([str(tmp_path / "all.db"), str(tmp_path / "a.db")])
        with sqlite3.connect(tmp_path / "all.db") as db:
            assert db.execute("select finished from runs").fetchall() == [(expected,)]


def test_joining_says_how_many_values_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "a.db", levels={"x": 1.0}, seed=0)
    fill(tmp_path / "b.db", levels={"x": 1.0, "y": 1.0}, seed=1)
    merge.main([str(tmp_path / "all.db"), str(tmp_path / "a.db"), str(tmp_path / "b.db")])
    assert "16 scores were here with another value and are replaced by those of " in capsys.readouterr().out
    assert {row[-2] for row in read(tmp_path / "all.db", "scores")} == {
        row[-2] for row in read(tmp_path / "b.db", "scores")
    }


def test_a_column_whose_name_holds_file_is_joined_like_any_other(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", levels={"x": 1.0}, pictures=tmp_path / "pictures")
    Store(tmp_path / "all.db").close()
    for name in ("a.db", "all.db"):
        with sqlite3.connect(tmp_path / name) as db:
            db.execute("alter table pictures add column profile text not null default 'sRGB'")
    with Store(tmp_path / "all.db") as store:
        store.merge(tmp_path / "a.db")
    assert {row[-1] for row in read(tmp_path / "all.db", "pictures")} == {"sRGB"}


def test_joined_pictures_are_found_from_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    fill(tmp_path / "part" / "a.db", levels={"x": 1.0}, pictures=tmp_path / "part" / "pictures")
    with Store(tmp_path / "part" / "a.db") as store:
        columns, found = store.table("pictures")
        records = [dict(zip(columns, row, strict=True)) for row in found]
        names = SavedImage.__dataclass_fields__
        kept = [
            relative_to_store(SavedImage(**{n: r[n] for n in names if n in r}), tmp_path / "part" / "a.db")
            for r in records
        ]
        store.add(1, pictures=kept)
    assert merge.main([str(tmp_path / "all.db"), str(tmp_path / "part" / "a.db")]) == 0
    columns, *_ = Store(tmp_path / "all.db").table("pictures")
    files = [row[columns.index("file")] for row in read(tmp_path / "all.db", "pictures")]
    assert files
    assert all(str(file).startswith("part/pictures/") and (tmp_path / str(file)).is_file() for file in files)


def test_what_cannot_be_joined_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", levels={"x": 1.0})
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at" * 20)
    with pytest.raises(UserError, match="is to be joined into itself"):
        merge.run(tmp_path / "a.db", [tmp_path / "a.db"])
    with pytest.raises(StoreError, match="there is no results file"):
        merge.run(tmp_path / "all.db", [tmp_path / "a.db", tmp_path / "missing.db"])
    with pytest.raises(StoreError, match="is not a results file"):
        merge.run(tmp_path / "all.db", [tmp_path / "a.db", tmp_path / "text.db"])
    assert not (tmp_path / "all.db").exists()


def test_a_row_of_values_is_a_mapping_in_eight_bytes_each() -> None:
    values = Values()
    for stem, value in (("a", 1.0), ("ä", float("inf")), ("b", 3.0), ("b", 0.1)):
        values.put(stem, value)
    assert values == {"a": 1.0, "b": 0.1, "ä": float("inf")}
    assert values["b"] == 0.1
    assert list(values) == ["a", "b", "ä"]
    assert "c" not in values
    with pytest.raises(KeyError):
        values["c"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of 100,000 images: links to a few."""
    root = tmp_path_factory.mktemp("many")
    for seed in range(SOURCES):
        noise(root / "few" / f"{seed}.png", seed)
    (root / "set").mkdir()
    for number in range(MANY):
        os.link(root / "few" / f"{number % SOURCES}.png", root / "set" / f"{number:06}.png")
    yield root / "set"
    shutil.rmtree(root)


def test_a_hundred_thousand_images_are_named_in_a_few_megabytes(many: Path) -> None:
    found = dataset(str(many)).images
    assert isinstance(found, FolderImages)
    assert len(found) == MANY
    assert sum(map(sys.getsizeof, found.names)) + sys.getsizeof(found.names) < 10 * 2**20


def test_the_first_images_are_scored_before_the_rest_is_looked_at(
    many: Path, tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def advance(self: engine.ResultWriter, job: ImageJob) -> None:
        done.append(job.image.stem)
        if len(done) == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(engine.ResultWriter, "finish", advance)
    assert score(many, tmp_path / "r.db") == 130
    assert len(loads) <= 20 + executor.READ_AHEAD + executor.MOST_WORKERS + 1
    assert len(rows(tmp_path / "r.db")) >= 20


def fill_all_but(db: Path, folder: Path, left: int) -> None:
    """Store the scores of the folder's first images as a run does that is killed before the last `left`."""
    score(folder, db, "--limit", str(SOURCES))
    names = dataset(str(folder)).images
    with sqlite3.connect(db) as connection:
        columns = [row[1] for row in connection.execute("pragma table_info(scores)")]
        model = connection.execute("select * from scores order by image").fetchall()
        at = columns.index("image")
        connection.executemany(
            f"insert or ignore into scores values ({', '.join('?' for _ in columns)})",
            (
                (*model[n % SOURCES][:at], f"{n:06}", *model[n % SOURCES][at + 1 :])
                for n in range(len(names) - left)
            ),
        )
        sha = columns.index("image_sha256")
        connection.executemany(
            "insert or ignore into files values (?, ?, ?, 32, 32)",
            (
                (names[n].file, engine.fingerprint(names[n].file), model[n % SOURCES][sha])
                for n in range(len(names) - left)
            ),
        )
    connection.close()


SAY = 'print("megabytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)'
RUN = f"""
import resource, sys
from bench import sr_quality
status = sr_quality.main(sys.argv[1:])
{SAY}
sys.exit(status)
"""


def peak(folder: Path, db: Path, *options: str) -> tuple[int, str]:
    """Most memory of a whole run in its own process, in MB, and what it printed."""
    return megabytes(RUN, str(folder), "--models", "bicubic", "--db", str(db), *options)


def megabytes(code: str, *arguments: str) -> tuple[int, str]:
    """What `code` says that its process took at most, and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "2"},  # each worker has an image: memory grows with the cores
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"megabytes (\d+)", done.stdout)
    assert found
    return int(found[1]), done.stdout


@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="measures memory as Unix has it")
def test_bicubic_on_small_photographs_takes_little_memory_beyond_torch(tmp_path: Path) -> None:
    """With pictures written, on two cores: 70 MB on bsd100, whose 100 photographs have 0.15 megapixels each."""
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(12):
        noise(photographs / f"{number:02}.png", number, side=392)
    alone, _ = megabytes(f"import resource, torch\n{SAY}")
    used, _ = peak(
        photographs, tmp_path / "r.db", "--metrics", "psnr", "ssim", "--save-images", str(tmp_path / "images")
    )
    assert used - alone < 150, (used, alone)


@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="measures memory as Unix has it")
def test_a_killed_run_of_a_hundred_thousand_goes_on_within_seconds_and_in_flat_memory(
    many: Path, tmp_path: Path
) -> None:
    while engine.fingerprint(dataset(str(many)).images[0].file) is None:
        time.sleep(0.2)
    left = 25
    fill_all_but(tmp_path / "many.db", many, left)
    few = tmp_path / "set"
    few.mkdir()
    for number in range(left):
        shutil.copy(many / f"{number:06}.png", few)  # a link would change the time of change of the file
    small, _ = peak(few, tmp_path / "few.db", "--metrics", "psnr", "--no-images")
    start = time.perf_counter()
    large, printed = peak(many, tmp_path / "many.db", "--metrics", "psnr", "--no-images")
    assert time.perf_counter() - start < 120  # some 10 s on a quiet machine, torch's import included
    assert f"│ {MANY} │" in printed
    assert large - small < 100  # megabytes: names, hashes and one column of values
