"""How records lie in the tables of a results file, and the validation of rows that anybody may have made.

SQLite keeps any type in any column, and a view or a trigger in a file is a program that its reader runs: rows are of the
types that they were stored with, or refused.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bench.data.untrusted import parse_as, short_repr
from bench.errors import StoreError
from bench.records import CachedFileHash, Curve, Failure, MetricInfo, Score, SpeedResult, content_hash

SCORE_COLUMNS = tuple(Score.__dataclass_fields__)
FAILURE_COLUMNS = tuple(Failure.__dataclass_fields__)
TIMING_COLUMNS = tuple(SpeedResult.__dataclass_fields__)
FILE_COLUMNS = tuple(CachedFileHash.__dataclass_fields__)
CURVE_COLUMNS = tuple(Curve.__dataclass_fields__)
METRIC_COLUMNS = tuple(MetricInfo.__dataclass_fields__)
INSERT_SCORE, INSERT_FAILURE, INSERT_TIMING, INSERT_CURVE = (
    f"insert or replace into {table} ({', '.join(columns)}, run) values ({'?, ' * len(columns)}?)"
    for table, columns in (
        ("scores", SCORE_COLUMNS),
        ("failures", FAILURE_COLUMNS),
        ("timings", TIMING_COLUMNS),
        ("curves", CURVE_COLUMNS),
    )
)
INSERT_METRIC = (
    f"insert or replace into metrics ({', '.join(METRIC_COLUMNS)}) "
    f"values ({', '.join('?' for _ in METRIC_COLUMNS)})"
)

PROGRAMS = ("view", "trigger")
# sqlite_master lists a virtual table as a table: only its statement tells.
VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)
WHOLE = {"id", "run", "scale", "size", "batch", "decimals", "higher_is_better", "height", "width"}
NUMBERS = {"value", "seconds"}
MAY_BE_NULL = {"finished"}
WORDS = {int: "a whole number", float: "a number", str: "text"}
LONGEST_VALUE_BYTES = 2**28  # SQLite's own limit would let one value take a gigabyte
LARGEST = 1e100  # beyond it, squares and sums of sound values would overflow
NAMES = {"dataset", "image", "model", "subject", "metric", "variant"}
LONGEST_NAME = 1000  # names are printed, and become files
DEEPEST = 100  # what walks through JSON does so by recursion
BRACKETS = re.compile(r"[\[\]{}]")


def fields_of(record: SpeedResult | Curve, columns: tuple[str, ...]) -> list[object]:
    """Its fields as SQLite takes them: what is structured is JSON."""
    fields = vars(record)
    return [
        as_json(value) if isinstance(value := fields[column], (tuple, Mapping)) else value
        for column in columns
    ]


def timing(row: Mapping[str, Any]) -> SpeedResult:
    """Of a row of the table `timings`, by column.

    Raises:
        ValueError: it is none, or its seconds are not finite times above 0; other errors for other content
            (:func:`validating_rows`).
    """
    known = {name: row[name] for name in TIMING_COLUMNS}
    parts = {"seconds": json.loads(row["seconds"]), "certificate": mapping(row["certificate"])}
    # written so that NaN is refused too
    if not parts["seconds"] or not all(0 < value < math.inf for value in parts["seconds"]):
        raise ValueError(f"seconds is {parts['seconds']}; must be times above 0, one at least")
    return parse_as(SpeedResult, known | parts, "a timing")


def curve(row: Mapping[str, Any]) -> Curve:
    """Of a row of the table `curves`, by column.

    Raises:
        ValueError: it is none; other errors for other content (:func:`validating_rows`).
    """
    known = {name: row[name] for name in CURVE_COLUMNS}
    return parse_as(Curve, known | {"terms": mapping(row["terms"])}, "a curve")


def as_json(value: Collection[object]) -> str:
    """The same text for the same content."""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, sort_keys=True)


def check_no_programs(db: sqlite3.Connection, file: object) -> None:
    """Let nothing run that a file holds.

    Raises:
        StoreError: the file holds more than tables and indexes.
    """
    # from here on no function that an index or a view of the file names is called unless SQLite knows it as harmless
    db.execute("pragma trusted_schema = off")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE_BYTES)
    for kind, name, sql in db.execute("select type, name, sql from sqlite_master").fetchall():
        found = kind if kind in PROGRAMS else "virtual table" if VIRTUAL.match(str(sql)) else ""
        if kind == "table" and not found:
            # generated columns are computed on reading; table_info would leave them out
            hidden = db.execute("select count(*) from pragma_table_xinfo(?) where hidden > 0", (name,))
            found = "computed column" if hidden.fetchone()[0] else ""
        if found:
            raise StoreError(
                f"results file {str(file)!r} holds a {found}, which is a program; must be tables of values alone: "
                "name another file with --db"
            )


def checked_rows(
    file: object, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """The rows as they come, each of whose values has the type of its column.

    Raises:
        StoreError: one has not.
    """
    wanted: list[tuple[type, ...]] = []
    for column in columns:
        if column in WHOLE:
            wanted.append((int,))
        elif column in NUMBERS and table != "timings":  # whose seconds are JSON
            wanted.append((float, int))
        else:
            wanted.append((str, type(None)) if column in MAY_BE_NULL else (str,))
    known = set()
    for row in rows:
        # of millions of rows nearly all have the same types, which are compared once
        kinds = tuple(map(type, row))
        if kinds not in known:
            for column, value, types in zip(columns, row, wanted, strict=True):
                if type(value) not in types:
                    what = f"{column} is {short_repr(value)}; must be {WORDS[types[0]]}"
                    raise StoreError(_message(file, table, what))
            known.add(kinds)
        for column, value in zip(columns, row, strict=True):
            if type(value) is float and LARGEST < abs(value) < math.inf:
                raise StoreError(
                    _message(file, table, f"{column} must be at most {LARGEST:g} (got {value:g})")
                )
            if column in NAMES and len(value) > LONGEST_NAME:
                what = f"{column} must have at most {LONGEST_NAME} letters (got {len(value)})"
                raise StoreError(_message(file, table, what))
        yield row


@contextmanager
def validating_rows(file: object, table: str) -> Iterator[None]:
    """Whatever is odd about the content of a row is an error of the file.

    Raises:
        StoreError: names the table.
    """
    try:
        yield
    except StoreError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, ArithmeticError) as error:
        # the message may quote the file: one line, ASCII, and no more than can be read
        words = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(_message(file, table, ascii(words)[1:-1][:300])) from error


def _message(file: object, table: str, what: str) -> str:
    return (
        f"results file {str(file)!r} is damaged or made by another program: a row of {table}: {what}; restore a copy, "
        "or name another file with --db"
    )


def mapping(text: str) -> dict[str, Any]:
    """JSON text that is an object, nested no deeper than what is walked through.

    Raises:
        ValueError: it is not.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"{short_repr(found)}, must be an object")
    if _depth(text) > DEEPEST:
        raise ValueError(f"must be nested at most {DEEPEST} deep (got {_depth(text)})")
    return found


def definition(text: str) -> dict[str, Any]:
    """As :func:`mapping`, without NaN and infinity: what has a hash.

    Raises:
        ValueError: it is not.
    """
    found = mapping(text)
    content_hash(found)  # refuses NaN and infinity, which JSON does not have
    return found


def _depth(text: str) -> int:
    """Of the brackets in JSON; those inside of strings are counted too, which a sound file has few of."""
    depth = deepest = 0
    for sign in BRACKETS.findall(text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
