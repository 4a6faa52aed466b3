"""The card of a file of weights: what it says of itself and what it scores, as a page one can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.data import manifest

INTENDED = {
    "SRNet": "Enlarging natural photographs that were reduced as MATLAB's `imresize` does, to compare methods. Faces, "
    "text and compressed pictures were not looked at.",
    "StyleNet": "Stylizing photographs of 256 pixels per side and more, to compare methods.",
}
LICENCE = (
    "The weights are under this project's licence, Apache-2.0. The images they were trained on are not in them; "
    "whoever uses the weights beyond research should look at the images' terms:"
)
OWN_FOLDER = "a folder; see the remarks"
REMARKS = "## Remarks"
SECONDS_PER_HOUR = 3600

Line = tuple[str, ...]


def card(name: str, record: Mapping[str, str], *, scores: Sequence[Line] = (), remarks: str = "") -> str:
    """Markdown for the weights `name`.

    Args:
        record: the metadata that :func:`bench.training.export.export` returns.
        scores: the head and the rows of a table (:func:`bench.training.card_scores.table`); empty for none.
        remarks: what a person has to say of it (:func:`remarks_of`).
    """
    text = "\n".join(_lines(name, record, scores)) + "\n"
    return f"{text}\n{REMARKS}\n\n{remarks}\n" if remarks else text


def remarks_of(text: str) -> str:
    """What stands under "Remarks" in a card, so that it can be written anew without losing it."""
    return text.partition(f"\n{REMARKS}\n")[2].strip()


def _lines(name: str, record: Mapping[str, str], scores: Sequence[Line]) -> Iterator[str]:
    yield f"# {name}\n"
    purpose = f"x{record['scale']}" if "scale" in record else f"the style {record['style']}"
    yield f"{record['architecture']} for {purpose}, loss: {record['loss']}, loss network: {_network(record)}.\n"
    yield INTENDED[record["architecture"]]
    if scores:
        yield "\n## Scores\n"
        yield from _rows([scores[0], tuple("---" for _ in scores[0]), *scores[1:]])
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
    data = json.loads(record["data"])
    for title, values in (
        ("Recipe", json.loads(record["recipe"])),
        ("Images", data),
        ("Versions", json.loads(record["versions"])),
        ("Network", json.loads(record["config"])),
        ("Held-out images, mean", json.loads(record["validation"])),
    ):
        yield from _table(title, values)
    yield f"\n## Licence\n\n{LICENCE}\n"
    yield from (f"- {source}: {_terms(source)}" for source in data["sources"])


def _terms(source: str) -> str:
    known = manifest.groups().get(source)
    return known.licence if known else OWN_FOLDER


def _network(record: Mapping[str, str]) -> str:
    name, weights = record["loss_network"], record["loss_weights"]
    return name if name == weights else f"{name} ({weights})"


def _table(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n\n| | |\n|---|---|"
    yield from _rows([(key, _cell(value)) for key, value in values.items()])


def _rows(rows: Sequence[Line]) -> Iterator[str]:
    return (f"| {' | '.join(row)} |" for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
