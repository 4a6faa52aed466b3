"""Rows of a results file that anybody may have made: of the types that they were stored with, or refused.

SQLite keeps any type in any column, and a view or a trigger in a file is a program that its reader runs.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.errors import StoreError
from bench.files.json_file import shown
from bench.records import content_hash

PROGRAMS = ("view", "trigger")
VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)
WHOLE = {"id", "run", "scale", "size", "batch", "decimals", "higher_is_better", "height", "width"}
NUMBERS = {"value", "seconds"}
MAY_BE_NULL = {"finished"}
WORDS = {int: "a whole number", float: "a number", str: "text"}
LONGEST_VALUE_BYTES = 2**28
LARGEST = 1e100  # beyond it, squares and sums of sound values would overflow
NAMES = {"dataset", "image", "model", "subject", "metric", "variant"}
LONGEST_NAME = 1000
DEEPEST = 100
BRACKETS = re.compile(r"[\[\]{}]")


def refuse_programs(db: sqlite3.Connection, file: object) -> None:
    """Let nothing run that a file holds.

    Raises:
        StoreError: the file holds more than tables and indexes.
    """
    db.execute("pragma trusted_schema = off")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE_BYTES)
    for kind, name, sql in db.execute("select type, name, sql from sqlite_master").fetchall():
        found = kind if kind in PROGRAMS else "virtual table" if VIRTUAL.match(str(sql)) else ""
        if kind == "table" and not found:
            hidden = db.execute("select count(*) from pragma_table_xinfo(?) where hidden > 0", (name,))
            found = "computed column" if hidden.fetchone()[0] else ""
        if found:
            raise StoreError(
                f"results file {str(file)!r} holds a {found}, which is a program; required tables of values alone: "
                "name another file with --db"
            )


def checked(
    file: object, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """The rows as they come, each of whose values has the type of its column.

    Raises:
        StoreError: one has not.
    """
    wanted = [_wanted(table, column) for column in columns]
    known = set()
    for row in rows:
        kinds = tuple(map(type, row))
        if kinds not in known:
            for column, value, types in zip(columns, row, wanted, strict=True):
                if type(value) not in types:
                    what = f"{column} is {shown(value)}; required {WORDS[types[0]]}"
                    raise StoreError(_message(file, table, what))
            known.add(kinds)
        for column, value in zip(columns, row, strict=True):
            if type(value) is float and LARGEST < abs(value) < math.inf:
                raise StoreError(
                    _message(file, table, f"{column} is {value:g}; required at most {LARGEST:g}")
                )
            if column in NAMES and len(value) > LONGEST_NAME:
                what = f"{column} has {len(value)} letters; required at most {LONGEST_NAME}"
                raise StoreError(_message(file, table, what))
        yield row


def _wanted(table: str, column: str) -> tuple[type, ...]:
    if column in WHOLE:
        return (int,)
    if column in NUMBERS and table != "timings":
        return (float, int)
    return (str, type(None)) if column in MAY_BE_NULL else (str,)


@contextmanager
def sound(file: object, table: str) -> Iterator[None]:
    """Whatever is odd about the content of a row is an error of the file.

    Raises:
        StoreError: names the table.
    """
    try:
        yield
    except StoreError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, ArithmeticError) as error:
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
        raise ValueError(f"{shown(found)}, required an object")
    if _depth(text) > DEEPEST:
        raise ValueError(f"nested {_depth(text)} deep, required at most {DEEPEST}")
    return found


def definition(text: str) -> dict[str, Any]:
    """As :func:`mapping`, without NaN and infinity: what has a hash.

    Raises:
        ValueError: it is not.
    """
    found = mapping(text)
    content_hash(found)
    return found


def _depth(text: str) -> int:
    """Of the brackets in JSON; those inside of strings are counted too, which a sound file has few of."""
    depth = deepest = 0
    for sign in BRACKETS.findall(text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
