"""The table `pictures` of a results file: which pixels were scored, and in what file they lie."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Literal

from bench.records import IN_TILES, SavedImage
from bench.storage.rows import checked_rows

COLUMNS = tuple(SavedImage.__dataclass_fields__)
HASH = "pixels_sha256"
# Columns by name: in the table `run` stands before the hash, which was added later.
INSERT = f"insert or replace into pictures ({', '.join(COLUMNS)}, run) values ({', '.join('?' for _ in COLUMNS)}, ?)"
REPLACED = (
    "delete from pictures where dataset = ? and protocol_hash = ? and image = ? and file = ? "
    "and (image_sha256, model, model_hash) != (?, ?, ?)"
)


@dataclass(frozen=True, kw_only=True)
class Version:
    """A model's code and weights (`hr` and `lr` have none) under a protocol on a data set.

    Attributes:
        images: that it has rows of.
        run: the last that wrote one.
        unhashed: of its pictures, those without a hash of their pixels.
    """

    dataset: str
    protocol_hash: str
    model: str
    model_hash: str
    images: int
    run: int
    unhashed: int = 0


def insert(db: sqlite3.Connection, run: int, pictures: Iterable[SavedImage]) -> None:
    """Write rows. What lay in the same file before is no longer there, so its row goes."""
    for saved_image in pictures:
        kept = (saved_image.image_sha256, saved_image.model, saved_image.model_hash)
        db.execute(
            REPLACED,
            (saved_image.dataset, saved_image.protocol_hash, saved_image.image, saved_image.file, *kept),
        )
        db.execute(INSERT, (*astuple(saved_image), run))


def select(db: sqlite3.Connection, file: object, dataset: str, protocol_hash: str) -> Iterator[SavedImage]:
    """Every picture of a data set under a protocol, ordered by image.

    Args:
        file: the results file, for messages.

    Raises:
        StoreError: a row is none; likewise below.
    """
    query = f"select {_columns(db)} from pictures where dataset = ? and protocol_hash = ? order by image"
    for row in checked_rows(file, "pictures", COLUMNS, db.execute(query, (dataset, protocol_hash))):
        yield _saved_image(row)


def page(
    db: sqlite3.Connection, file: object, dataset: str, protocol_hash: str, *, after: str, most: int
) -> list[tuple[SavedImage, int]]:
    """The pictures of the next images in the order of their names, each with the run that wrote it.

    Args:
        after: name of the last image of the page before; empty for the first page.
        most: images.
    """
    query = (
        f"select {_columns(db)}, run from pictures where dataset = ? and protocol_hash = ? and image in "
        "(select distinct image from pictures where dataset = ? and protocol_hash = ? and image > ? "
        "order by image limit ?) order by image"
    )
    found = db.execute(query, (dataset, protocol_hash, dataset, protocol_hash, after, most))
    return [
        (_saved_image(row[:-1]), row[-1]) for row in checked_rows(file, "pictures", (*COLUMNS, "run"), found)
    ]


def versions(db: sqlite3.Connection, file: object, table: Literal["scores", "pictures"]) -> list[Version]:
    """Of all that has rows in a table, in the order of data sets and protocols."""
    # a file from before there were hashes has none at all
    unhashed = "0" if table == "scores" else f"sum({HASH} = '')" if hashed(db) else "count(*)"
    key = ("dataset", "protocol_hash", "model", "model_hash")
    # bench.records.untiled_hash, in SQL: a file may have millions of rows and a few versions
    alone = f"iif(instr(model_hash, '{IN_TILES}'), substr(model_hash, 1, instr(model_hash, '{IN_TILES}') - 1), model_hash)"
    groups = ", ".join((*key[:-1], alone))  # images that were done in tiles are of the same version
    # distinct: an image has a score for each metric
    query = f"select {groups}, count(distinct image), max(run), {unhashed} from {table} group by {groups}"
    found = checked_rows(
        file, table, (*key, "size", "run", "size"), db.execute(query)
    )  # two numbers, as sizes are
    return [Version(**dict(zip(Version.__dataclass_fields__, row, strict=True))) for row in found]


def relative_to_store(saved_image: SavedImage, store: Path) -> SavedImage:
    """With its file as the results file `store` keeps it, so that the two can be moved together."""
    file, folder = Path(saved_image.file).absolute(), store.absolute().parent
    return replace(saved_image, file=str(file.relative_to(folder) if file.is_relative_to(folder) else file))


def _saved_image(row: tuple[str, ...]) -> SavedImage:
    return SavedImage(**dict(zip(COLUMNS, row, strict=True)))


def _columns(db: sqlite3.Connection) -> str:
    missing = set() if hashed(db) else {HASH}
    return ", ".join("''" if name in missing else name for name in COLUMNS)


def hashed(db: sqlite3.Connection) -> bool:
    """Whether the file has the column of hashes: one from before pixels were hashed has not."""
    return any(row[1] == HASH for row in db.execute("pragma table_info(pictures)"))
