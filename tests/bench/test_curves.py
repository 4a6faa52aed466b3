"""Objectives of style transfer in the store: read back whole, by protocol, and from files older than they are."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bench.protocols import protocol
from bench.records import Curve, Environment, Run, StyleProtocol
from bench.storage.reader import read
from bench.storage.store import Store, now

PROTOCOL = StyleProtocol(
    size=256,
    style="la_muse",
    style_sha256="5" * 64,
    style_size=384,
    loss_network="vgg16",
    loss_weights="w.pth",
    content_layers=("relu3_3",),
    style_layers=("relu1_2", "relu2_2"),
    style_weight=5.0,
    tv_weight=1e-6,
)
CURVE = Curve(
    subject="gatys",
    subject_hash="g",
    dataset="coco50",
    image="a",
    image_sha256="i",
    protocol_hash=PROTOCOL.hash,
    terms={"total": (3.0, 0.1 + 0.2), "content": (1.0, 0.1), "style": (1.5, 0.2), "tv": (0.5, 1e-300)},
    seconds=12.5,
    batch=2,
)


def start(store: Store) -> int:
    """A run under the protocol of style transfer and one of super-resolution."""
    environment = Environment(facts={"cpu": "test"})
    both = (PROTOCOL, protocol("johnson2016", 4))
    return store.start(
        Run(program="style_quality", command=(), started=now(), environment=environment, protocols=both)
    )


def stored(store: Store) -> list[Curve]:
    return store.curves(dataset="coco50", protocol_hash=PROTOCOL.hash)


def test_a_curve_is_read_back_equal_and_one_of_the_same_content_replaces_it(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        run = start(store)
        store.add(run, curves=[CURVE, replace(CURVE, subject="content")])
        assert stored(store) == [replace(CURVE, subject="content"), CURVE]
        store.add(run, curves=[replace(CURVE, seconds=1.0)])
        assert [c.seconds for c in stored(store)] == [12.5, 1.0]
        assert store.curves(dataset="coco50", protocol_hash="other") == []


def test_the_objective_after_each_iteration_is_the_total() -> None:
    assert CURVE.total == (3.0, 0.1 + 0.2)


def test_protocols_of_both_kinds_are_told_apart(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        run = start(store)
        store.add(run, curves=[CURVE])
    found = read([tmp_path / "r.db"])
    assert found.style_protocols == {PROTOCOL.hash: PROTOCOL}
    assert list(found.protocols.values()) == [protocol("johnson2016", 4)]
    assert [(c.curve, c.run) for c in found.curves] == [(CURVE, run)]


def test_a_file_from_before_there_were_curves_has_none_and_gets_them(tmp_path: Path) -> None:
    with Store(tmp_path / "r.db") as store:
        start(store)
    with sqlite3.connect(tmp_path / "r.db") as db:
        db.execute("drop table curves")
    with Store(tmp_path / "r.db", read_only=True) as store:
        assert stored(store) == []
    assert read([tmp_path / "r.db"]).curves == ()
    with Store(tmp_path / "r.db") as store:
        store.add(1, curves=[CURVE])
        assert stored(store) == [CURVE]


@pytest.mark.parametrize(
    "change",
    [{"size": 512}, {"style_weight": 6.0}, {"content_layers": ("relu2_2",)}, {"style_sha256": "6" * 64}],
)
def test_whatever_changes_a_number_changes_the_protocols_hash(change: dict[str, object]) -> None:
    assert replace(PROTOCOL, **change).hash != PROTOCOL.hash


def test_a_name_changes_no_number() -> None:
    assert replace(PROTOCOL, name="other").hash == PROTOCOL.hash
