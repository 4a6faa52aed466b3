"""`bench.train export` and `card`: from a checkpoint to a file of weights that says all that its card needs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save

from bench.cli import DONE, writable_file
from bench.errors import UserError
from bench.files.outputs import refuse_clashes, store_files
from bench.files.replacing import replacing
from bench.training import checkpoint
from bench.training.card import Line, card, remarks_of
from bench.training.card_scores import table
from models.weight_files import read_weights


def run_export(args: argparse.Namespace) -> int:
    """Write the weights and what they say of themselves."""
    file = writable_file(args.out)
    refuse_clashes(
        reads=[("the run's checkpoint", args.run / "checkpoint.pt")],
        writes=[("--out", file), ("the card beside --out", file.with_suffix(".md"))],
    )
    for key, value in export(args.run, file).items():
        print(f"{key + ':':<16} {value}")
    return DONE


def run_card(args: argparse.Namespace) -> int:
    """Write the card, with what the results file says of these weights."""
    try:
        record, _ = read_weights(args.weights)
    except ValueError as error:
        raise UserError(str(error)) from error
    refuse_clashes(
        reads=[("the weights", args.weights), *store_files("--db", args.db)],
        writes=[("the card", args.weights.with_suffix(".md"))],
    )
    print(write_card(args.weights, record, table(args.weights, args.db)))
    return DONE


def export(run: Path, file: Path) -> dict[str, str]:
    """Write the network of `run` as safetensors, the average of its weights where one is kept, and its card beside it.

    :func:`models.sr_net.load_sr_net` reads the file.

    Returns:
        The metadata that went into it: architecture, config, scale, recipe, iterations, loss network, data,
        versions, machine, time, scores.

    Raises:
        UserError: the folder holds no checkpoint that can be read.
        OSError: the file cannot be written.
    """
    content = checkpoint.read(run)
    arrays = content["average"] or content["network"]
    record: dict[str, str] = content["record"] | {
        "iterations": str(content["step"]),
        "seconds": f"{content['seconds']:.0f}",
        "validation": json.dumps(content["scores"]),
    }
    dense = {name: tensor.to(memory_format=torch.contiguous_format) for name, tensor in arrays.items()}
    with replacing(file) as part:
        part.write_bytes(save(dense, metadata=record))
    write_card(file, record)
    return record


def write_card(file: Path, record: Mapping[str, str], scores: Sequence[Line] = ()) -> Path:
    """The card of the weights in `file`, beside it; the remarks of one that is there already are kept."""
    page = file.with_suffix(".md")
    remarks = remarks_of(page.read_text(encoding="utf-8")) if page.is_file() else ""
    with replacing(page) as part:
        part.write_text(card(file.stem, record, scores=scores, remarks=remarks), encoding="utf-8")
    return page
