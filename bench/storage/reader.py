"""Everything that results files hold, to be read by programs that compare and report; no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.data.untrusted import parse_as
from bench.outputs import check_clashes, store_files
from bench.records import (
    HR,
    Curve,
    Environment,
    Failure,
    MetricInfo,
    SavedImage,
    Score,
    SpeedResult,
    SRProtocol,
    StyleProtocol,
    untiled_hash,
)
from bench.storage.rows import checked_rows, curve, definition, timing, validating_rows
from bench.storage.schema import CONFIG, CONTRIBUTOR
from bench.storage.store import Store

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
MOST_DECIMALS = 17  # digits that tell any two floats apart; a larger number would be a request for memory
# Few values in millions of rows: categories take a small part of the memory that strings do.
SHARED = ("model", "model_hash", "dataset", "protocol", "protocol_hash", "metric", "metric_version", "store")

COLUMNS = {"scores": fields(Score), "pictures": fields(SavedImage), "failures": fields(Failure)}


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One start of a program, as a results file has it.

    Attributes:
        store: the file.
        id: number of the run in the file.
        finished: ISO 8601, UTC; None for a run that was stopped or killed.
        age: what runs are sorted by, the newest last. In one file it is the order in which they came into it,
            whatever the clock said; between files it is the start.
        config: text of the config file that the command names; empty for none.
        contributor: who made it, where `bench.merge --contributor` said so; else empty.
    """

    store: str
    id: int
    program: str
    command: tuple[str, ...]
    started: str
    finished: str | None
    environment_hash: str
    age: tuple[str, int, int] = ("", 0, 0)
    config: str = ""
    contributor: str = ""

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
class ResultsData:
    """Raw values of one or more results files.

    Attributes:
        scores: the fields of :class:`bench.records.Score`, and `run` and `store`; one row per value of a model under a
            protocol of super-resolution.
        style_scores: likewise, under a style protocol: the values of style metrics.
        of_hr: likewise, what metrics without a reference give for hr itself, which is no model.
        pictures: the fields of :class:`bench.records.SavedImage`, and `run` and `store`; `file` is absolute.
        failures: the fields of :class:`bench.records.Failure`, and `run` and `store`.
        runs: by file and number.
        protocols: by hash; of equal ones with several names, the first.
        style_protocols: those of the curves, likewise.
        environments: by hash.
        metrics: by name and version.
    """

    stores: tuple[str, ...]
    scores: pd.DataFrame
    style_scores: pd.DataFrame
    of_hr: pd.DataFrame
    pictures: pd.DataFrame
    failures: pd.DataFrame
    timings: tuple[StoredTiming, ...]
    curves: tuple[StoredCurve, ...]
    runs: dict[tuple[str, int], StoredRun]
    protocols: dict[str, SRProtocol]
    style_protocols: dict[str, StyleProtocol]
    environments: dict[str, Environment]
    metrics: dict[tuple[str, str], MetricInfo]


def read(files: Sequence[Path]) -> ResultsData:
    """All that the files hold. Of a value that several hold for the same content, that of the last file is kept.

    Raises:
        StoreError: a file is missing, damaged, of another program or of a newer version.
    """
    import pandas as pd

    # a file that is named twice must not count as two
    parts = [_read_one(file) for file in dict.fromkeys(files)]
    key = ["dataset", "protocol_hash", "image", "image_sha256", "model", "model_hash"]
    pictures = pd.concat([_untiled(part.pictures, key) for part in parts], ignore_index=True)
    return ResultsData(
        stores=tuple(name for part in parts for name in part.stores),
        scores=_scores([part.scores for part in parts], key),
        style_scores=_scores([part.style_scores for part in parts], key),
        of_hr=_scores([part.of_hr for part in parts], key),
        pictures=pictures.drop_duplicates(key, keep="last", ignore_index=True),
        failures=pd.concat([part.failures for part in parts], ignore_index=True),
        timings=tuple(timing for part in parts for timing in part.timings),
        curves=tuple(curve for part in parts for curve in part.curves),
        runs=_merged(_aged(part.runs, place) for place, part in enumerate(parts)),
        # reversed: the last one that is merged stays, and the first file's name is wanted
        protocols=_merged(part.protocols for part in reversed(parts)),
        style_protocols=_merged(part.style_protocols for part in reversed(parts)),
        environments=_merged(part.environments for part in parts),
        metrics=_merged(part.metrics for part in parts),
    )


def check_not_replaced(stores: Sequence[Path], files: Sequence[Path], replaced: Sequence[Path]) -> None:
    """Refuse to replace files and folders of an earlier output that what is read is, or lies in.

    Args:
        stores: results files that are read; `files` all else that is.

    Raises:
        UserError: names both.
    """
    check_clashes(
        reads=[
            *(each for store in stores for each in store_files("the results file", store)),
            *(("the file", file) for file in files),
        ],
        replaced=[("an earlier output's", path) for path in replaced],
    )


def _scores(parts: Sequence[pd.DataFrame], key: Sequence[str]) -> pd.DataFrame:
    """One below the other; names that repeat are kept once."""
    import pandas as pd

    key = [*key, "metric", "metric_version"]
    found = pd.concat([_untiled(part, key) for part in parts], ignore_index=True)
    found = found.drop_duplicates(key, keep="last", ignore_index=True)
    # after concat, which gives up categories that differ from file to file
    for column in SHARED:
        found[column] = found[column].astype("category")
    return found


def _untiled(part: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """Rows of one file with the hash of the model alone; of an image made in tiles and whole, the newer one is left."""
    alone = part["model_hash"].map(untiled_hash)
    if not (alone != part["model_hash"]).any():
        return part
    # SQLite gives rows in the order of their keys; in one file the number of the run is that of age
    by_age = part.assign(model_hash=alone).sort_values("run", kind="stable")
    return by_age.drop_duplicates(key, keep="last").sort_index()


def _aged(runs: dict[tuple[str, int], StoredRun], place: int) -> dict[tuple[str, int], StoredRun]:
    """With their ages: a clock that was put back lets no run start before one of a smaller number in the same file."""
    latest, aged = "", {}
    for key in sorted(runs, key=lambda key: key[1]):
        latest = max(latest, runs[key].started)
        aged[key] = replace(runs[key], age=(latest, place, key[1]))
    return aged


def _merged(parts: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
    return {key: value for part in parts for key, value in part.items()}


def _read_one(file: Path) -> ResultsData:
    with Store(file, read_only=True) as store:
        name = str(file)
        frames = {table: _frame(store, table, name) for table in ("scores", "pictures", "failures")}
        pictures, scores = frames["pictures"], frames["scores"]
        folder = file.absolute().parent
        protocols = dict(_made(store, "protocols", _protocol))
        facts = {(row["run"], row["name"]): row["text"] for row in _made(store, "run_facts", lambda row: row)}
        style_protocols = {key: p for key, p in protocols.items() if isinstance(p, StyleProtocol)}
        # style metrics lie in the same table: the kind of protocol tells them apart
        is_style = scores["protocol_hash"].isin(list(style_protocols))
        is_hr = ~is_style & (scores["model"] == HR)
        contents = ResultsData(
            stores=(name,),
            scores=scores[~is_style & ~is_hr],
            style_scores=scores[is_style],
            of_hr=scores[is_hr],
            # a path that is absolute already stays what it is
            pictures=pictures.assign(file=[str(folder / path) for path in pictures["file"]]),
            failures=frames["failures"],
            timings=tuple(
                _made(
                    store, "timings", lambda row: StoredTiming(result=timing(row), store=name, run=row["run"])
                )
            ),
            curves=tuple(
                _made(store, "curves", lambda row: StoredCurve(curve=curve(row), store=name, run=row["run"]))
            ),
            runs=dict(_made(store, "runs", lambda row: ((name, row["id"]), _run(row, name, facts)))),
            protocols={key: rule for key, rule in protocols.items() if isinstance(rule, SRProtocol)},
            style_protocols=style_protocols,
            environments=dict(
                _made(
                    store,
                    "environments",
                    lambda row: (row["hash"], Environment(facts=definition(row["facts"]))),
                )
            ),
            metrics={(metric.name, metric.version): metric for metric in _made(store, "metrics", _metric)},
        )
    _check_references(contents)
    return contents


def _check_references(contents: ResultsData) -> None:
    """
    Raises:
        StoreError: a row is of a run, a machine or a protocol that the file does not hold.
    """
    # SQLite does not enforce the references of the schema unless a connection asks for it
    runs = {number for _, number in contents.runs}
    machines = {
        "runs": {run.environment_hash for run in contents.runs.values()},
        "timings": {timing.result.environment_hash for timing in contents.timings},
    }
    for table, hashes in machines.items():
        with validating_rows(contents.stores[0], table):
            if unknown := hashes - set(contents.environments):
                raise ValueError(f"the environment {min(unknown)!a} is not in the file")
    parts: dict[str, tuple[Iterable[int], Iterable[str], Collection[str]]] = {
        "scores": (
            {*contents.scores["run"], *contents.style_scores["run"], *contents.of_hr["run"]},
            {*contents.scores["protocol_hash"], *contents.of_hr["protocol_hash"]},
            contents.protocols,
        ),
        "pictures": (contents.pictures["run"], (), ()),
        "timings": ((timing.run for timing in contents.timings), (), ()),
        "curves": (
            (curve.run for curve in contents.curves),
            (curve.curve.protocol_hash for curve in contents.curves),
            contents.style_protocols,
        ),
    }
    for table, (of_runs, of_protocols, protocols) in parts.items():
        with validating_rows(contents.stores[0], table):
            if lost := set(of_runs) - runs:
                raise ValueError(f"the run {min(lost)} is not in the file")
            if gone := set(of_protocols) - set(protocols):
                raise ValueError(f"the protocol {min(gone)!a} is not in the file")


def _made(store: Store, table: str, make: Callable[[dict[str, Any]], T]) -> list[T]:
    """Each row of a table as a record.

    Raises:
        StoreError: a row is none.
    """
    columns, rows = store.table(table)
    with validating_rows(store.file, table):
        found = checked_rows(store.file, table, columns, rows)
        return [make(dict(zip(columns, row, strict=True))) for row in found]


def _frame(store: Store, table: str, name: str) -> pd.DataFrame:
    import pandas as pd

    columns, rows = store.table(table)
    # no columns: a file from before there was the table
    known = columns or (*(field.name for field in COLUMNS[table]), "run")
    with validating_rows(store.file, table):
        # a column of a field with a default may be absent from an older file
        if missing := {f.name for f in COLUMNS[table] if f.default is MISSING} - set(known):
            raise ValueError(f"the column {min(missing)} is missing")
        return pd.DataFrame.from_records(
            list(checked_rows(store.file, table, columns, rows)), columns=list(known)
        ).assign(store=name)


def _run(row: dict[str, Any], name: str, facts: dict[tuple[int, str], str]) -> StoredRun:
    return StoredRun(
        store=name,
        id=row["id"],
        program=row["program"],
        command=parse_as(Command, {"words": json.loads(row["command"])}, "a run").words,
        started=row["started"],
        finished=row["finished"],
        environment_hash=row["environment"],
        config=facts.get((row["id"], CONFIG), ""),
        contributor=facts.get((row["id"], CONTRIBUTOR), ""),
    )


@dataclass(frozen=True)
class Command:
    """A command line, as it is stored."""

    words: tuple[str, ...]


def _protocol(row: dict[str, Any]) -> tuple[str, SRProtocol | StyleProtocol]:
    fields = {**definition(row["definition"]), "name": row["name"]}
    what = f"protocol {row['hash'][:8]!a}"
    if "style_layers" in fields:
        return row["hash"], parse_as(StyleProtocol, fields, what)
    return row["hash"], parse_as(SRProtocol, fields, what)


def _metric(row: dict[str, Any]) -> MetricInfo:
    known = {**row, "higher_is_better": bool(row["higher_is_better"])}
    if not 0 <= row["decimals"] <= MOST_DECIMALS:
        raise ValueError(f"decimals must be 0 to {MOST_DECIMALS} (got {row['decimals']})")
    return parse_as(MetricInfo, known, f"metric {row['name']!a}")
