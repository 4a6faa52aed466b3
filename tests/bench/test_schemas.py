"""The JSON Schemas that the package brings; real outputs are checked where their programs are tested."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from bench.__main__ import PROGRAMS
from bench.quality.summary import Row, export
from bench.quality.summary import Values as ImageValues
from bench.tables import to_json
from bench.timing.rows import Row as Timed
from bench.timing.rows import record
from tests.schemas import FOLDER, assert_valid, schema
from tests.test_docs import options

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = sorted(file.name.removesuffix(".schema.json") for file in FOLDER.glob("*.json"))


def test_every_program_that_writes_json_has_a_schema() -> None:
    writers = {
        name
        for name in PROGRAMS
        if name != "reports" and "--json" in options(importlib.import_module(f"bench.{name}").parser())
    }
    assert writers == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


def test_what_the_programs_gave_before_is_valid() -> None:
    assert_valid("sr_quality", GOLDEN / "export.json")
    assert_valid("rescore", GOLDEN / "export.json")


def test_infinite_values_are_valid(tmp_path: Path) -> None:
    values = ImageValues()
    for image, value in (("a", math.inf), ("b", 30.0)):
        values.put(image, value)
    row = Row(
        model="m",
        dataset="d",
        scale=4,
        protocol="p",
        protocol_hash="0" * 64,
        metric="psnr",
        values=values,
        metric_version="1",
    )
    (tmp_path / "r.json").write_text(to_json(export([row]).records))
    assert "inf" in (tmp_path / "r.json").read_text()
    assert_valid("sr_quality", tmp_path / "r.json")


def test_a_time_that_could_not_be_taken_is_valid(tmp_path: Path) -> None:
    row = Timed(method="gatys", size=64, variant="eager", device="cpu", weights="", error="out of memory")
    (tmp_path / "r.json").write_text(to_json([record(row)]))
    assert_valid("speed", tmp_path / "r.json")


def test_a_field_that_is_not_published_is_an_error(tmp_path: Path) -> None:
    rows = json.loads((GOLDEN / "export.json").read_text())
    for change in ({"new": 1}, {"mean": "high"}, {"protocol_hash": "x"}):
        (tmp_path / "r.json").write_text(json.dumps([rows[0] | change]))
        with pytest.raises(AssertionError):
            assert_valid("sr_quality", tmp_path / "r.json")
