"""What a results file says of a file of weights, for its card."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench import shipped, upscalers
from bench.contents import read
from bench.errors import UserError
from bench.metrics import METRICS
from bench.training.card import Line

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 8


def table(weights: Path, results: Path) -> list[Line]:
    """Head and rows: a row for each model made of the weights, data set and protocol, a column for each metric.

    Raises:
        UserError: no registered model has these bytes, or the results file no score of one.
        StoreError: the results file cannot be read.
    """
    wanted = subjects(weights)
    contents = read([results])
    scores = contents.scores
    own = scores[[pair in wanted for pair in zip(scores["model"], scores["model_hash"], strict=True)]]
    if own.empty:
        names = ", ".join(sorted({name for name, _ in wanted}))
        raise UserError(
            f"{str(results)!r} holds no score of {names} with these weights; required a run of bench.sr_quality"
        )
    decimals = {name: info.decimals for (name, _), info in contents.metrics.items()}
    metrics = [name for name in METRICS if name in set(own["metric"])]
    head = ("model", "data set", "protocol", "n", *metrics)
    return [head, *_rows(own, metrics, decimals)]


def subjects(weights: Path) -> set[tuple[str, str]]:
    """Name and hash of every registered model made of the bytes in `weights`; UserError if there is none."""
    try:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise UserError(f"there is no file {str(weights)!r}") from error
    found = {
        (entry.name, entry.hash(scale))
        for entry in upscalers.UPSCALERS.values()
        for scale, name in entry.weights.items()
        if shipped.is_shipped(name) and shipped.sha256(name) == digest
    }
    if not found:
        raise UserError(f"{str(weights)!r} is of no registered model; required a file that the package ships")
    return found


def _rows(own: pd.DataFrame, metrics: list[str], decimals: dict[str, int]) -> Iterator[Line]:
    keys = ["scale", "dataset", "protocol", "protocol_hash", "model"]
    for (scale, dataset, protocol, digest, model), part in own.groupby(keys, observed=True):
        column = part.groupby("metric", observed=True)["value"]
        means, counts = column.mean(), column.count()
        yield (
            str(model),
            f"{dataset} x{scale}",
            f"{protocol} ({str(digest)[:DIGITS]})",
            "/".join(dict.fromkeys(str(counts[m]) for m in metrics if m in counts)),
            *(f"{means[m]:.{decimals[m]}f}" if m in means else "" for m in metrics),
        )
