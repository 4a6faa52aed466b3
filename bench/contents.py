"""Everything that results files hold, to be read by programs that compare and report; no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records import (
    Curve,
    Environment,
    Failure,
    MetricInfo,
    Picture,
    Score,
    SpeedResult,
    SRProtocol,
    StyleProtocol,
)
from bench.store import Store, curve

if TYPE_CHECKING:
    import pandas as pd

SHARED = ("model", "model_hash", "dataset", "protocol", "protocol_hash", "metric", "metric_version", "store")

COLUMNS = {"scores": fields(Score), "pictures": fields(Picture), "failures": fields(Failure)}


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One start of a program, as a results file has it.

    Attributes:
        store: the file.
        id: number of the run in the file.
        finished: ISO 8601, UTC; None for a run that was stopped or killed.
    """

    store: str
    id: int
    program: str
    command: tuple[str, ...]
    started: str
    finished: str | None
    environment_hash: str

    @property
    def line(self) -> str:
        """The command line that was given."""
        import shlex

        return shlex.join(["python", "-m", f"bench.{self.program}", *self.command])


@dataclass(frozen=True, kw_only=True)
class StoredTiming:
    """A timing, and the run that made it: the file and the number of the run in it."""

    result: SpeedResult
    store: str
    run: int


@dataclass(frozen=True, kw_only=True)
class StoredCurve:
    """A curve, and the run that made it."""

    curve: Curve
    store: str
    run: int


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Raw values of one or more results files.

    Attributes:
        scores: the fields of :class:`bench.records.Score`, and `run` and `store`; one row per value.
        pictures: the fields of :class:`bench.records.Picture`, and `run` and `store`; `file` is absolute.
        failures: the fields of :class:`bench.records.Failure`, and `run` and `store`.
        runs: by file and number.
        protocols: by hash; of equal ones with several names, the first.
        style_protocols: those of the curves, likewise.
        environments: by hash.
        metrics: by name and version.
    """

    stores: tuple[str, ...]
    scores: pd.DataFrame
    pictures: pd.DataFrame
    failures: pd.DataFrame
    timings: tuple[StoredTiming, ...]
    curves: tuple[StoredCurve, ...]
    runs: dict[tuple[str, int], StoredRun]
    protocols: dict[str, SRProtocol]
    style_protocols: dict[str, StyleProtocol]
    environments: dict[str, Environment]
    metrics: dict[tuple[str, str], MetricInfo]


def read(files: Sequence[Path]) -> Contents:
    """All that the files hold. Of a value that several hold for the same content, that of the last file is kept.

    Raises:
        StoreError: a file is missing, damaged, of another program or of a newer version.
    """
    import pandas as pd

    parts = [_read_one(file) for file in dict.fromkeys(files)]
    key = ["dataset", "protocol_hash", "image", "image_sha256", "model", "model_hash"]
    scores = pd.concat([part.scores for part in parts], ignore_index=True)
    scores = scores.drop_duplicates([*key, "metric", "metric_version"], keep="last", ignore_index=True)
    for column in SHARED:
        scores[column] = scores[column].astype("category")
    pictures = pd.concat([part.pictures for part in parts], ignore_index=True)
    return Contents(
        stores=tuple(name for part in parts for name in part.stores),
        scores=scores,
        pictures=pictures.drop_duplicates(key, keep="last", ignore_index=True),
        failures=pd.concat([part.failures for part in parts], ignore_index=True),
        timings=tuple(timing for part in parts for timing in part.timings),
        curves=tuple(curve for part in parts for curve in part.curves),
        runs=_merged(part.runs for part in parts),
        protocols=_merged(part.protocols for part in reversed(parts)),
        style_protocols=_merged(part.style_protocols for part in reversed(parts)),
        environments=_merged(part.environments for part in parts),
        metrics=_merged(part.metrics for part in parts),
    )


def _merged(parts: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
    return {key: value for part in parts for key, value in part.items()}


def _read_one(file: Path) -> Contents:
    with Store(file, read_only=True) as store:
        name = str(file)
        frames = {table: _frame(store, table, name) for table in ("scores", "pictures", "failures")}
        pictures = frames["pictures"]
        folder = file.absolute().parent
        definitions = _rows(store, "protocols")
        frames["pictures"] = pictures.assign(file=[str(folder / path) for path in pictures["file"]])
        return Contents(
            stores=(name,),
            **frames,
            timings=tuple(_timings(store, name)),
            curves=tuple(
                StoredCurve(curve=curve(row), store=name, run=row["run"]) for row in _rows(store, "curves")
            ),
            runs={(name, row["id"]): _run(row, name) for row in _rows(store, "runs")},
            protocols={row["hash"]: _protocol(row) for row in definitions if not _of_style(row)},
            style_protocols={row["hash"]: _style_protocol(row) for row in definitions if _of_style(row)},
            environments={
                row["hash"]: Environment(facts=json.loads(row["facts"]))
                for row in _rows(store, "environments")
            },
            metrics={(row["name"], row["version"]): _metric(row) for row in _rows(store, "metrics")},
        )


def _rows(store: Store, table: str) -> list[dict[str, Any]]:
    columns, rows = store.table(table)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _frame(store: Store, table: str, name: str) -> pd.DataFrame:
    import pandas as pd

    columns, rows = store.table(table)
    known = columns or (*(field.name for field in COLUMNS[table]), "run")
    return pd.DataFrame.from_records(rows, columns=list(known)).assign(store=name)


def _timings(store: Store, name: str) -> list[StoredTiming]:
    names = SpeedResult.__dataclass_fields__
    found = []
    for row in _rows(store, "timings"):
        known = {column: row[column] for column in names}
        known |= {"seconds": tuple(json.loads(row["seconds"])), "certificate": json.loads(row["certificate"])}
        found.append(StoredTiming(result=SpeedResult(**known), store=name, run=row["run"]))
    return found


def _run(row: dict[str, Any], name: str) -> StoredRun:
    return StoredRun(
        store=name,
        id=row["id"],
        program=row["program"],
        command=tuple(json.loads(row["command"])),
        started=row["started"],
        finished=row["finished"],
        environment_hash=row["environment"],
    )


def _protocol(row: dict[str, Any]) -> SRProtocol:
    return SRProtocol(name=row["name"], **json.loads(row["definition"]))


def _of_style(row: dict[str, Any]) -> bool:
    return "style_layers" in json.loads(row["definition"])


def _style_protocol(row: dict[str, Any]) -> StyleProtocol:
    definition = json.loads(row["definition"])
    layers = {key: tuple(definition[key]) for key in ("content_layers", "style_layers")}
    return StyleProtocol(name=row["name"], **definition | layers)


def _metric(row: dict[str, Any]) -> MetricInfo:
    return MetricInfo(**{**row, "higher_is_better": bool(row["higher_is_better"])})
