"""What a results file says of a file of weights, for its card: scores of an upscaler, objectives of a style network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data import shipped
from bench.data.digest import sha256
from bench.errors import UserError
from bench.metrics import METRICS
from bench.registry import stylizers, upscalers
from bench.storage.reader import ResultsData, read
from bench.styling.summary import Comparison, Crossover, Summary, comparisons
from bench.training.card import Line

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 8


def table(weights: Path, results: Path) -> list[Line]:
    """Head and rows: a row for each model made of the weights, data set and protocol, a column for each number.

    Raises:
        UserError: no registered model has these bytes, or the results file no number of one.
        StoreError: the results file cannot be read.
    """
    wanted = subjects(weights)
    contents = read([results])
    # An upscaler has scores and no objective, a style network the reverse.
    found = scores_of(wanted, contents) or objectives_of(wanted, contents)
    if not found:
        names = ", ".join(sorted({name for name, _ in wanted}))
        raise UserError(
            f"{str(results)!r} holds nothing of {names} with these weights; needs a run of bench.sr_quality, or of "
            "bench.style_quality"
        )
    return found


def scores_of(wanted: set[tuple[str, str]], contents: ResultsData) -> list[Line]:
    """Mean scores; nothing where there are none."""
    scores = contents.scores
    own = scores[[pair in wanted for pair in zip(scores["model"], scores["model_hash"], strict=True)]]
    if own.empty:
        return []
    decimals = {name: info.decimals for (name, _), info in contents.metrics.items()}
    metrics = [name for name in METRICS if name in set(own["metric"])]
    head = ("model", "data set", "protocol", "n", *metrics)
    return [head, *_rows(own, metrics, decimals)]


def objectives_of(wanted: set[tuple[str, str]], contents: ResultsData) -> list[Line]:
    """Mean objectives, smaller sizes first; nothing where there are none."""
    head = (
        "model",
        "data set",
        "size",
        "n",
        "objective",
        "content image's",
        "times below",
        "equals L-BFGS iteration",
    )
    compared = comparisons(stored.curve for stored in contents.curves)
    compared = tuple(sorted(compared, key=lambda c: contents.style_protocols[c.protocol_hash].size))
    rows = [
        _objective(comparison, network, contents.style_protocols[comparison.protocol_hash].size)
        for comparison in compared
        for network in comparison.networks
        if (network.subject, network.subject_hash) in wanted
    ]
    return [head, *rows] if rows else []


def _objective(comparison: Comparison, network: Summary, size: int) -> Line:
    below = comparison.below_content(network)
    crossings = [o for o in comparison.crossovers if o.subject_hash == network.subject_hash]
    return (
        network.subject,
        network.dataset,
        str(size),
        str(network.n),
        f"{network.at().mean:.4g}",
        f"{comparison.content.at().mean:.4g}" if comparison.content else "",
        "" if below is None else f"{below:.1f}",
        ", ".join(_equals(crossing, network.n) for crossing in crossings),
    )


def _equals(found: Crossover, n: int) -> str:
    iterations = f"> {found.iterations}" if found.median is None else f"{found.median:.0f}"
    return iterations if len(found.crossings) == n else f"{iterations} (n = {len(found.crossings)})"


def subjects(weights: Path) -> set[tuple[str, str]]:
    """Name and hash of every registered model made of the bytes in `weights`; UserError if there is none."""
    try:
        digest = sha256(weights)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {str(weights)!r}") from error
    networks = {
        (entry.name, entry.hash())
        for entry in stylizers.STYLIZERS.values()
        if entry.weights and shipped.is_shipped(entry.weights) and shipped.sha256(entry.weights) == digest
    }
    found = networks | {
        (entry.name, entry.hash(scale))
        for entry in upscalers.UPSCALERS.values()
        for scale, name in entry.weights.items()
        if shipped.is_shipped(name) and shipped.sha256(name) == digest
    }
    if not found:
        raise UserError(f"{str(weights)!r} is of no registered model; must be a file that the package ships")
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
            # One number, unless a metric could not be computed on every image.
            "/".join(dict.fromkeys(str(counts[m]) for m in metrics if m in counts)),
            *(f"{means[m]:.{decimals[m]}f}" if m in means else "" for m in metrics),
        )
