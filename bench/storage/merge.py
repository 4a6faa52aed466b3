"""One results file into another: parts that were scored apart become one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.storage.schema import CONTRIBUTOR, TABLES

# `failures` have no key; `files` stays out: its paths and stamps are of the machine that read them.
KEYED = ("scores", "pictures", "timings", "curves")
"""Tables whose rows are of a run and have a key of their own."""
PLAIN = ("environments", "protocols", "metrics")


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What came of one file.

    Attributes:
        runs: that were not in the results file yet.
        scores: in the other file.
        others: scores that the results file had with another value; the newly come ones are kept.
    """

    runs: int
    scores: int
    others: int


def merge(db: sqlite3.Connection, file: Path, other: Path, contributor: str = "") -> Merged:
    """Copy every row of the attached database `other`; what has the same key replaces what is there.

    A run that is there already, with the same command, start and machine, is the same run. Called in a transaction.

    Args:
        file, other: the two results files: pictures are kept by their path from the file's folder.
        contributor: of the runs that name none; empty for none.
    """
    # pictures are stored relative to their results file, and must be found from the other one
    db.create_function("relocated", 1, _relocation(file, other), deterministic=True)
    there = {row[0] for row in db.execute("select name from other.sqlite_master where type = 'table'")}
    for table in (table for table in PLAIN if table in there):
        columns = _columns(db, table)
        # ignore: their keys are hashes (or a version), so that an equal key is equal content
        db.execute(f"insert or ignore into main.{table} ({columns}) select {columns} from other.{table}")
    new = _runs(db)
    # counted before the copy, which replaces them
    others = _count(
        db, "main.scores m join other.scores o using (" + SCORE_KEY + ") where m.value is not o.value"
    )
    for table in (table for table in KEYED if table in there):
        columns = _columns(db, table, without=("run",))
        read = ", ".join(
            "relocated(file)" if (table, name) == ("pictures", "file") else name
            for name in columns.split(", ")
        )
        db.execute(
            f"insert or replace into main.{table} ({columns}, run) "
            f"select {read}, here from other.{table} join temp.runs_here on run = there"
        )
    columns = _columns(db, "failures", without=("run",))
    db.execute(
        f"insert into main.failures ({columns}, run) "
        # without a key, failures of a run that is there already would double each time
        f"select {columns}, here from other.failures join temp.runs_here on run = there where new"
    )
    if "run_facts" in there:
        db.execute(
            # ignore: what a run says of itself goes before what is said here
            "insert or ignore into main.run_facts (run, name, text) "
            "select here, name, text from other.run_facts join temp.runs_here on run = there"
        )
    if contributor:
        db.execute(
            "insert or ignore into main.run_facts (run, name, text) select here, ?, ? from temp.runs_here",
            (CONTRIBUTOR, contributor),
        )
    merged = Merged(runs=new, scores=_count(db, "other.scores"), others=others)
    db.execute("drop table temp.runs_here")
    return merged


SCORE_KEY = "dataset, protocol_hash, image, image_sha256, model, model_hash, metric, metric_version"
# Not `finished`: a run that was joined while it was going on is the same run later.
RUN_KEY = ("program", "command", "started", "environment")


def _runs(db: sqlite3.Connection) -> int:
    """Add the runs, map their numbers, and end those that have come to their end; returns how many are new."""
    db.execute(
        "create temp table runs_here (there integer primary key, here integer not null, new integer not null)"
    )
    columns = _columns(db, "runs", without=("id",)).split(", ")
    same = " and ".join(f"{column} is ?" for column in RUN_KEY)
    # in the order of their numbers, which in one file is the order of age (bench.storage.reader)
    for number, *row in db.execute(f"select id, {', '.join(columns)} from other.runs order by id").fetchall():
        key = [dict(zip(columns, row, strict=True))[column] for column in RUN_KEY]
        found = db.execute(f"select id from main.runs where {same}", key).fetchone()
        here = found[0] if found else _insert_run(db, columns, row)
        # it may have been going on when it was joined before
        db.execute(
            "update main.runs set finished = (select finished from other.runs where id = ?) "
            "where id = ? and finished is null",
            (number, here),
        )
        db.execute("insert into temp.runs_here values (?, ?, ?)", (number, here, found is None))
    return _count(db, "temp.runs_here where new")


def _insert_run(db: sqlite3.Connection, columns: list[str], row: list[object]) -> int:
    marks = ", ".join("?" for _ in columns)
    return db.execute(f"insert into main.runs ({', '.join(columns)}) values ({marks})", row).lastrowid or 0


def _columns(db: sqlite3.Connection, table: str, without: tuple[str, ...] = ()) -> str:
    """Those that both files have: one may be older."""
    assert table in TABLES
    found = [
        [row[1] for row in db.execute(f"pragma {schema}.table_info({table})")] for schema in ("main", "other")
    ]
    # by name, since a column that was added later stands elsewhere in a file that was made with it
    return ", ".join(name for name in found[0] if name in found[1] and name not in without)


def _count(db: sqlite3.Connection, what: str) -> int:
    return int(db.execute(f"select count(*) from {what}").fetchone()[0])


def _relocation(file: Path, other: Path) -> Callable[[str], str]:
    here, there = file.absolute().parent, other.absolute().parent

    def relocated(picture: str) -> str:
        """Relative to this file's folder, if it lies below it; a path that was absolute stays what it is."""
        # not resolve(): a link stays the place that the user gave
        at = Path(os.path.normpath(there / picture))
        return str(at.relative_to(here) if at.is_relative_to(here) else at)

    return relocated
