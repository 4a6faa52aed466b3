"""What `bench.sr_quality` and `bench.rescore` do once their options are parsed: load, score, print, export."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from bench import cache
from bench.cli import DONE, FAILED, as_given, device, progress
from bench.cluster.engines import chosen, machine_of
from bench.cluster.images import in_cluster
from bench.cluster.pool import Cluster
from bench.crops import write_crops
from bench.datasets import dataset, left_out, names
from bench.environment import environment
from bench.errors import MissingFile
from bench.failures import place, print_lacking
from bench.files.outputs import refuse_clashes
from bench.files.replacing import replacing
from bench.gpu import exact_float32
from bench.metrics import info
from bench.printable import printable
from bench.published import Published, published
from bench.quality import summary
from bench.quality.config import Config, RescoreConfig
from bench.quality.engine import Executor, ResultWriter, evaluate, in_threads, results
from bench.quality.loading import can_measure, load_metrics, plans, refuse_folders
from bench.quality.plan import Plan
from bench.quality.stored import select, stored_jobs, stored_plan
from bench.quality.summary import Block, Row, terminal_table
from bench.records import HR, Failure, Run
from bench.store import Store, now


def sr_quality(config: Config, command: Sequence[str]) -> int:
    """Score everything that the config asks for, print a table per data set and scale, and export it.

    Returns:
        The exit status: done only if every model, metric and data set has at least one score.
    """
    with Store(config.db) as store, chosen(config) as cluster:
        where = device("cpu" if cluster else config.device)
        table, complete = score(config, where, store, command, cluster)
    _export(config.exports, table)
    print(f"\nresults: {config.db}")
    if config.images is not None:
        print(f"images:  {as_given(config.images)}")
    _print_exports(config.exports)
    if config.limit is not None:
        print(f"only the first {config.limit} images of each data set were asked for (--limit)")
    if config.shard.count > 1:
        print(
            f"only part {config.shard.index}/{config.shard.count} of each data set was asked for (--shard); join the "
            "parts with bench.merge"
        )
    return DONE if complete else FAILED


def score(
    config: Config, where: torch.device, store: Store, command: Sequence[str], cluster: Cluster | None = None
) -> tuple[list[Row], bool]:
    """Score, then print.

    Args:
        where: the device that models run on, or are looked at on where a cluster does the work.

    Returns:
        The rows, and whether every model, metric and data set has at least one score.
    """
    exact_float32()
    for data in config.datasets:
        for line in left_out(data):
            _warn(printable(line))
    todo = plans(config, where, _warn)
    for plan in todo:
        refuse_folders(plan)
    number = store.start(
        Run(
            program="sr_quality",
            command=tuple(command),
            started=now(),
            environment=machine_of(where, cluster),
            protocols=tuple(dict.fromkeys(plan.protocol for plan in todo)) or config.protocols,
            metrics=tuple(info(name, cache.used_name) for name in config.metrics),
        )
    )
    executor: Executor = in_threads if cluster is None else partial(in_cluster, cluster, config)
    table: list[Row] = []
    complete = True
    with progress("sr_quality", sum(len(plan.dataset.images) for plan in todo)) as reporter:
        for plan in todo:
            writer = ResultWriter(plan, store, number, reporter)
            try:
                found = results(plan, store, evaluate(writer, executor=executor))
            except MissingFile as error:
                reporter.note(f"data set {plan.dataset.name} skipped: {error}")
                found = []
            named = sum(metric.named or metric.entry.least == 1 for metric in plan.metrics)
            of_models = sum(row.model != HR for row in found)
            complete &= of_models >= len(plan.models) * named > 0
            table += found
    store.finish(number)
    for plan in todo:
        key = (plan.dataset.name, plan.protocol.hash)
        _print_tables([row for row in table if (row.dataset, row.protocol_hash) == key], _published(plan))
        if plan.images_folder is not None:
            models = [model.name for model in plan.models]
            for file in write_crops(plan.images_folder, plan.dataset.name, plan.protocol.scale, models):
                print(f"crops: {as_given(file)}")
    _print_failures("an image, or a model on an image, could not be scored", store.failures(number))
    return table, complete


def rescore(config: RescoreConfig, command: Sequence[str]) -> int:
    """Measure stored images with the config's metrics, print a table per data set, scale and protocol, and export it.

    Returns:
        The exit status: done only if there is something to do and each model has a value of each metric.
    """
    where = device(config.device)
    with Store(config.db) as store:
        outputs = [(f"--{name}", file) for name, file in config.exports.items()]
        refuse_clashes(reads=_stored_files(store), writes=outputs)
        selection = select(store, config, _warn)
        loaded = list(load_metrics(config.metrics, where))
        todo = []
        for part in selection.parts:
            named = part.protocol.name in (config.protocol or ())
            usable = [m for m in loaded if can_measure(m, part.protocol, required=named, say=_warn)]
            if usable:
                todo.append(stored_plan(part, usable, where, force=config.force))
        table, complete = _rescore(config, todo, where, store, command)
    _export(config.exports, table)
    print(f"\nresults: {config.db}")
    _print_exports(config.exports)
    return DONE if complete and selection.whole else FAILED


def _rescore(
    config: RescoreConfig, todo: Sequence[Plan], where: torch.device, store: Store, command: Sequence[str]
) -> tuple[list[Row], bool]:
    exact_float32()
    number = store.start(
        Run(
            program="rescore",
            command=tuple(command),
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
            feed = partial(stored_jobs, trust=config.trust_pictures)
            table += results(plan, store, evaluate(writer, feed))
    store.finish(number)
    _print_tables(table)
    _print_failures("a picture could not be scored", store.failures(number))
    cells = sum(len(plan.models) * len(plan.metrics) for plan in todo)
    return table, sum(row.model != HR for row in table) == cells > 0


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


def _stored_files(store: Store) -> Iterator[tuple[str, Path]]:
    """The stored images, which are what is measured."""
    columns, rows = store.table("pictures")
    where = columns.index("file") if columns else 0
    for row in rows:
        yield "a stored picture", store.place.parent / str(row[where])


def _published(plan: Plan) -> list[Published]:
    """What others print of the data set; nothing beside a part of it."""
    data = plan.dataset
    if data.name in names() and len(data.images) != len(dataset(data.name).images):
        return []
    return published(
        dataset=data.name,
        scale=plan.protocol.scale,
        channel=plan.protocol.channel,
        models=[model.name for model in plan.models],
    )


def _print_tables(table: Sequence[Row], others: Sequence[Published] = ()) -> None:
    console = Console()
    say: Callable[..., None] = partial(console.print, markup=False, highlight=False)
    for block in Block.all(table):
        say(f"\n{block.title}", style="bold", soft_wrap=True)
        shown = [other for other in others if any(other.text(metric) for metric in block.metrics)]
        console.print(terminal_table(block, shown))
        for note in block.notes:
            say(note, soft_wrap=True)
        for other in shown:
            if other.cannot:
                say(f"{other.model} ({other.source}): {other.cannot}")


def _print_failures(what: str, failures: Sequence[Failure]) -> None:
    missing = sorted({(f.dataset, f.scale, f.image, f.model) for f in failures})
    print_lacking(what, [place(*one) for one in missing])


def _export(exports: Mapping[str, Path], table: Sequence[Row]) -> None:
    for name, file in exports.items():
        with replacing(file) as part:
            part.write_text(getattr(summary, f"to_{name}")(table), encoding="utf-8")


def _print_exports(exports: Mapping[str, Path]) -> None:
    for name, file in exports.items():
        print(f"{name + ':':<8} {as_given(file)}")
