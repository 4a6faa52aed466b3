"""Results files, as a third party may make them."""

from __future__ import annotations

import functools
import json
import random
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.errors import StoreError
from bench.protocols import protocol
from bench.storage import reader as contents
from bench.storage.schema import TABLES
from bench.storage.store import Store
from reports.load.gather import gather
from tests.hostile.mutate import TEXTS, changed, damaged, json_text, odd
from tests.hostile.reading import folder, refusing, written
from tests.reports.results import timing
from tests.stores import fill, fill_styles, style_protocol

COSTLY = 8
"""One in so many cases goes through what takes long."""


@functools.cache
def database() -> bytes:
    """A small results file with a row or more in every table."""
    file = folder() / "sound.db"
    fill(file, levels={"bicubic": 0.0, "sr-pixel": 1.0}, images="ab", pictures=folder() / "pictures")
    fill_styles(file, style_protocol(), networks={"style-la_muse": 0.1}, images="ab", iterations=4)
    with Store(file) as store:
        number = fill(file, levels={"nearest": 0.0}, images="a", scale=8)
        made = timing("style-la_muse", 256, [0.1, 0.11, 0.12])
        known = replace(made, environment_hash=store.environment(number).hash)
        store.add(number, timings=[known], failures=[_failure()])
    return _bytes_of(file)


def _failure() -> Any:
    from bench.records import Failure

    return Failure(dataset="set5", image="c", model="bicubic", scale=4, reason="it is 'truncated'")


def _bytes_of(file: Path) -> bytes:
    db = sqlite3.connect(file)
    db.execute("pragma journal_mode = delete")
    db.close()
    return file.read_bytes()


PROGRAMS = (
    "create trigger t after insert on runs begin delete from scores; end",
    "alter table scores rename to s; create view scores as select * from s",
    "create view x as with recursive c(n) as (select 1 union all select n + 1 from c) select n from c",
    "drop table timings; create view timings as with recursive c(n) as (select 1 union all select n + 1 from c) "
    "select n as subject from c",
    "create virtual table v using fts5(x)",
    "alter table runs add column c text generated always as (hex(zeroblob(100000000))) virtual",
    "drop table scores",
    "drop table metrics; create table metrics (x)",
    "create table more (x)",
    "pragma user_version = 2147483647",
    "pragma user_version = -1",
    "pragma application_id = 0",
)


def store_case(draw: random.Random) -> bytes:
    """Pages damaged, or cells of a sound file replaced by what no version of this suite writes."""
    if draw.random() < 0.4:
        return damaged(database(), draw)
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.deserialize(database())
    db.execute("pragma foreign_keys = off")
    db.execute("pragma ignore_check_constraints = on")
    for _ in range(draw.choice((1, 1, 2, 4))):
        _replace_cell(db, draw)
    if draw.random() < 0.15:
        _tried(db, draw.choice(PROGRAMS))
    content = db.serialize()
    db.close()
    return content


def _tried(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split("; " if "trigger" not in statements else "\0"):
        try:
            db.execute(statement)
        except (sqlite3.Error, OverflowError, UnicodeEncodeError):
            return


def _replace_cell(db: sqlite3.Connection, draw: random.Random) -> None:
    table = draw.choice(TABLES)
    columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
    if not columns or not (rows := db.execute(f"select * from {table}").fetchall()):
        return
    column = draw.choice(columns)
    old = draw.choice(rows)[columns.index(column)]
    new = _new_cell(old, draw)
    try:
        db.execute(f"update or replace {table} set {column} = ? where {column} is ?", (new, old))
    except (sqlite3.Error, OverflowError, UnicodeEncodeError):
        return


def _new_cell(old: object, draw: random.Random) -> object:
    if isinstance(old, str) and draw.random() < 0.8:
        with suppress(ValueError, RecursionError):
            return json_text(changed(json.loads(old), draw)).decode()
    new = draw.choice((odd(draw), draw.randbytes(8), draw.choice(TEXTS), "[" * 3000))
    return json.dumps(new) if isinstance(new, list | dict) else new


def check_store(content: bytes) -> None:
    file = written(content, "third-party.db")
    with refusing(StoreError), Store(file, read_only=True) as store:
        _read_all(store)
    share = zlib.crc32(content) % COSTLY
    if share == 0:
        with refusing(StoreError):
            gather(contents.read([file]))
    if share == COSTLY // 2:  # it is written to
        with refusing(StoreError), Store(file) as store:
            _read_all(store)
    for beside in ("-wal", "-shm", "-journal"):
        file.with_name(file.name + beside).unlink(missing_ok=True)


def _read_all(store: Store) -> None:
    """Every public method that reads; each is tried, whatever came of the one before."""
    rule, style = protocol("johnson2016", 4).hash, style_protocol().hash
    readers: tuple[Callable[[], object], ...] = (
        lambda: list(store.scores(dataset="set5", protocol_hash=rule)),
        lambda: list(store.pictures(dataset="set5", protocol_hash=rule)),
        lambda: store.saved_image_page(dataset="set5", protocol_hash=rule, after="", most=5),
        lambda: store.scored(dataset="set5", protocol_hash=rule, image="a", image_sha256="sha of a"),
        lambda: store.versions("scores"),
        lambda: store.versions("pictures"),
        lambda: store.timings(subject="style-la_muse"),
        lambda: store.curves(dataset="coco50", protocol_hash=style),
        lambda: store.failures(3),
        lambda: store.environment(1),
        lambda: store.cached_file_hash("/x"),
        lambda: [store.table(name) for name in TABLES],
    )
    for read_one in readers:
        with refusing(StoreError):
            read_one()
