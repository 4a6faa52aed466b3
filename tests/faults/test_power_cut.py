"""A results file that was cut off or damaged is recovered to whole transactions, or refused by name and left alone.

SQLite in write-ahead mode with `synchronous = normal`: a power cut may cost the last transactions, never the file.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.sr_quality import main
from bench.storage.reader import read
from bench.storage.store import Store
from tests.faults.forks import Forks
from tests.faults.sabotage import MARK
from tests.faults.stage import COMMAND, FAST, MODELS_AND_METRICS, rows, stage

IMAGES, STORED = 6, 4
PAGE, FRAME_HEADER, LOG_HEADER = 4096, 24, 32
REFUSALS = (
    "it is damaged; restore a copy",
    "it is not a results file",
    "is damaged or made by another program",
    "is a database of another program",
    "was written by a newer perceptual-bench",
    "holds what was stored last",
    "which is a program",
    "holds no run",
)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that came to its end: everything is in the one file."""
    here = stage(tmp_path_factory.mktemp("closed") / "here", IMAGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        assert main(COMMAND) == 0
    assert not list(here.glob("results.db-*"))
    return here


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Path:
    """The folder of a run that was killed: what it stored is in the log beside the file."""
    here = stage(tmp_path_factory.mktemp("killed") / "here", IMAGES)
    child = forks.start("sr_quality", COMMAND, here, sabotage=[("at_moment", "rows stored", STORED)])
    child.until((here / MARK).exists)
    child.kill()
    assert (here / "results.db-wal").stat().st_size > PAGE
    return here


def copied(source: Path, to: Path, *endings: str) -> Path:
    """The results file alone, and those of the files beside it that are named by their endings."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for ending in ("", *endings):
        shutil.copyfile(source / f"results.db{ending}", to / f"results.db{ending}")
    return to / "results.db"


def damage(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


def read_all(file: Path) -> None:
    """As programs do it: for writing first, as a run does, then everything, as a report does."""
    with Store(file) as store:
        number = len(store.table("runs")[1])
        if number:
            store.environment(number)
    read([file])


def scores_of(file: Path) -> set[tuple[object, ...]]:
    read_all(file)
    return set(rows(file)["scores"])


def refusal(use: Callable[[], object]) -> str:
    """What a file is refused with, in words that a user can act on; empty where it is not refused."""
    try:
        use()
    except StoreError as error:
        message = str(error)
    else:
        return ""
    known = any(words in message for words in REFUSALS)
    return message if known else f"no words for: {message}"


def whole_images(scores: set[tuple[object, ...]]) -> int:
    """How many images there are; each with all that was stored in its transaction."""
    found = [row[1] for row in scores]
    assert all(found.count(image) == MODELS_AND_METRICS for image in found)
    return len(set(found))


def runs(file: Path, *, read_only: bool) -> int:
    with Store(file, read_only=read_only) as store:
        return len(store.table("runs")[1])


def cuts(size: int, step: int, count: int) -> list[int]:
    """Every boundary, and random places. SQLite takes a file of one byte for an empty one."""
    rng = random.Random(8)
    return sorted({*range(step, size, step), *rng.sample(range(2, size), count)})


def test_a_file_cut_anywhere_is_refused_and_left_alone(closed: Path, tmp_path: Path) -> None:
    size = (closed / "results.db").stat().st_size
    for length in cuts(size, PAGE, 40):
        file = copied(closed, tmp_path / "cut")
        damage(file, lambda data, length=length: data[:length])  # type: ignore[misc]
        before = file.read_bytes()
        for read_only in (False, True):
            said = refusal(lambda only=read_only: runs(file, read_only=only))  # type: ignore[misc]  # noqa: B023
            assert said, f"cut at {length}"
            assert "no words for" not in said, f"cut at {length}: {said}"
        assert file.read_bytes() == before


@pytest.mark.parametrize("length", [100, 1000, PAGE, 3 * PAGE, 5 * PAGE + 1])
def test_the_program_refuses_a_file_that_was_cut_with_what_to_do(
    closed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    length: int,
) -> None:
    monkeypatch.chdir(stage(tmp_path / "here", 1))
    file = copied(closed, tmp_path / "cut")
    damage(file, lambda data: data[:length])
    before = file.read_bytes()
    assert main(["./set", *FAST, "--no-images", "--db", str(file)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        f"error: results file {str(file)!r}: it is damaged; restore a copy, or rename it and repeat"
    )
    assert "Traceback" not in said
    assert file.read_bytes() == before


def test_a_log_cut_anywhere_gives_the_transactions_before_the_cut(killed: Path, tmp_path: Path) -> None:
    truth = scores_of(copied(killed, tmp_path / "truth", "-wal"))
    assert whole_images(truth) == STORED
    size = (killed / "results.db-wal").stat().st_size
    last = 0
    for length in [*cuts(size, 4 * (PAGE + FRAME_HEADER), 20), size]:
        file = copied(killed, tmp_path / "cut", "-wal")
        damage(tmp_path / "cut" / "results.db-wal", lambda data, length=length: data[:length])  # type: ignore[misc]
        found = scores_of(file)
        assert found <= truth, f"cut at {length}"
        assert whole_images(found) >= last, f"cut at {length}"
        last = whole_images(found)
    assert last == STORED


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_run_goes_on_with_what_was_before_the_cut_to_the_same_end(
    killed: Path, closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    here = tmp_path / "here"
    shutil.copytree(killed, here)
    damage(here / "results.db-wal", lambda data: data[: int(share * len(data))])
    monkeypatch.chdir(here)
    assert main(COMMAND) == 0
    assert rows(here / "results.db") == rows(closed / "results.db")
    assert (here / "results/table.json").read_bytes() == (closed / "results/table.json").read_bytes()


def test_a_turned_bit_in_the_log_ends_it_there(killed: Path, tmp_path: Path) -> None:
    truth = scores_of(copied(killed, tmp_path / "truth", "-wal"))
    rng = random.Random(8)
    size = (killed / "results.db-wal").stat().st_size
    for position in rng.sample(range(size), 25):
        file = copied(killed, tmp_path / "turned", "-wal")
        damage(tmp_path / "turned" / "results.db-wal", lambda data, at=position: turned(data, at))  # type: ignore[misc]
        found = scores_of(file)
        assert found <= truth
        whole_images(found)


def turned(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ (1 << position % 8)]) + data[position + 1 :]


@pytest.mark.parametrize("index", [b"", b"\x00" * 32768, b"garbage!" * 4096, None])
def test_the_index_of_the_log_is_made_anew_whatever_is_in_it(
    killed: Path, tmp_path: Path, index: bytes | None
) -> None:
    file = copied(killed, tmp_path / "copy", "-wal")
    if index is not None:
        (tmp_path / "copy" / "results.db-shm").write_bytes(index)
    assert whole_images(scores_of(file)) == STORED


@pytest.mark.parametrize("main_file", [b"", None], ids=["empty", "missing"])
def test_a_log_whose_file_is_gone_is_not_thrown_away(
    killed: Path, tmp_path: Path, main_file: bytes | None
) -> None:
    file = copied(killed, tmp_path / "copy", "-wal")
    file.unlink()
    if main_file is not None:
        file.write_bytes(main_file)
    log = tmp_path / "copy" / "results.db-wal"
    before = log.read_bytes()
    with pytest.raises(StoreError, match=r"results.db-wal' beside it holds what was stored last"):
        Store(file)
    assert log.read_bytes() == before


def test_a_file_cut_beside_its_log_is_refused_or_all_that_is_read_is_right(
    closed: Path, tmp_path: Path, forks: Forks
) -> None:
    """A second run into a file that holds a first, killed: pages of both lie in either."""
    here = stage(tmp_path / "here", IMAGES)
    shutil.copyfile(closed / "results.db", here / "results.db")
    child = forks.start(
        "sr_quality", [*COMMAND, "--force"], here, sabotage=[("at_moment", "rows stored", STORED)]
    )
    child.until((here / MARK).exists)
    child.kill()
    truth = set(rows(closed / "results.db")["scores"])
    refused = 0
    for length in cuts((here / "results.db").stat().st_size, PAGE, 10):
        file = copied(here, tmp_path / "cut", "-wal")
        damage(file, lambda data, length=length: data[:length])  # type: ignore[misc]
        found: set[tuple[object, ...]] = set()
        said = refusal(lambda: found.update(scores_of(file)))  # noqa: B023
        assert "no words for" not in said, f"cut at {length}: {said}"
        assert said or found == truth, f"cut at {length}"
        refused += bool(said)
    assert refused


def test_after_a_crash_every_page_is_looked_at_before_anything_is_written(
    closed: Path, tmp_path: Path
) -> None:
    """A page of zeros, as a disk leaves it that had not written yet what it said it had."""
    with Store(copied(closed, tmp_path / "more")) as store:
        number = store._db.execute(
            "insert into runs select null, program, command, started, null, environment from runs"
        )
        assert number.rowcount == 1
        for ending in ("", "-wal"):
            shutil.copyfile(tmp_path / "more" / f"results.db{ending}", tmp_path / f"results.db{ending}")
    truth = set(rows(closed / "results.db")["scores"])
    refused = 0
    for page in range(1, (tmp_path / "results.db").stat().st_size // PAGE):
        file = copied(tmp_path, tmp_path / "zeros", "-wal")
        damage(file, lambda data, at=page * PAGE: data[:at] + bytes(PAGE) + data[at + PAGE :])  # type: ignore[misc]
        before = file.read_bytes()
        said = refusal(lambda: Store(file).close())  # noqa: B023
        assert ("it is damaged; restore a copy, or rename it" in said) if said else scores_of(file) == truth
        assert not said or file.read_bytes() == before
        refused += bool(said)
    assert refused


def test_turned_bits_are_refused_by_name_or_read_but_never_a_defect(closed: Path, tmp_path: Path) -> None:
    """A bit inside of a value is a value: SQLite has no sums over its pages. Whatever is read is of the right types."""
    rng = random.Random(8)
    size = (closed / "results.db").stat().st_size
    for position in [*range(0, 100, 3), *rng.sample(range(100, size), 120)]:
        file = copied(closed, tmp_path / "turned")
        damage(file, lambda data, at=position: turned(data, at))  # type: ignore[misc]
        said = refusal(lambda: read_all(file))  # noqa: B023
        assert "no words for" not in said, f"bit at {position}: {said}"
