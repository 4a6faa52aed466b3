"""What `bench.style_quality` does once its options are parsed: measure, print, export."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from bench import interrupts
from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, device, next_step, print_missing, progress, working, writable_file
from bench.cluster import connect
from bench.cluster.pool import Cluster
from bench.cluster.style import in_cluster
from bench.config_file import Command
from bench.data.datasets import left_out
from bench.devices import exact_float32
from bench.outputs import check_clashes, image_files, image_folders, model_files, store_files
from bench.records import Failure, Run
from bench.registry.external import ExternalModel
from bench.storage.store import Store, now
from bench.styling.config import Config, read_config
from bench.styling.engine import Engine, Pool, in_batches
from bench.styling.loading import plans
from bench.styling.outcome import Stored, StoreWriter, machines, results, stored_scores
from bench.styling.plan import Plan
from bench.styling.summary import comparisons
from bench.styling.table import Panel, crossovers, metric_tables, notes, objectives, record
from bench.tables import print_table, to_json
from bench.text import log, show

WIDTH_OF_A_FILE = 160


def run(args: argparse.Namespace, command: Command) -> int:
    """Measure everything that was asked for and print it."""
    config = read_config(args)
    json_file = writable_file(config.json) if config.json else None
    check_inputs(config, json_file)
    for line in left_out(config.contents):
        log(line)

    interrupts.keeps(f"finished images are kept in {config.db}")
    with Store(config.db) as store, connect.chosen(args) as cluster:
        # A cluster does the work; here its networks are only checked.
        where = device("cpu" if cluster else config.device)
        panels, complete = measure(config, where, store, command, cluster)
    if json_file is not None:
        with atomic_write(json_file) as part:
            part.write_text(to_json([record(panel) for panel in panels]), encoding="utf-8", newline="\n")
    print_end(config)
    return DONE if complete else FAILED


def check_inputs(config: Config, json_file: Path | None) -> None:
    """Refuse outputs that are inputs, or share a path."""
    check_clashes(
        reads=[
            *model_files(entry.text for entry in config.models),
            *(("--style", style.file) for style in config.style),
            *image_files([config.contents]),
        ],
        writes=[*store_files("--db", config.db), *([("--json", json_file)] if json_file else [])],
        folders_read=[
            *image_folders([config.contents]),
            *(
                (f"the folder of {entry.name}", entry.spec.source)
                for entry in config.models
                if isinstance(entry, ExternalModel) and entry.kind == "images"
            ),
        ],
        folders_written=[]
        if config.save_images is None
        else [("--save-images", config.save_images.absolute())],
    )


def measure(
    config: Config, where: torch.device, store: Store, command: Command, cluster: Cluster | None
) -> tuple[list[Panel], bool]:
    """Measure, then print the tables of each style and size.

    Returns:
        What was printed, and whether every subject has at least one content.
    """
    exact_float32()
    with working("loading the loss network and the models"):
        todo = plans(config, where, log=show, warn=log)
    record = Run(
        program="style_quality",
        command=command,
        config=command.config,
        started=now(),
        environment=connect.machine_of(where, cluster),
        protocols=tuple(protocol for plan in todo for protocol in plan.protocols),
        # By name, each once: every plan has loaded its own.
        metrics=tuple({metric.name: metric.info for plan in todo for metric in plan.metrics}.values()),
    )
    number = store.start(record)
    pool = in_batches if cluster is None else in_cluster(cluster, config)
    panels, complete = measure_plans(config, todo, store, number, pool)
    store.finish(number)
    for panel in panels:
        print_panel(panel)
    print_failures(store.failures(number))
    return panels, complete


def measure_plans(
    config: Config, todo: Sequence[Plan], store: Store, number: int, pool: Pool
) -> tuple[list[Panel], bool]:
    """The curves of each plan, from the store, and whether every subject has at least one content."""
    panels, complete = [], True
    steps = sum(len(plan.dataset.images) * plan.steps for plan in todo)
    with progress("style_quality", steps) as reporter:
        writer = StoreWriter(store=store, run=number, reporter=reporter, describe=not_measured)
        for plan in todo:
            items = Engine(plan, reporter, writer, Stored(store)).run(pool)
            curves = results(plan, store, items)
            scores = stored_scores(plan, store, items)
            # From the store and not from this run: what an earlier run measured counts too.
            complete &= {curve.subject for curve in curves} == {method.subject for method in plan.methods}
            complete &= {(score.model, score.metric) for score in scores} >= {
                (model, metric)
                for method in plan.methods
                for item in items
                for _, _, model, _, metric, _ in method.score_keys(item, plan.metrics)
            }
            panels += [
                Panel(
                    title=plan.title,
                    protocol=plan.protocols[0],
                    baseline=config.baseline,
                    comparison=comparison,
                    machines=tuple(machines(store, curves)),
                    metrics=plan.metrics,
                    scores=tuple(scores),
                    missing={key: why for m in plan.methods for key, why in m.missing(plan.metrics).items()},
                )
                for comparison in comparisons(curves)
            ]
    return panels, complete


def not_measured(failure: Failure) -> str:
    """A line while the run goes on."""
    who = f" ({failure.model})" if failure.model else ""
    return f"{failure.dataset} {failure.image!r}{who}: not measured: {failure.reason}"


def print_panel(panel: Panel) -> None:
    """The tables of one style at one size, and what their numbers are of."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)
    print()
    print_table(objectives(panel), console)
    for table in metric_tables(panel):
        print()
        print_table(table, console)
    if panel.comparison.crossovers:
        print()
        print_table(crossovers(panel), console)
    print()
    show(*notes(panel))


def print_failures(failures: Sequence[Failure]) -> None:
    """The list at the end of the run."""
    lines = [f"{one.image}{f' ({one.model})' if one.model else ''}: {one.reason}" for one in failures]
    print_missing("an image, or a model on an image, could not be measured", lines)


def print_end(config: Config) -> None:
    """Where the results are, and what was not asked for."""
    print(f"\nresults:  {config.db}")
    if config.save_images is not None:
        print(f"images:  {config.save_images}")
    if config.json is not None:
        print(f"json:     {config.json}")
    if config.limit is not None:
        print(f"Note: --limit {config.limit}, values cover the first images alone")
    if config.shard is not None:
        show(
            f"Note: --shard {config.shard}, values cover this part of the images; join the parts with bench.merge"
        )
    next_step(config.db)
