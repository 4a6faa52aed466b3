"""What figures read of timed rows: the newest of each, what they share, what is known of their exactness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.timing.rows import Row
from reports.load.results import Results
from reports.load.speeds import Machine, Timed, machines, shown_runs

EAGER = "eager"


def all_machines(results: Results) -> tuple[Machine, ...]:
    """Those of the stores first, then, where they are asked for, the reference runs shipped with the suite."""
    return machines(results, shown_runs(results))


def certificate(row: Row) -> Mapping[str, Any]:
    """Of a timing, as JSON has it; empty where the row has none."""
    return row.certificate or {}


def input_size(row: Row) -> int:
    """Side of the image that goes in; an upscaler's is smaller than what comes out."""
    return int(certificate(row).get("protocol", {}).get("size", row.size))


def newest(timed: Iterable[Timed], wanted: Callable[[Row], bool]) -> list[Timed]:
    """Of each method, form, size and input the one that was measured last."""
    kept: dict[tuple[object, ...], Timed] = {}
    for one in timed:
        row = one.row
        # Iterations: the optimisation, not a network.
        if row.seconds is None or row.iterations is not None or not wanted(row):
            continue
        key = (row.method, row.variant, row.size, input_size(row))
        # By hash too: of two protocols of one run it is always the same.
        if key not in kept or (one.age, row.protocol_hash) > (kept[key].age, kept[key].row.protocol_hash):
            kept[key] = one
    return list(kept.values())


def seconds(timed: Timed) -> float:
    """Of one image; :func:`newest` lets nothing through that has none."""
    return timed.row.seconds or 0.0
