"""results.db: every raw value, the protocol and the machine it was made with, in one SQLite file.

A value is kept by its content: image bytes, model code and weights, protocol, metric version. Asking for the same
content again finds it; anything changed does not. Each image is one transaction in write-ahead mode, so a killed
process loses nothing that was scored and two processes can fill one file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from bench.atomic import file_number
from bench.errors import StoreError
from bench.records import (
    CachedFileHash,
    Curve,
    Environment,
    Failure,
    Run,
    SavedImage,
    Score,
    SpeedResult,
)
from bench.storage import integrity, saved_images
from bench.storage.merge import Merged, merge
from bench.storage.rows import (
    CURVE_COLUMNS,
    FAILURE_COLUMNS,
    FILE_COLUMNS,
    INSERT_CURVE,
    INSERT_FAILURE,
    INSERT_METRIC,
    INSERT_SCORE,
    INSERT_TIMING,
    SCORE_COLUMNS,
    TIMING_COLUMNS,
    as_json,
    check_no_programs,
    checked_rows,
    curve,
    fields_of,
    mapping,
    timing,
    validating_rows,
)
from bench.storage.schema import (
    ADDED,
    APPLICATION_ID,
    BUSY_SECONDS,
    CONFIG,
    SCHEMA,
    SCHEMA_VERSION,
    TABLES,
    explain,
)
from bench.text import one_line


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Store(AbstractContextManager["Store"]):
    """One results file; used as a context manager by one thread.

    Attributes:
        file: as it was named, for messages.
        place: the same, absolute from the start.

    Raises:
        StoreError: on opening or later: not a results file, a newer version, locked for a minute, read-only, full; on
            closing, that it is no longer where it was.
    """

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        self.file = file
        self.place = file.absolute()
        self.read_only = read_only
        if read_only and not file.is_file():
            raise StoreError(f"there is no results file {str(file)!r}")
        with self._explained():
            if not read_only:
                file.parent.mkdir(parents=True, exist_ok=True)
            # A log that waits may be that of a crash: every page is looked at before the log comes into the file.
            if integrity.unfinished(file) and not read_only:
                integrity.check(_uri(file, read_only=True), BUSY_SECONDS)
            with integrity.readable(file) if read_only else nullcontext(file) as source:
                # isolation_level None: transactions begin and end where this module says so, never by themselves
                self._db = sqlite3.connect(
                    _uri(source, read_only), uri=True, timeout=BUSY_SECONDS, isolation_level=None
                )
                try:
                    self._open(read_only)
                except BaseException:  # a file that is refused is not held open
                    self._db.close()
                    raise
            # after opening, which makes a new file
            self._number = file_number(self.place)

    def _open(self, read_only: bool) -> None:
        tables = self._tables()  # first, for another process may be making them, which also sets what follows
        application, version = self._pragma("application_id"), self._pragma("user_version")
        # 0 without tables: a new file, or an empty one
        if application not in {0, APPLICATION_ID} or (application == 0 and tables):
            raise StoreError(
                f"{str(self.file)!r} is a database of another program; must be a results file or a new name"
            )
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{str(self.file)!r} was written by a newer perceptual-bench (format {version}, this one reads up to "
                f"{SCHEMA_VERSION}); upgrade, or name another file with --db"
            )
        check_no_programs(self._db, self.file)
        if read_only:
            return
        integrity.write_ahead(self._db, BUSY_SECONDS)
        # with a write-ahead log a killed process loses nothing by it; a power cut may cost the last transactions
        self._db.execute("pragma synchronous = normal")
        with self._transaction():
            # asked again inside the transaction: two processes may be making the file
            if self._pragma("user_version") == 0:
                # one by one: executescript would commit the transaction first
                for statement in SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"pragma application_id = {APPLICATION_ID}")
                self._db.execute(f"pragma user_version = {SCHEMA_VERSION}")
            for statement in ADDED.split(";"):
                self._db.execute(statement)
            if not saved_images.hashed(self._db):
                hashes = f"{saved_images.HASH} text not null default ''"  # older versions leave it empty
                self._db.execute(f"alter table pictures add column {hashes}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # what was written into a file that has no name any more would be lost without a word
            if error is None and not self.read_only and file_number(self.place) != self._number:
                saved = integrity.saved(self._db, self.place)
                where = f"what it held is in {str(saved)!r}" if saved else "it went with that file"
                raise StoreError(
                    f"results file {str(self.file)!r} was removed or replaced by something else during the run; "
                    f"{where}; must be a file that stays where it is"
                )
        finally:
            self._db.close()

    def close(self) -> None:
        """No more is read or written."""
        self._db.close()

    def merge(self, other: Path, *, contributor: str = "") -> Merged:
        """Take everything of another results file, which stays as it is.

        Args:
            contributor: who made its runs; those that say so themselves keep what they say.

        Raises:
            StoreError: it is not one, or a newer one.
        """
        # opened on its own first, for all that is refused on opening; `attach` looks at nothing
        Store(other, read_only=True).close()
        with self._explained(), integrity.readable(other) as source:
            self._db.execute("attach database ? as other", (_uri(source, read_only=True),))
            try:
                with self._transaction():
                    return merge(self._db, self.file, other, contributor)
            finally:
                # after the transaction, in which SQLite cannot detach
                self._db.execute("detach database other")

    def start(self, run: Run) -> int:
        """Record a run and what it depends on; its number goes with every row it writes."""
        facts = run.environment
        with self._explained(), self._transaction():
            self._db.execute(
                "insert or ignore into environments values (?, ?)", (facts.hash, as_json(dict(facts.facts)))
            )
            self._db.executemany(
                "insert or ignore into protocols values (?, ?, ?)",
                [(p.hash, p.name, as_json(p.definition)) for p in run.protocols],
            )
            self._db.executemany(INSERT_METRIC, [tuple(vars(metric).values()) for metric in run.metrics])
            # by position, in the order of the table's columns, of which `id` is made by SQLite
            about = (run.program, as_json(run.command), run.started, None, facts.hash)
            number = self._db.execute("insert into runs values (null, ?, ?, ?, ?, ?)", about).lastrowid or 0
            if run.config:
                self._db.execute("insert into run_facts values (?, ?, ?)", (number, CONFIG, run.config))
            return number

    def finish(self, run: int) -> None:
        """Record that a run came to its end."""
        with self._explained(), self._transaction():
            self._db.execute("update runs set finished = ? where id = ?", (now(), run))

    def add(
        self,
        run: int,
        *,
        scores: Iterable[Score] = (),
        pictures: Iterable[SavedImage] = (),
        failures: Iterable[Failure] = (),
        timings: Iterable[SpeedResult] = (),
        curves: Iterable[Curve] = (),
        files: Iterable[CachedFileHash] = (),
    ) -> None:
        """Write rows in one transaction. A score, picture, timing or curve of the same content replaces the older one."""
        with self._explained(), self._transaction():
            self._db.executemany(INSERT_SCORE, ((*astuple(score), run) for score in scores))
            saved_images.insert(self._db, run, pictures)
            self._db.executemany(INSERT_FAILURE, ((*astuple(failure), run) for failure in failures))
            self._db.executemany(
                INSERT_TIMING, ([*fields_of(record, TIMING_COLUMNS), run] for record in timings)
            )
            self._db.executemany(
                INSERT_CURVE, ([*fields_of(record, CURVE_COLUMNS), run] for record in curves)
            )
            self._db.executemany("insert or replace into files values (?, ?, ?, ?, ?)", map(astuple, files))

    def scored(
        self, *, dataset: str, protocol_hash: str, image: str, image_sha256: str
    ) -> set[tuple[str, str, str, str]]:
        """What is known of one image: (model, model hash, metric, metric version)."""
        query = (
            "select model, model_hash, metric, metric_version from scores "
            "where dataset = ? and protocol_hash = ? and image = ? and image_sha256 = ?"
        )
        with self._explained():
            return set(self._db.execute(query, (dataset, protocol_hash, image, image_sha256)))

    def models_with_image(
        self, *, dataset: str, protocol_hash: str, image: str, image_sha256: str
    ) -> set[tuple[str, str]]:
        """Of which models there is a picture of one image: (model, model hash)."""
        query = (
            "select model, model_hash from pictures "
            "where dataset = ? and protocol_hash = ? and image = ? and image_sha256 = ?"
        )
        with self._explained():
            return set(self._db.execute(query, (dataset, protocol_hash, image, image_sha256)))

    def cached_file_hash(self, path: str) -> CachedFileHash | None:
        """What was found in a file when it was read, whatever became of it since."""
        with self._explained():
            found = self._db.execute("select * from files where path = ?", (path,)).fetchone()
        if found is None:
            return None
        (row,) = checked_rows(self.file, "files", FILE_COLUMNS, [found])
        return CachedFileHash(**dict(zip(FILE_COLUMNS, row, strict=True)))

    def scores(self, *, dataset: str, protocol_hash: str) -> Iterator[Score]:
        """Every score of a data set under a protocol, ordered by image."""
        query = f"select {', '.join(SCORE_COLUMNS)} from scores where dataset = ? and protocol_hash = ? order by image"
        with self._explained():
            found = self._db.execute(query, (dataset, protocol_hash))
            for row in checked_rows(self.file, "scores", SCORE_COLUMNS, found):
                yield Score(**dict(zip(SCORE_COLUMNS, row, strict=True)))

    def pictures(self, *, dataset: str, protocol_hash: str) -> Iterator[SavedImage]:
        """Where the images of a data set under a protocol were written, ordered by image."""
        with self._explained():
            yield from saved_images.select(self._db, self.file, dataset, protocol_hash)

    def saved_image_page(
        self, *, dataset: str, protocol_hash: str, after: str, most: int
    ) -> list[tuple[SavedImage, int]]:
        """The pictures of the next `most` images, each with its run (:func:`bench.storage.saved_images.page`)."""
        with self._explained():
            return saved_images.page(self._db, self.file, dataset, protocol_hash, after=after, most=most)

    def versions(self, table: Literal["scores", "pictures"]) -> list[saved_images.Version]:
        """Of the models that have rows in a table (:func:`bench.storage.saved_images.versions`)."""
        with self._explained():
            return saved_images.versions(self._db, self.file, table)

    def timings(self, *, subject: str) -> list[SpeedResult]:
        """Every timing of a subject, whatever the machine; of one content and machine, the newest."""
        query = f"select {', '.join(TIMING_COLUMNS)} from timings where subject = ?"
        with self._explained():
            if "timings" not in self._tables():
                return []
            rows = self._db.execute(query, (subject,)).fetchall()
        with validating_rows(self.file, "timings"):
            found = checked_rows(self.file, "timings", TIMING_COLUMNS, rows)
            return [timing(dict(zip(TIMING_COLUMNS, row, strict=True))) for row in found]

    def curves(self, *, dataset: str, protocol_hash: str) -> list[Curve]:
        """Every curve of a data set under a protocol, ordered by image."""
        query = (
            f"select {', '.join(CURVE_COLUMNS)} from curves "
            "where dataset = ? and protocol_hash = ? order by image, subject"
        )
        with self._explained():
            if "curves" not in self._tables():
                return []
            rows = self._db.execute(query, (dataset, protocol_hash)).fetchall()
        with validating_rows(self.file, "curves"):
            found = checked_rows(self.file, "curves", CURVE_COLUMNS, rows)
            return [curve(dict(zip(CURVE_COLUMNS, row, strict=True))) for row in found]

    def failures(self, run: int) -> list[Failure]:
        """What a run could not score."""
        query = "select dataset, image, model, scale, reason from failures where run = ? order by rowid"
        with self._explained():
            rows = self._db.execute(query, (run,)).fetchall()
        found = checked_rows(self.file, "failures", FAILURE_COLUMNS, rows)
        return [Failure(dataset=d, image=i, model=m, scale=s, reason=one_line(r)) for d, i, m, s, r in found]

    def table(self, name: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Columns and all rows of one of :data:`TABLES`, as they are stored: what is structured is JSON.

        A file from before there was such a table has no rows of it.
        """
        if name not in TABLES:
            raise ValueError(f"table is {name!r}, must be one of: {', '.join(TABLES)}")
        with self._explained():
            if name not in self._tables():
                return (), []
            found = self._db.execute(f"select * from {name}")
            return tuple(column[0] for column in found.description), found.fetchall()

    def environment(self, run: int) -> Environment:
        """The machine that a run was made on."""
        query = "select facts from environments join runs on environment = hash where id = ?"
        with self._explained():
            row = self._db.execute(query, (run,)).fetchone()
        if row is None:
            raise StoreError(f"{str(self.file)!r} holds no run {run}")
        with validating_rows(self.file, "environments"):
            return Environment(facts=mapping(row[0]))

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"pragma {name}").fetchone()[0])

    def _tables(self) -> set[str]:
        return {row[0] for row in self._db.execute("select name from sqlite_master")}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # immediate: one that begins by reading is refused at once, not waited for, when it comes to write
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # SQLite itself rolls back when the disk is full
                self._db.execute("rollback")
            raise
        self._db.execute("commit")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(explain(self.file, error)) from error
        except UnicodeError as error:
            # sqlite3 decodes texts itself, and raises no error of its own
            damage = sqlite3.DatabaseError("malformed: a text is not UTF-8")
            raise StoreError(explain(self.file, damage)) from error
        except OSError as error:
            raise StoreError(f"cannot make the folder of {str(self.file)!r}: {error.strerror}") from error


def _uri(file: Path, read_only: bool) -> str:
    # as_uri escapes `?`, `#` and `%` in names
    return f"{file.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
