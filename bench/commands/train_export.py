"""What `bench.train export` and `bench.train card` do once their options are parsed; neither needs Lightning."""

from __future__ import annotations

import argparse

from bench.cli import DONE, writable_file
from bench.errors import UserError
from bench.outputs import check_clashes, store_files
from bench.training import checkpoint
from bench.training.card_scores import table
from bench.training.export import export, write_card
from models.weight_files import read_weights


def export_weights(args: argparse.Namespace) -> int:
    """Write the weights and what they say of themselves."""
    file = writable_file(args.out)
    check_clashes(
        reads=[("the run's checkpoint", args.run / checkpoint.NAME)],
        writes=[("--out", file), ("the card beside --out", file.with_suffix(".md"))],
    )
    for key, value in export(args.run, file).items():
        print(f"{key + ':':<16} {value}")
    return DONE


def export_card(args: argparse.Namespace) -> int:
    """Write the card, with what the results file says of these weights."""
    try:
        record, _ = read_weights(args.weights)
    except ValueError as error:
        raise UserError(str(error)) from error
    check_clashes(
        reads=[("the weights", args.weights), *store_files("--db", args.db)],
        writes=[("the card", args.weights.with_suffix(".md"))],
    )
    print(write_card(args.weights, record, table(args.weights, args.db)))
    return DONE
