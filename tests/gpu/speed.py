"""The paper's Table 1 with all its iterations, and the sweep, by `bench.speed` as anybody runs it."""

from __future__ import annotations

from typing import Any

import torch

from bench.commands import speed
from bench.config_file import Command
from bench.storage.store import Store
from bench.timing.config import Config
from bench.timing.rows import Row
from tests.gpu.asked import Asked
from tests.gpu.machine import ready, state
from tests.gpu.record import Record


def table1(asked: Asked, record: Record) -> None:
    """A size after the other, so that the small ones are there when the time is up."""
    device = ready(asked)
    for size in (64,) if asked.smoke else (256, 512, 1024):
        wanted = Config(
            sizes=[size],
            iterations=[2, 4] if asked.smoke else [100, 300, 500],
            full=True,
            force=True,
            time_limit=limit(asked),
        )
        measure(asked, record, f"table1-{size}", device, wanted)
        record.write(f"state after {size}", **state(device))


def sweep(asked: Asked, record: Record) -> None:
    """Every variant of the paper's networks, compiled and as a CUDA graph too, and the optimisation in its fast variant."""
    device = ready(asked)
    for models in (["sr-pixel"],) if asked.smoke else (["style-paper"], ["gatys", "sr-pixel"]):
        wanted = Config(
            sizes=[64 if asked.smoke else 512],
            iterations=[100],
            models=models,
            sweep=True,
            force=True,
            time_limit=limit(asked),
        )
        measure(asked, record, f"ladder-{'-'.join(models)}", device, wanted)
    record.write("state", **state(device))


def limit(asked: Asked) -> float:
    """Seconds of the repetitions of one measurement."""
    return 0.2 if asked.smoke else 3.0


class Written(list[Row]):
    """Rows, each written down as it is appended."""

    def __init__(self, record: Record, name: str) -> None:
        super().__init__()
        self.record, self.name = record, name

    def append(self, row: Row) -> None:
        super().append(row)
        words = (self.name, row.method, row.variant, *([str(row.iterations)] if row.iterations else []))
        self.record.write(" ".join(words), **brief(row))


def measure(asked: Asked, record: Record, name: str, device: torch.device, wanted: Config) -> None:
    """Rows go into the record as they come, and with their provenance into `speed.db`; in the end to a file too.

    Raises:
        RuntimeError: something could not be timed that has no excuse.
    """
    found, db = Written(record, name), asked.out / "speed.db"
    with Store(db) as store:
        speed.measure(wanted, device, store, Command(["tests.gpu", name]), found)
    speed.report(found, db, asked.out / f"{name}.json", None)
    failed = [row.error for row in found if row.error and row.rung in {"", "eager"}]
    if failed:
        raise RuntimeError(failed[0])


def brief(row: Row) -> dict[str, Any]:
    """A row without its provenance, but with what stands there of the peak and of the error against float32."""
    fields = {key: value for key, value in vars(row).items() if key != "certificate"}
    return {**fields, "share_of_peak": row.share_of_peak, "form": row.variant_facts}
