"""How records lie in the tables of a results file."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from bench.files.typed import typed
from bench.records import Curve, KnownFile, MetricInfo, Score, SpeedResult
from bench.storage.sound_rows import mapping

SCORE_COLUMNS = tuple(Score.__dataclass_fields__)
TIMING_COLUMNS = tuple(SpeedResult.__dataclass_fields__)
FILE_COLUMNS = tuple(KnownFile.__dataclass_fields__)
CURVE_COLUMNS = tuple(Curve.__dataclass_fields__)
INSERT_TIMING = (
    f"insert or replace into timings ({', '.join(TIMING_COLUMNS)}, run) "
    f"values ({', '.join('?' for _ in TIMING_COLUMNS)}, ?)"
)

INSERT_CURVE = (
    f"insert or replace into curves ({', '.join(CURVE_COLUMNS)}, run) "
    f"values ({', '.join('?' for _ in CURVE_COLUMNS)}, ?)"
)
METRIC_COLUMNS = tuple(MetricInfo.__dataclass_fields__)
INSERT_METRIC = (
    f"insert or replace into metrics ({', '.join(METRIC_COLUMNS)}) "
    f"values ({', '.join('?' for _ in METRIC_COLUMNS)})"
)


def fields_of(record: SpeedResult | Curve, columns: tuple[str, ...]) -> list[object]:
    """Its fields as SQLite takes them: what is structured is JSON."""
    fields = vars(record)
    return [
        as_json(value) if isinstance(value := fields[column], (tuple, Mapping)) else value
        for column in columns
    ]


def timing(row: Mapping[str, Any]) -> SpeedResult:
    """Of a row of the table `timings`."""
    known = {name: row[name] for name in TIMING_COLUMNS}
    parts = {"seconds": json.loads(row["seconds"]), "certificate": mapping(row["certificate"])}
    if not parts["seconds"] or not all(0 < value < math.inf for value in parts["seconds"]):
        raise ValueError(f"seconds is {parts['seconds']}; required times above 0, one at least")
    return typed(SpeedResult, known | parts, "a timing")


def curve(row: Mapping[str, Any]) -> Curve:
    """Of a row of the table `curves`."""
    known = {name: row[name] for name in CURVE_COLUMNS}
    return typed(Curve, known | {"terms": mapping(row["terms"])}, "a curve")


def as_json(value: Collection[object]) -> str:
    """The same text for the same content."""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, sort_keys=True)
