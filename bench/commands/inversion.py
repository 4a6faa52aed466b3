"""What `bench.inversion` does once its options are parsed: make images, print where they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from bench import loss_networks
from bench.cli import DONE, FAILED, device, progress
from bench.datasets import left_out
from bench.environment import environment
from bench.gpu import exact_float32
from bench.inverting.config import LOOSE, Config, read_config
from bench.inverting.goals import Made
from bench.inverting.run import Work, invert, steps
from bench.inverting.weights import weighed
from bench.outputs import image_files, image_folders, refuse_clashes, store_files
from bench.printable import printable
from bench.records import Run
from bench.store import Store, now

COLUMNS = ("image", "layer", "start", "end", "iterations", "seconds", "file")


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Make every image that is not there yet and print what there is."""
    config = read_config(args)
    refuse_clashes(
        reads=[*(("--styles", style.file) for style in config.styles), *image_files(config.contents)],
        writes=store_files("--db", config.db),
        folders_read=image_folders(data for data in config.contents if data.name != LOOSE),
        folders_written=[("--pictures", config.pictures.absolute())],
    )
    for line in (*config.missing, *(line for data in config.contents for line in left_out(data))):
        print(printable(line), file=sys.stderr)
    where = device(config.device)
    with Store(config.db) as store:
        made, complete = work(config, where, store, command)
    print_tables(made, config.pictures)
    print(f"\nresults:  {config.db}\npictures: {config.pictures}")
    return DONE if complete else FAILED


def work(
    config: Config, where: torch.device, store: Store, command: Sequence[str]
) -> tuple[list[Made], bool]:
    """Load the loss network and make what is waiting.

    Returns:
        All that there is, and whether it is an image at least of every layer, data set and style.

    Raises:
        MissingFile: the loss network's weights are not to be had.
    """
    exact_float32()
    network = loss_networks.load(config.loss_network, config.looked_at).to(where)
    config = weighed(config, network)
    record = Run(
        program="inversion",
        command=tuple(command),
        started=now(),
        environment=environment(str(where)),
        protocols=config.protocols,
    )
    number = store.start(record)
    with progress("inversion", steps(config, where)) as reporter:
        made = invert(
            Work(config=config, network=network, device=where, store=store, run=number, reporter=reporter)
        )
    store.finish(number)
    return made, config.expected <= {(one.goal.dataset, one.goal.protocol.hash) for one in made}


def print_tables(made: Sequence[Made], folder: Path) -> None:
    """One of the images from features, one of those from style; files as they lie in `folder`."""
    for title, of_style in (
        ("images from features (Figure 3)", False),
        ("images from style (Figure 4)", True),
    ):
        rows = [cells(one, folder) for one in made if one.goal.of_style == of_style]
        if rows:
            print(f"\n{title}; objective at start and end")
            for line in lines([COLUMNS, *rows]):
                print(line)


def cells(one: Made, folder: Path) -> tuple[str, ...]:
    """A row of the table."""
    file = one.file.absolute()
    inside = file.is_relative_to(folder.absolute())
    return (
        one.goal.image,
        one.goal.layer,
        f"{one.curve.total[0]:.4g}",
        f"{one.curve.total[-1]:.4g}",
        str(one.iterations),
        f"{one.curve.seconds:.1f}",
        str(file.relative_to(folder.absolute()) if inside else file),
    )


def lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows, as wide as they are: a file's name that is folded cannot be copied."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    for row in rows:
        left, numbers = zip(row[:2], widths[:2], strict=True), zip(row[2:-1], widths[2:-1], strict=True)
        words = [
            *(f"{cell:<{width}}" for cell, width in left),
            *(f"{cell:>{width}}" for cell, width in numbers),
        ]
        yield "  ".join([*words, row[-1]])
