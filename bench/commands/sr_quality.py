"""What `bench.sr_quality` does once its options are parsed: load, score, print, export."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from bench import interrupts
from bench.allocator import reuse_memory
from bench.cli import DONE, FAILED, as_given, device, next_step, print_missing, progress, working
from bench.cluster.connect import chosen, machine_of
from bench.cluster.images import in_cluster
from bench.cluster.pool import Cluster
from bench.config_file import Command
from bench.data import cache
from bench.data.crops import write_crops
from bench.data.datasets import NAMED, dataset, left_out
from bench.data.published import Published, published
from bench.devices import exact_float32
from bench.errors import MissingFile
from bench.metrics import info
from bench.quality.config import Config
from bench.quality.engine import Executor, ResultWriter, evaluate, in_threads, results
from bench.quality.loading import check_no_folders, finished, plans
from bench.quality.plan import Plan
from bench.quality.summary import Row, export, print_tables
from bench.records import HR, Failure, Run
from bench.registry.external import ExternalModel
from bench.storage.store import Store, now
from bench.tables import write_exports
from bench.text import log, show


def sr_quality(config: Config, command: Command) -> int:
    """Score everything that the config asks for, print a table per data set and scale, and export it.

    Returns:
        The exit status: done only if every model, metric and data set has at least one score.
    """
    interrupts.keeps(f"the scores of finished images are kept in {config.db}")
    with Store(config.db) as store, chosen(config) as cluster:
        where = device("cpu" if cluster else config.device)
        table, complete = score(config, where, store, command, cluster)
    print(f"\nresults: {config.db}")
    if config.save_images is not None:
        print(f"images:  {as_given(config.save_images)}")
    write_exports(config.exports, partial(export, table))
    if config.limit is not None:
        counted = "1 image" if config.limit == 1 else f"at most {config.limit} images"
        print(f"Note: --limit {config.limit}, scores cover {counted} per data set")
    if config.shard.count > 1:
        show(
            f"Note: --shard {config.shard.index}/{config.shard.count}, scores cover this part of each data set; join the "
            "parts with bench.merge"
        )
    next_step(config.db)
    return DONE if complete else FAILED


def score(
    config: Config, where: torch.device, store: Store, command: Command, cluster: Cluster | None = None
) -> tuple[list[Row], bool]:
    """Score, then print.

    Args:
        where: the device that models run on, or are looked at on where a cluster does the work.

    Returns:
        The rows, and whether every model, metric and data set has at least one score.
    """
    exact_float32()
    # what only resizes takes little at a time: it would keep more than it takes
    if any(isinstance(entry, ExternalModel) or entry.weights for entry in config.entries):
        reuse_memory()
    for data in config.datasets:
        for line in left_out(data):
            warn(line)
    with working("loading models and metrics"):
        todo = plans(config, where, warn, finished(config, store))
    for plan in todo:
        check_no_folders(plan)
    number = store.start(
        Run(
            program="sr_quality",
            command=command,
            config=command.config,
            started=now(),
            environment=machine_of(where, cluster),
            # Of the plans, since lr files change the protocol's hash; of the config where nothing can be run.
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
            # A default metric may find no image large enough for it (MS-SSIM): that is no failure, unless it was named.
            named = sum(metric.named or metric.entry.least == 1 for metric in plan.metrics)
            of_models = sum(row.model != HR for row in found)
            # At least: rows of default metrics that did measure come on top.
            complete &= of_models >= len(plan.models) * named > 0
            table += found
    store.finish(number)
    for plan in todo:
        key = (plan.dataset.name, plan.protocol.hash)
        print_plan(plan, [row for row in table if (row.dataset, row.protocol_hash) == key])
    if failures := store.failures(number):
        print_failures("an image, or a model on an image, could not be scored", failures)
    return table, complete


def print_plan(plan: Plan, rows: Sequence[Row]) -> None:
    """Tables of a data set at a scale, published values in them, and which details were cut from its images."""
    name, scale = plan.dataset.name, plan.protocol.scale
    models = [model.name for model in plan.models]
    others: list[Published] = []
    # A published mean is over the whole set: it does not stand beside that of --limit or --shard.
    if name not in NAMED or len(plan.dataset.images) == len(dataset(name).images):
        others = published(dataset=name, scale=scale, channel=plan.protocol.channel, models=models)
    print_tables(rows, others)
    if plan.images_folder is not None:
        for file in write_crops(plan.images_folder, name, scale, models):
            print(f"crops: {as_given(file)}")


warn = log
"""A line on standard error."""


def print_failures(what: str, failures: Sequence[Failure]) -> None:
    """At the end of a long run, what the tables miss."""
    # once for an image and a model, however many metrics failed on it
    missing = sorted({(f.dataset, f.scale, f.image, f.model) for f in failures})
    lines = [
        f"{dataset} x{scale} {image}{f' ({model})' if model else ''}"
        for dataset, scale, image, model in missing
    ]
    print_missing(what, lines)
