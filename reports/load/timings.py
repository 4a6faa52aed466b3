"""What tables and figures read of timed rows: the newest of each, and those that can be compared with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.records import EAGER
from bench.timing.rows import Row
from reports.load.results import Group, Results
from reports.load.speeds import Machine, Timed, machines, shown_runs


def all_machines(results: Results) -> tuple[Machine, ...]:
    """Those of the stores first, then, where they are asked for, the reference runs shipped with the suite."""
    return machines(results, shown_runs(results))


def provenance(row: Row) -> Mapping[str, Any]:
    """What is stored of how a time was measured; empty where nothing is."""
    return row.certificate or {}


def input_size(row: Row) -> int:
    """Side of the image that goes in; an upscaler's is smaller than what comes out."""
    return int(provenance(row).get("protocol", {}).get("size", row.size))


def newest(timed: Iterable[Timed], wanted: Callable[[Row], bool]) -> list[Timed]:
    """Of each method, variant, size and input the one that was measured last."""
    kept: dict[tuple[object, ...], Timed] = {}
    for one in timed:
        row = one.row
        if row.seconds is None or row.iterations is not None or not wanted(row):
            continue
        key = (row.method, row.variant, row.size, input_size(row))
        if key not in kept or (one.age, row.protocol_hash) > (kept[key].age, kept[key].row.protocol_hash):
            kept[key] = one
    return list(kept.values())


def seconds(timed: Timed) -> float:
    """Of one image; :func:`newest` lets nothing through that has none."""
    return timed.row.seconds or 0.0


@dataclass(frozen=True, kw_only=True)
class CommonTimings:
    """Where and at which size most of a group's models were timed; `timed` by model."""

    machine: str
    size: int
    timed: Mapping[str, Timed]

    @property
    def rows(self) -> Mapping[str, Row]:
        return {model: one.row for model, one in self.timed.items()}


def common(found: Sequence[Machine], group: Group) -> CommonTimings | None:
    """The machine and size with most models; of equal ones the larger size, a GPU, then the newest times."""

    def wanted(row: Row) -> bool:
        alone = provenance(row).get("protocol", {}).get("batch") == 1
        fits = row.size // group.scale == input_size(row)
        return row.method in group.models and row.variant == EAGER and fits and alone

    best, best_rank = None, (0, 0, False, ("", 0, 0))
    for machine in found:
        sizes: dict[int, dict[str, Timed]] = {}
        for one in newest(machine.timed, wanted):
            sizes.setdefault(one.row.size, {})[one.row.method] = one
        for size, timed in sizes.items():
            rank = (len(timed), size, machine.gpu, max(one.age for one in timed.values()))
            if rank > best_rank:
                best, best_rank = CommonTimings(machine=machine.name, size=size, timed=timed), rank
    return best
