"""From a run's checkpoint to a file of weights that says all that a model card needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save

from bench.atomic import atomic_write
from bench.training import checkpoint
from bench.training.card import Line, card, remarks_of


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
    # safetensors takes no tensor in channels_last.
    dense = {name: tensor.to(memory_format=torch.contiguous_format) for name, tensor in arrays.items()}
    with atomic_write(file) as part:
        part.write_bytes(save(dense, metadata=record))
    write_card(file, record)
    return record


def write_card(file: Path, record: Mapping[str, str], scores: Sequence[Line] = ()) -> Path:
    """The card of the weights in `file`, beside it; the remarks of one that is there already are kept."""
    page = file.with_suffix(".md")
    remarks = remarks_of(page.read_text(encoding="utf-8")) if page.is_file() else ""
    with atomic_write(page) as part:
        part.write_text(
            card(file.stem, record, scores=scores, remarks=remarks), encoding="utf-8", newline="\n"
        )
    return page
