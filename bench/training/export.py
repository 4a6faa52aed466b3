"""From a run's checkpoint to a file of weights that says all that a model card needs."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from bench.replacing import replacing
from bench.training import checkpoint
from bench.training.card import card


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
    from safetensors.torch import save_file

    content = checkpoint.read(run)
    arrays = content["average"] or content["network"]
    record: dict[str, str] = content["record"] | {
        "iterations": str(content["step"]),
        "seconds": f"{content['seconds']:.0f}",
        "validation": json.dumps(content["scores"]),
    }
    dense = {name: tensor.to(memory_format=torch.contiguous_format) for name, tensor in arrays.items()}
    with replacing(file) as part:
        save_file(dense, part, metadata=record)
    with replacing(file.with_suffix(".md")) as part:
        part.write_text(card(file.stem, record), encoding="utf-8")
    return record
