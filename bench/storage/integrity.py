"""What SQLite would take for a new or whole results file though it is not: found before it is opened, and after a crash.

In write-ahead mode with `synchronous = normal` a killed process loses nothing and a power cut the last transactions at
most: the log's sums say where it ends. A page of the file has no sum, so a bit that turns inside of a value on a disk
that does not notice is not seen here either.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.errors import StoreError

MAGIC = b"SQLite format 3\x00"
HEADER_BYTES = 100  # of every SQLite database
REMEDY = "it is damaged; restore a copy, or rename it and repeat the command"


@contextmanager
def readable(file: Path) -> Iterator[Path]:
    """The file, or a copy of it with its log where SQLite cannot read it in its place, to be opened in the block.

    That is so in a folder which cannot be written into, such as one mounted read-only: SQLite needs files of its own
    beside a database. What is open stays readable when the copy is gone.

    Raises:
        OSError: there is no room for the copy.
    """
    if not _needs_copy(file):
        yield file
        return
    # errors ignored: Windows does not delete the copy while it is open
    with tempfile.TemporaryDirectory(prefix="perceptual-bench-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / file.name
        shutil.copyfile(file, copy)
        # the log holds what was stored last; its index (-shm) SQLite makes anew
        if log_of(file).is_file():
            shutil.copyfile(log_of(file), log_of(copy))
        yield copy


def _needs_copy(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
            # the first read, which is when SQLite makes its files beside the database
            db.execute("select 1 from sqlite_master limit 1").fetchone()
    except sqlite3.OperationalError as error:
        return any(words in str(error) for words in ("readonly", "read-only", "unable to open"))
    except sqlite3.Error:  # said when it is opened
        return False
    return False


def saved(db: sqlite3.Connection, place: Path) -> Path | None:
    """Everything of an open database whose file is gone, beside its place; None where that cannot be written."""
    # never over what an earlier run saved
    for attempt in range(1, 100):
        target = place.with_name(f"{place.stem}-saved-{attempt}{place.suffix}")
        if target.exists():
            continue
        try:
            with closing(sqlite3.connect(target)) as copy:
                # the open connection still reads the file that nobody can name any more
                db.backup(copy)
        except (sqlite3.Error, OSError):
            target.unlink(missing_ok=True)
            return None
        return target
    return None


def log_of(file: Path) -> Path:
    """Where SQLite keeps what was stored last, until it comes into the file."""
    # SQLite follows links, and keeps its log beside the file itself
    return Path(f"{os.path.realpath(file)}-wal")


def unfinished(file: Path) -> bool:
    """Whether something waits in the log: the last run was killed, or another one is at work.

    Raises:
        StoreError: a folder, a device or a pipe lies there; the file that belongs to the log is empty or gone, and
            SQLite would delete the log; or, without a log, the file does not end with a whole page.
    """
    log = log_of(file)
    sizes = {}
    # The log first: a file that another process makes in between must not look like one that its log has lost.
    for path in (log, file):
        try:
            found = path.stat()
        except (
            OSError
        ):  # the log goes with the last process that closes the file; what is unreadable SQLite says so
            continue
        if path is file and not stat.S_ISREG(found.st_mode):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
            raise StoreError(
                f"results file {str(file)!r} cannot be opened: it is {what}; must be a file or a new name"
            )
        sizes[path] = found.st_size
    waiting, size = sizes.get(log, 0), sizes.get(file, 0)
    if waiting and not size:
        raise StoreError(
            f"results file {str(file)!r} is {'empty' if file in sizes else 'missing'}, but {str(log)!r} beside it holds "
            "what was stored last; restore a copy, or move that away and repeat the command"
        )
    # beside a log the file may end anywhere: the pages that it lacks may be in the log
    if not waiting and file in sizes and size % _page_bytes(file):
        raise StoreError(f"results file {str(file)!r}: {REMEDY} ({size} bytes are no whole number of pages)")
    return waiting > 0


def _page_bytes(file: Path) -> int:
    """1 where the file is no database, which SQLite says itself."""
    try:
        with file.open("rb") as stream:
            header = stream.read(HEADER_BYTES)
    except OSError:
        return 1
    # bytes per page in two bytes, in which 65536 does not fit: 1 stands for it
    count = int.from_bytes(header[16:18], "big") if header.startswith(MAGIC) else 0
    return 65536 if count == 1 else count or 1


def write_ahead(db: sqlite3.Connection, patience_seconds: float) -> None:
    """Set the mode. Where that changes it, as in a new file, SQLite itself does not wait for another process.

    Raises:
        sqlite3.OperationalError: locked for longer than that.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            db.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def check(uri: str, patience_seconds: float) -> None:
    """Look at every page once and change nothing: 2.5 s for 2.5 million scores (760 MB in memory, two busy cores).

    Args:
        uri: of the file, to be opened for reading alone: who may write brings the log into the file on closing it.

    Raises:
        sqlite3.DatabaseError: something is wrong.
    """
    with closing(sqlite3.connect(uri, uri=True, timeout=patience_seconds)) as db:
        # quick: not each index entry is looked up; 1: the first fault will do
        (found,) = db.execute("pragma quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"malformed: {found}")
