"""The table of pictures: the pixels' hash, files from before there was one, and files written to twice."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import images
from bench.errors import StoreError
from bench.records import SavedImage
from bench.storage.reader import read
from bench.storage.saved_images import Version
from bench.storage.store import Store
from tests.bench.storage.test_store import PROTOCOL, SCORE, start

PLACE = {"dataset": "set5", "protocol_hash": PROTOCOL.hash}
PICTURE = SavedImage(
    **PLACE,
    image="baby",
    image_sha256="i",
    model="bicubic",
    model_hash="m",
    file="p/bicubic/baby.png",
    pixels_sha256="0" * 64,
)
FORMAT_1 = """
create table pictures (
  dataset text not null, protocol_hash text not null, image text not null, image_sha256 text not null,
  model text not null, model_hash text not null, file text not null, run integer not null references runs (id),
  primary key (dataset, protocol_hash, image, image_sha256, model, model_hash)
) without rowid
"""
"""As the first version made the table."""
FORMAT_1_COLUMNS = "dataset, protocol_hash, image, image_sha256, model, model_hash, file, run"


def make_old(file: Path) -> None:
    """Put the results file back to what the first version would have written."""
    with sqlite3.connect(file) as db:
        db.execute("alter table pictures rename to newer")
        db.execute(FORMAT_1)
        db.execute(f"insert into pictures select {FORMAT_1_COLUMNS} from newer")
        db.execute("drop table newer")
    db.close()


def filled(file: Path, *pictures: SavedImage) -> None:
    with Store(file) as store:
        store.add(start(store), scores=[SCORE], pictures=pictures)


def stored(file: Path) -> list[SavedImage]:
    with Store(file, read_only=True) as store:
        return list(store.pictures(**PLACE))


def test_a_file_from_before_pixels_were_hashed_is_read(tmp_path: Path) -> None:
    filled(tmp_path / "r.db", PICTURE)
    make_old(tmp_path / "r.db")
    assert stored(tmp_path / "r.db") == [replace(PICTURE, pixels_sha256="")]
    assert len(read([tmp_path / "r.db"]).pictures) == 1
    with Store(tmp_path / "r.db", read_only=True) as store:
        assert [(version.model, version.unhashed) for version in store.versions("pictures")] == [
            ("bicubic", 1)
        ]


def test_a_file_from_before_pixels_were_hashed_gets_the_column_when_it_is_written_to(tmp_path: Path) -> None:
    filled(tmp_path / "r.db", PICTURE)
    make_old(tmp_path / "r.db")
    other = replace(PICTURE, image="bird", file="p/bicubic/bird.png", pixels_sha256="1" * 64)
    filled(tmp_path / "r.db", other)
    filled(tmp_path / "r.db")
    assert stored(tmp_path / "r.db") == [replace(PICTURE, pixels_sha256=""), other]


def test_what_an_earlier_version_writes_into_a_newer_file_has_no_hash(tmp_path: Path) -> None:
    filled(tmp_path / "r.db", PICTURE)
    with sqlite3.connect(tmp_path / "r.db") as db:
        values = (*PLACE.values(), "baby", "i", "bicubic", "m", "p/bicubic/baby.png", 1)
        db.execute(
            f"insert or replace into pictures ({FORMAT_1_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)", values
        )
    db.close()
    assert stored(tmp_path / "r.db") == [replace(PICTURE, pixels_sha256="")]


@pytest.mark.parametrize("field", ["image_sha256", "model_hash"])
def test_a_file_that_is_written_to_again_no_longer_holds_the_older_picture(
    tmp_path: Path, field: str
) -> None:
    newer, elsewhere = replace(PICTURE, **{field: "other"}), replace(PICTURE, file="q/bicubic/baby.png")
    filled(tmp_path / "r.db", PICTURE)
    filled(tmp_path / "r.db", newer)
    assert stored(tmp_path / "r.db") == [newer]
    filled(tmp_path / "r.db", elsewhere)
    assert sorted(stored(tmp_path / "r.db"), key=str) == sorted([newer, elsewhere], key=str)


def test_pages_hold_every_picture_once_with_its_run(tmp_path: Path) -> None:
    names = [f"{i:02}" for i in range(7)]
    pictures = [
        replace(PICTURE, image=name, model=model, file=f"{model}/{name}")
        for name in names
        for model in ("bicubic", "hr")
    ]
    filled(tmp_path / "r.db", *pictures[:5])
    filled(tmp_path / "r.db", *pictures[5:])
    found, after = [], ""
    with Store(tmp_path / "r.db", read_only=True) as store:
        while page := store.saved_image_page(**PLACE, after=after, most=3):
            assert len({picture.image for picture, _ in page}) <= 3
            after = page[-1][0].image
            found += page
    assert found == [(picture, 1 if i < 5 else 2) for i, picture in enumerate(pictures)]


def test_versions_say_how_many_images_each_model_has_and_which_run_was_last(tmp_path: Path) -> None:
    filled(tmp_path / "r.db", PICTURE, replace(PICTURE, image="bird", file="b", pixels_sha256=""))
    filled(tmp_path / "r.db", replace(PICTURE, model_hash="n", file="c"))
    old, new = (
        Version(**PLACE, model="bicubic", model_hash=digest, images=images, run=run, unhashed=unhashed)
        for digest, images, run, unhashed in (("m", 2, 1, 1), ("n", 1, 2, 0))
    )
    with Store(tmp_path / "r.db", read_only=True) as store:
        assert store.versions("pictures") == [old, new]
        assert store.versions("scores") == [replace(old, images=1, run=2, unhashed=0)]


def test_a_row_that_holds_no_text_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "r.db", PICTURE)
    with sqlite3.connect(tmp_path / "r.db") as db:
        db.execute("update pictures set file = x'00ff'")
    db.close()
    with Store(tmp_path / "r.db", read_only=True) as store, pytest.raises(StoreError, match="file is"):
        store.saved_image_page(**PLACE, after="", most=3)


def test_the_hash_of_pixels_is_of_what_is_seen_and_not_of_how_it_is_compressed(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    images.write(tmp_path / "a.png", pixels)
    Image.fromarray(pixels).save(tmp_path / "b.png", compress_level=9)
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    one, two = (images.pixels_sha256(images.read(tmp_path / name)) for name in ("a.png", "b.png"))
    assert one == two == images.pixels_sha256(np.asfortranarray(pixels))
    others = (pixels.reshape(30, 20, 3), pixels.reshape(20, 90, 1), pixels[::-1], pixels ^ 1)
    assert one not in {images.pixels_sha256(other) for other in others}
