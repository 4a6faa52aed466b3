"""What `bench.rescore` does once its options are parsed: select, measure, print, export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from bench import interrupts
from bench.cli import DONE, FAILED, device, next_step, progress, working
from bench.commands.sr_quality import print_failures, warn
from bench.config_file import Command
from bench.data import cache
from bench.devices import exact_float32
from bench.environment import environment
from bench.metrics import info
from bench.outputs import check_clashes
from bench.quality.config import RescoreConfig
from bench.quality.engine import ResultWriter, evaluate, results
from bench.quality.loading import can_measure, load_metrics
from bench.quality.plan import Plan
from bench.quality.stored import select, stored_jobs, stored_plan
from bench.quality.summary import Row, export, print_tables
from bench.records import HR, Run
from bench.storage.store import Store, now
from bench.tables import write_exports


def rescore(config: RescoreConfig, command: Command) -> int:
    """Measure stored images with the config's metrics, print a table per data set, scale and protocol, and export it.

    Returns:
        The exit status: done only if there is something to do and each model has a value of each metric.
    """
    where = device(config.device)
    interrupts.keeps(f"the scores of finished images are kept in {config.db}")
    with Store(config.db) as store:
        outputs = [(f"--{name}", file) for name, file in config.exports.items()]
        check_clashes(reads=_stored_files(store), writes=outputs)
        selection = select(store, config, warn)
        with working("loading metrics"):
            loaded = list(load_metrics(config.metrics, where))
        todo = []
        for part in selection.parts:
            # Under a protocol that was asked for by name, a metric that cannot measure is an error, else it is skipped.
            named = part.protocol.name in (config.protocol or ())
            usable = [m for m in loaded if can_measure(m, part.protocol, required=named, log=warn)]
            if usable:
                todo.append(stored_plan(part, usable, where, force=config.force))
        table, complete = _rescore(config, todo, where, store, command)
    print(f"\nresults: {config.db}")
    write_exports(config.exports, partial(export, table))
    next_step(config.db)
    return DONE if complete and selection.whole else FAILED


def _rescore(
    config: RescoreConfig, todo: Sequence[Plan], where: torch.device, store: Store, command: Command
) -> tuple[list[Row], bool]:
    exact_float32()
    number = store.start(
        Run(
            program="rescore",
            command=command,
            config=command.config,
            started=now(),
            environment=environment(str(where)),
            protocols=tuple(dict.fromkeys(plan.protocol for plan in todo)),
            metrics=tuple(info(name, cache.used_name) for name in config.metrics),
        )
    )
    table: list[Row] = []
    with progress("rescore", sum(plan.image_count for plan in todo)) as reporter:
        for plan in todo:
            writer = ResultWriter(plan, store, number, reporter)
            feed = partial(stored_jobs, trust=config.skip_hash_check)
            table += results(plan, store, evaluate(writer, feed))
    store.finish(number)
    print_tables(table)
    print_failures("a stored image could not be scored", store.failures(number))
    cells = sum(len(plan.models) * len(plan.metrics) for plan in todo)
    # hr's own rows (metrics without a reference) belong to no model and do not make a run complete.
    return table, sum(row.model != HR for row in table) == cells > 0


def _stored_files(store: Store) -> Iterator[tuple[str, Path]]:
    """The stored images, which are what is measured."""
    columns, rows = store.table("pictures")
    where = columns.index("file") if columns else 0  # a new file has no such table yet
    for row in rows:
        yield "a stored image", store.place.parent / str(row[where])
