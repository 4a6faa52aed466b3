"""The paper's Table 1 with all its iterations, and the ladder, by `bench.speed` as anybody runs it."""

from __future__ import annotations

import json
from typing import Any

from bench import speed
from tests.gpu.asked import Asked
from tests.gpu.machine import ready, state
from tests.gpu.record import Record


def table1(asked: Asked, record: Record) -> None:
    """A size after the other, so that the small ones are there when the time is up."""
    device = ready(asked)
    for size in (64,) if asked.smoke else (256, 512, 1024):
        iterations = ("2", "4") if asked.smoke else ("100", "300", "500")
        measure(asked, record, f"table1-{size}", "--sizes", str(size), "--full", "--iterations", *iterations)
        record.write(f"state after {size}", **state(device))


def ladder(asked: Asked, record: Record) -> None:
    """Every form of the paper's networks, compiled and as a CUDA graph too, and the optimisation in its fast form."""
    device = ready(asked)
    if asked.smoke:
        measure(asked, record, "ladder-64", "--sizes", "64", "--models", "style-paper", "--ladder")
        return
    for models in (("style-paper",), ("gatys", "sr-pixel")):
        name = f"ladder-{'-'.join(models)}"
        measure(asked, record, name, "--sizes", "512", "--iterations", "100", "--models", *models, "--ladder")
    record.write("state", **state(device))


def measure(asked: Asked, record: Record, name: str, *options: str) -> None:
    """Rows with their certificates go to a file; what a reader wants first, into the record.

    Raises:
        RuntimeError: the program says that something could not be timed.
    """
    file = asked.out / f"{name}.json"
    time_limit = "0.2" if asked.smoke else "3"
    common = ("--device", asked.device, "--time-limit", time_limit, "--db", str(asked.out / "speed.db"))
    status = speed.main([*options, *common, "--force", "--json", str(file)])
    for row in json.loads(file.read_text(encoding="utf-8")) if file.exists() else []:
        record.write(
            f"{name} {row['method']} {row['variant']} {row['iterations'] or ''}".strip(), **brief(row)
        )
    if status:
        raise RuntimeError(f"bench.speed {' '.join(options)} ended with {status}")


def brief(row: dict[str, Any]) -> dict[str, Any]:
    """A row without its certificate, but with the share of the peak that stands there."""
    share = (row.get("certificate") or {}).get("share_of_peak")
    return {key: value for key, value in row.items() if key != "certificate"} | {"share_of_peak": share}
