"""What the literature prints, to stand below our numbers: the means of `bench/data/paper.toml` that have a short source."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

MISPRINT = " (sic)"


@dataclass(frozen=True, kw_only=True)
class Published:
    """One model's printed means on one data set; `values` is by metric, as strings, with the digits as printed.

    A misprint has "(sic)" behind it.

    Attributes:
        cannot: why nobody can get these numbers; empty where they can be had.
    """

    model: str
    dataset: str
    scale: int
    channel: str
    source: str
    values: Mapping[str, str]
    cannot: str = ""

    def text(self, metric: str) -> str:
        """What is printed for a metric; empty where nothing is."""
        return self.values.get(metric, "")


@cache
def everything() -> tuple[Published, ...]:
    """All published means of registered models."""
    document = _document()
    tables = [table for table in document["scores"] if "short" in table]
    rows = (row for table in tables for row in _rows(table, document["remark"]))
    # `brought`: no registered model has that name
    return tuple(row for row in rows if row.values and row.model not in document["brought"])


@cache
def table_1() -> Mapping[int, Mapping[str, str]]:
    """The paper's Table 1 as printed: size, then `gatys-100`, `ours`, `speed-up-100` ...; seconds on a GTX Titan X."""
    grid = next(grid for grid in _document()["grid"] if grid["id"] == "table1")
    return {int(size): dict(zip(grid["columns"], printed, strict=True)) for size, *printed in grid["rows"]}


def _document() -> dict[str, Any]:
    return tomllib.loads(resources.files("bench").joinpath("data/paper.toml").read_text(encoding="utf-8"))


def _rows(table: Mapping[str, Any], remarks: Sequence[Mapping[str, Any]]) -> Iterator[Published]:
    for model, *printed in table["rows"]:
        for dataset, text in zip(table["data"], printed, strict=True):
            if "/" in dataset:  # one image of it
                continue
            numbers = dict(zip(table["metrics"], text.split("/"), strict=True)) if text else {}
            ids = {metric: f"{table['id']}.{dataset}.{model}.{metric}" for metric in numbers}
            yield Published(
                model=model,
                dataset=dataset,
                scale=table["scale"],
                channel="rgb" if table["protocol"] == "rgb" else "y",
                source=table["short"],
                values={
                    m: n + MISPRINT * bool(_warned(remarks, "likely", ids[m]))
                    for m, n in numbers.items()
                    if n
                },
                cannot="; ".join(
                    dict.fromkeys(text for i in ids.values() for text in _warned(remarks, "cannot", i))
                ),
            )


def _warned(remarks: Sequence[Mapping[str, Any]], what: str, cell: str) -> list[str]:
    """What the remarks on a cell say under `likely` or `cannot`."""
    return [
        r[what] for r in remarks if what in r and any(fnmatchcase(cell, pattern) for pattern in r["cells"])
    ]


def published(*, dataset: str, scale: int, channel: str, models: Sequence[str]) -> list[Published]:
    """What others print for these models on a data set, measured on the same channel."""
    return [
        value
        for model in models
        for value in everything()
        if (value.model, value.dataset, value.scale, value.channel) == (model, dataset, scale, channel)
    ]
