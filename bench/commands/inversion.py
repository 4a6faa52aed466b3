"""What `bench.inversion` does once its options are parsed: make images, print where they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from bench import interrupts, loss_networks
from bench.cli import DONE, FAILED, device, next_step, progress, working
from bench.config_file import Command
from bench.data.datasets import left_out
from bench.devices import exact_float32
from bench.environment import environment
from bench.inverting.config import LOOSE, Config, read_config
from bench.inverting.methods import Inverted, inverted, plans
from bench.inverting.weights import weighed
from bench.outputs import check_clashes, image_files, image_folders, store_files
from bench.records import Curve, Failure, Run
from bench.storage.store import Store, now
from bench.styling.engine import Engine
from bench.styling.outcome import Outcome, Stored, StoreWriter, key_of
from bench.styling.plan import Key
from bench.tables import Table, columns, to_text
from bench.text import escape_control_chars

HEADS = ("image", "layer", "start", "end", "iterations", "seconds", "file")


def run(args: argparse.Namespace, command: Command) -> int:
    """Make every image that is not there yet and print what there is."""
    config = read_config(args)
    check_clashes(
        reads=[*(("--styles", style.file) for style in config.styles), *image_files(config.contents)],
        writes=store_files("--db", config.db),
        # Files that were named one by one are inputs themselves; what else lies in their folders is not.
        folders_read=image_folders(data for data in config.contents if data.name != LOOSE),
        folders_written=[("--save-images", config.save_images.absolute())],
    )
    for line in (*config.missing, *(line for data in config.contents for line in left_out(data))):
        print(escape_control_chars(line), file=sys.stderr)
    where = device(config.device)
    interrupts.keeps(f"finished images are kept in {config.db} and {config.save_images}")
    with Store(config.db) as store:
        found, complete = work(config, where, store, command)
    print_tables(found, config.save_images)
    print(f"\nresults:  {config.db}\nimages:  {config.save_images}")
    next_step(config.db)
    return DONE if complete else FAILED


def work(config: Config, where: torch.device, store: Store, command: Command) -> tuple[list[Inverted], bool]:
    """Load the loss network and make what is waiting.

    Returns:
        All that there is, and whether it is an image at least of every layer, data set and style.

    Raises:
        MissingFile: the loss network's weights are not to be had.
    """
    exact_float32()
    with working("loading the loss network"):
        network = loss_networks.load(config.loss_network, config.looked_at).to(where)
    config = weighed(config, network)
    record = Run(
        program="inversion",
        command=command,
        config=command.config,
        started=now(),
        environment=environment(str(where)),
        protocols=config.protocols,
    )
    number = store.start(record)
    todo = list(plans(config, network, where))
    found: list[Inverted] = []
    kept: dict[Key, Curve] = {}
    steps = sum(len(plan.dataset.images) * plan.steps for plan in todo)
    with progress("inversion", steps) as reporter:
        writer = StoreWriter(store=store, run=number, reporter=reporter, describe=not_done)

        def keep(outcome: Outcome) -> None:
            writer(outcome)
            kept.update({key_of(curve): curve for curve in outcome.curves})

        for plan in todo:
            engine = Engine(plan, reporter, keep, Stored(store))
            engine.run()
            found += inverted(engine, kept)
    store.finish(number)
    return found, config.expected <= {(one.curve.dataset, one.curve.protocol_hash) for one in found}


def not_done(failure: Failure) -> str:
    """A line while the run goes on."""
    return f"{failure.dataset} {failure.image!r}: not done: {failure.reason}"


def print_tables(found: Sequence[Inverted], folder: Path) -> None:
    """One of the images from features, one of those from style; files as they lie in `folder`."""
    for title, of_style in (
        ("images from features (Figure 3)", False),
        ("images from style (Figure 4)", True),
    ):
        rows = tuple(cells(one, folder) for one in found if one.method.of_style == of_style)
        if rows:
            table = Table(
                title=f"{title}; objective at start and end",
                columns=columns(HEADS, left={0, 1, len(HEADS) - 1}),
                rows=rows,
            )
            print(f"\n{to_text(table)}")


def cells(one: Inverted, folder: Path) -> tuple[str, ...]:
    """A row of the table."""
    file = one.file.absolute()
    inside = file.is_relative_to(folder.absolute())
    return (
        one.item.name,
        one.method.place,
        f"{one.curve.total[0]:.4g}",
        f"{one.curve.total[-1]:.4g}",
        str(one.iterations),
        f"{one.curve.seconds:.1f}",
        str(file.relative_to(folder.absolute()) if inside else file),
    )
