"""What `bench.speed` does once its options are parsed: measure, print the tables, write the JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from bench import interrupts
from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, device, next_step, progress, writable_file
from bench.config_file import Command
from bench.environment import environment, summary
from bench.outputs import check_clashes, model_files, store_files
from bench.records import Run
from bench.storage.store import Store, now
from bench.tables import print_table, to_json
from bench.text import show
from bench.timing.config import Config
from bench.timing.rows import Row, record
from bench.timing.run import SpeedRun, rows, steps
from bench.timing.table import notes, tables
from bench.variants.build import exact_float32

WIDTH_OF_A_FILE = 160


def speed(config: Config, command: Command) -> int:
    """Time everything that the config names and print it.

    Returns:
        The exit status: done only if every model could be timed in its plain variant.
    """
    json_file = writable_file(config.json) if config.json else None
    check_clashes(
        reads=model_files(config.models),
        writes=[*store_files("--db", config.db), *([("--json", json_file)] if json_file else [])],
    )
    found: list[Row] = []
    where = device(config.device)
    interrupts.keeps(f"finished measurements are kept in {config.db}")
    try:
        with Store(config.db) as store:
            measure(config, where, store, command, found)
    finally:  # an interrupted run still shows what it has
        report(found, config.db, json_file, config.json)
    # A step of the sweep that cannot run here is an answer; a model that cannot run in plain float32 is a failure.
    return FAILED if any(row.error and row.rung in {"", "eager"} for row in found) else DONE


def measure(config: Config, where: torch.device, store: Store, command: Command, found: list[Row]) -> None:
    """Append rows to `found` as they come."""
    exact_float32()
    machine = environment(str(where))
    show(summary(machine))
    number = store.start(
        Run(program="speed", command=command, config=command.config, started=now(), environment=machine)
    )
    with progress("speed", steps(config)) as reporter:
        bench = SpeedRun(
            config=config, device=where, environment=machine, store=store, run=number, reporter=reporter
        )
        try:
            for row in rows(bench):
                # One by one into the caller's list: Ctrl-C leaves what is measured so far to be printed.
                found.append(row)
        finally:
            found += bench.unfinished.values()
    store.finish(number)


def report(found: Sequence[Row], db: Path, json_file: Path | None, shown: Path | None) -> None:
    """Print the tables of what was measured, and write the JSON, whose name is printed as `shown`."""
    if not found:
        return
    # Into a pipe rich takes a terminal of 80 columns.
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)
    for each in tables(found):
        print()
        print_table(each, console)
    show(*notes(found))
    print(f"\nresults: {db}")
    if json_file is not None:
        with atomic_write(json_file) as part:
            part.write_text(to_json([record(row) for row in found]), encoding="utf-8", newline="\n")
        print(f"json:    {shown or json_file}")
    next_step(db)
