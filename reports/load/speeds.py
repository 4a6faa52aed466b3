"""Measured times by machine: those of the results files, and those that were published with the suite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from bench.records import EAGER, content_hash, machine_kind
from bench.timing.rows import Row, gatys_rows, network_row
from reports.load.results import GATYS, Results

ITERATIONS = (100, 300, 500)
REFERENCE_RUN = "reference run shipped with the suite"
STYLE = "style-"
PAPER_NETWORK = "style-paper"


@dataclass(frozen=True, kw_only=True)
class PublishedRun:
    """A file that `bench.speed --json` wrote, kept with the suite; `name` is the file's."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A row of a speed table.

    Attributes:
        seconds: raw repetitions of one call or one iteration; empty where only the statistics were published.
        certificate: id; empty where the report holds none.
        age: of its run (:class:`bench.storage.reader.StoredRun`).
    """

    row: Row
    seconds: tuple[float, ...] = ()
    certificate: str = ""
    age: tuple[str, int, int] = ("", 0, 0)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was timed on one machine with one set of versions and threads.

    Attributes:
        name: as :func:`bench.records.machine_kind` gives it.
        origin: file name of a published run; empty for the results files.
    """

    name: str
    gpu: bool
    origin: str
    timed: tuple[Timed, ...]

    def gatys(self, size: int, iterations: int) -> Timed | None:
        """The optimisation in plain float32."""
        return self._one(size, GATYS, iterations)

    def network(self, size: int) -> Timed | None:
        """The network in plain float32."""
        return self._one(size, self.network_name, None)

    @property
    def network_name(self) -> str:
        """The paper's network where it was timed, else the first stylizer; empty where there is none."""
        names = dict.fromkeys(t.row.method for t in self.timed if t.row.method.startswith(STYLE))
        return PAPER_NETWORK if PAPER_NETWORK in names else next(iter(names), "")

    @property
    def table_1_cells(self) -> int:
        """How many times of the paper's Table 1 it has."""
        network = self.network_name
        return sum(t.row.variant == EAGER and t.row.method in {GATYS, network} for t in self.timed)

    def _one(self, size: int, method: str, iterations: int | None) -> Timed | None:
        wanted = (size, method, iterations, EAGER)
        found = [t for t in self.timed if _key(t.row) == wanted and t.row.seconds is not None]
        return max(found, key=lambda t: t.age, default=None)  # measured again: the newest


def _key(row: Row) -> tuple[int, str, int | None, str]:
    return (row.size, row.method, row.iterations, row.variant)


def machines(results: Results, published: Sequence[PublishedRun]) -> tuple[Machine, ...]:
    """All of them: of the results files first, GPUs first, those with more of Table 1 first."""
    own = [(timed, "") for timed in _stored(results)]
    kept = [(Timed(row=row), run.name) for run in published for row in run.rows]
    groups: dict[tuple[str, str], list[Timed]] = {}
    for timed, origin in (*own, *kept):
        # With the origin: a shipped run of this very machine stays a machine of its own, and is called so.
        groups.setdefault((origin, _setting(timed.row)), []).append(timed)
    found = [_machine(origin, group) for (origin, _), group in groups.items()]
    return tuple(sorted(found, key=lambda m: (bool(m.origin), not m.gpu, -m.table_1_cells, m.name, m.origin)))


def _stored(results: Results) -> Iterator[Timed]:
    for result, provenance in results.timings:
        rows = gatys_rows(result, ITERATIONS) if result.subject == GATYS else [network_row(result)]
        for row in rows:
            yield Timed(
                row=row,
                seconds=result.seconds,
                certificate=provenance.id,
                age=max((run.age for run in provenance.runs), default=("", 0, 0)),
            )


def _machine(origin: str, group: Sequence[Timed]) -> Machine:
    facts = _facts(group[0].row)
    return Machine(name=machine_kind(facts), gpu=bool(facts.get("gpu")), origin=origin, timed=tuple(group))


def _setting(row: Row) -> str:
    """Equal where times may be compared: machine, versions and threads, but not the commit of the suite."""
    facts = {key: value for key, value in _facts(row).items() if key != "suite"}
    # Not a fact of the machine, but a time of one thread is none of sixteen.
    threads = (row.certificate or {}).get("protocol", {}).get("threads")
    return content_hash({"facts": facts, "threads": threads})


def _facts(row: Row) -> Mapping[str, Any]:
    facts = (row.certificate or {}).get("environment")
    return facts if isinstance(facts, Mapping) else {}


def shown_runs(results: Results) -> tuple[PublishedRun, ...]:
    """The reference runs that a report shows: none unless they were asked for."""
    return published_runs() if results.with_published else ()


@cache
def published_runs() -> tuple[PublishedRun, ...]:
    """What was published with the suite, by file name; none where the package holds none."""
    folder = resources.files("reports").joinpath("published")
    files = [file for file in (folder.iterdir() if folder.is_dir() else ()) if file.name.endswith(".json")]
    files.sort(key=lambda file: file.name)
    documents = ((file.name, json.loads(file.read_text(encoding="utf-8"))) for file in files)
    return tuple(PublishedRun(name=name, rows=tuple(_rows(found))) for name, found in documents)


def _rows(found: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Of a list that `bench.speed --json` wrote; statistics that a Row computes itself are skipped."""
    for fields in found:
        known = {name: value for name, value in fields.items() if name in Row.__dataclass_fields__}
        ends = known["ci"]
        yield Row(**{**known, "ci": ends and tuple(ends), "warnings": tuple(known["warnings"])})
