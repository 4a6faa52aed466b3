"""The card of a file of weights: what it says of itself, as a page one can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

INTENDED = (
    "Enlarging natural photographs that were reduced as MATLAB's `imresize` does, to compare methods. Faces, text and "
    "compressed pictures were not looked at."
)
SECONDS_PER_HOUR = 3600


def card(name: str, record: Mapping[str, str]) -> str:
    """Markdown for the weights `name`, from the metadata that :func:`bench.training.export.export` returns."""
    return "\n".join(_lines(name, record)) + "\n"


def _lines(name: str, record: Mapping[str, str]) -> Iterator[str]:
    yield f"# {name}\n"
    yield f"{record['architecture']} for x{record['scale']}, loss: {record['loss']}, loss network: {_network(record)}.\n"
    yield INTENDED
    hours = float(record["seconds"]) / SECONDS_PER_HOUR
    yield from _table(
        "Training",
        {
            "steps": record["iterations"],
            "hours": f"{hours:.1f}",
            "machine": record["machine"],
            "processes": record["processes"],
            "began with": record["initial_weights"],
        },
    )
    for title, key in (
        ("Recipe", "recipe"),
        ("Images", "data"),
        ("Versions", "versions"),
        ("Network", "config"),
    ):
        yield from _table(title, json.loads(record[key]))
    yield from _table("Held-out images, mean", json.loads(record["validation"]))


def _network(record: Mapping[str, str]) -> str:
    name, weights = record["loss_network"], record["loss_weights"]
    return name if name == weights else f"{name} ({weights})"


def _table(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n\n| | |\n|---|---|"
    for key, value in values.items():
        yield f"| {key} | {_cell(value)} |"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)
