"""What the literature prints, to stand below our numbers (`published.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class Published:
    """One model's printed means on one data set; `values` is by metric, as strings, with the digits as printed."""

    model: str
    dataset: str
    scale: int
    channel: str
    source: str
    values: Mapping[str, str]

    def text(self, metric: str) -> str:
        """What is printed for a metric; empty where nothing is."""
        return self.values.get(metric, "")


@cache
def everything() -> tuple[Published, ...]:
    """All published values."""
    text = resources.files("bench").joinpath("published.toml").read_text(encoding="utf-8")
    return tuple(
        _value(source, dataset, cells)
        for source in tomllib.loads(text)["source"]
        for dataset, lines in source["data"].items()
        for cells in lines
    )


def _value(source: Mapping[str, str], dataset: str, cells: Sequence[str]) -> Published:
    scale, model, *numbers = cells
    metrics = source["metrics"]
    values = {metric: number for metric, number in zip(metrics, numbers, strict=True) if number}
    return Published(
        model=model,
        dataset=dataset,
        scale=int(scale),
        channel=source["channel"],
        source=source["name"],
        values=values,
    )


def published(*, dataset: str, scale: int, channel: str, models: Sequence[str]) -> list[Published]:
    """What others print for these models on a data set, measured on the same channel."""
    return [
        value
        for model in models
        for value in everything()
        if (value.model, value.dataset, value.scale, value.channel) == (model, dataset, scale, channel)
    ]
