"""Raw scores to means, and means to tables and to what is exported.

An infinite value (the PSNR of an sr that is hr to the last bit) makes the mean infinite, which says nothing of the other
images. What is printed then is the mean over the finite ones with a star, and below the table how many are infinite and
which; nothing is ranked by infinity.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.data.names import listed
from bench.data.published import Published
from bench.environment import suite_version
from bench.metrics import entry as metric_entry
from bench.records import HR, Score
from bench.tables import Column, Export, Table, print_table
from bench.text import escape_control_chars

STAR = "*"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A metric's values for one model on one data set. `values` is by image stem; `mean` is over them.

    `metric_version` is that of the values, empty for the table's own.
    """

    model: str
    dataset: str
    scale: int
    protocol: str
    protocol_hash: str
    metric: str
    values: Mapping[str, float]
    metric_version: str = ""

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Mean of the images' values, summed without rounding error, whatever their order."""
        return math.fsum(self.values.values()) / self.n

    @property
    def infinite(self) -> tuple[str, ...]:
        """The images whose value is infinite."""
        values = zip(self.values, self.values.values(), strict=True)  # items() would look each image up
        return tuple(image for image, value in values if math.isinf(value))

    @property
    def mean_of_finite(self) -> float | None:
        """Mean of the values that are finite; None where none is."""
        finite = [value for value in self.values.values() if not math.isinf(value)]
        return math.fsum(finite) / len(finite) if finite else None

    def text(self) -> str:
        """The mean with the metric's number of decimals; over the finite values, with a star, where some are not."""
        decimals = metric_entry(self.metric).decimals
        if math.isfinite(self.mean):
            return f"{self.mean:.{decimals}f}"
        finite = self.mean_of_finite
        return f"{self.mean:.{decimals}f}{STAR}" if finite is None else f"{finite:.{decimals}f}{STAR}"


# eq=False: Mapping compares by content, and so does a Row with it
@dataclass(eq=False)
class Values(Mapping[str, float]):
    """Values by image stem, eight bytes and a reference each: of 100,000 images, not much."""

    _stems: list[str] = field(default_factory=list)
    _numbers: array[float] = field(default_factory=lambda: array("d"))

    def put(self, stem: str, value: float) -> None:
        """Add one, or replace it; quick where the stems come in order."""
        at = len(self._stems)
        if at and stem <= self._stems[-1]:
            at = bisect_left(self._stems, stem)
            if self._stems[at] == stem:
                self._numbers[at] = value
                return
        self._stems.insert(at, stem)
        self._numbers.insert(at, value)

    def __getitem__(self, stem: str) -> float:
        position = bisect_left(self._stems, stem)
        if position == len(self._stems) or self._stems[position] != stem:
            raise KeyError(stem)
        return self._numbers[position]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stems)

    def __len__(self) -> int:
        return len(self._stems)

    # no ValuesView, which would look up every stem again
    def values(self) -> array[float]:  # type: ignore[override]
        """In the order of the stems."""
        return self._numbers


def rows(scores: Iterable[Score], models: Sequence[str], metrics: Sequence[str]) -> list[Row]:
    """One row for each model and metric that has scores, in the order asked for; hr's are those without a reference.

    Args:
        scores: best ordered by image, as the store gives them.
    """
    values: dict[tuple[str, str], Values] = {}
    versions: dict[str, str] = {}
    # `last` is read after the loop: a plan's scores have all but model, metric, image and value in common
    last, stem = None, ""
    for last in scores:
        versions[last.metric] = last.metric_version
        stem = stem if stem == last.image else last.image  # one string for all columns
        values.setdefault((last.model, last.metric), Values()).put(stem, last.value)
    return [
        Row(
            model=model,
            dataset=last.dataset,
            scale=last.scale,
            protocol=last.protocol,
            protocol_hash=last.protocol_hash,
            metric=metric,
            values=values[model, metric],
            metric_version=versions[metric],
        )
        for model in models
        for metric in metrics
        # no row without a value: a failure, or hr under a metric with a reference; `last` is for mypy
        if last and (model, metric) in values
    ]


HEADS = ("model", "dataset", "scale", "protocol", "protocol_hash", "metric", "image", "value")
LONG_HEAD = 14  # is broken at its hyphens where there is no terminal
LONG_HEAD_OF_WIDE = 10  # in a table of many metrics, or the last columns are cut at 80
WIDE = 3  # more metrics go without blanks between the columns, to stay within 80


def export(rows: Sequence[Row]) -> Export:
    """The rows as what can be written to files."""
    return Export(
        tables=tables(rows),
        heads=HEADS,
        values=values(rows),
        records=[record(row) | {"suite_version": suite_version()} for row in rows],
    )


def record(row: Row) -> dict[str, object]:
    """A row with the values of its images."""
    infinite = row.infinite
    more: dict[str, object] = (
        {"infinite": list(infinite), "mean_of_finite": row.mean_of_finite} if infinite else {}
    )
    return {
        "model": row.model,
        "dataset": row.dataset,
        "scale": row.scale,
        "protocol": row.protocol,
        "protocol_hash": row.protocol_hash,
        "metric": row.metric,
        "metric_version": row.metric_version or metric_entry(row.metric).version,
        "mean": row.mean,
        "n": row.n,
        "values": row.values,
        **more,
    }


def values(rows: Sequence[Row]) -> Iterator[tuple[str | float, ...]]:
    """One line per image and metric."""
    for row in rows:
        head = (row.model, row.dataset, row.scale, row.protocol, row.protocol_hash, row.metric)
        yield from ((*head, image, value) for image, value in row.values.items())


def tables(rows: Sequence[Row]) -> list[Table]:
    """One per data set, scale and protocol, in the order of the rows."""
    groups: dict[tuple[str, int, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.dataset, row.scale, row.protocol, row.protocol_hash), []).append(row)
    made = []
    for (dataset, scale, protocol, digest), group in groups.items():
        metrics = tuple(dict.fromkeys(row.metric for row in group))
        models = list(dict.fromkeys(row.model for row in group))
        cell = {(row.model, row.metric): row for row in group}
        lines = []
        for model in models:
            of_model = [cell.get((model, metric)) for metric in metrics]
            # several where a metric could not measure every image
            counts = dict.fromkeys(str(row.n) for row in of_model if row)
            lines.append((model, *(row.text() if row else "" for row in of_model), "/".join(counts)))
        wide = len(metrics) > WIDE
        made.append(
            Table(
                title=f"{dataset} x{scale}, protocol {protocol} ({digest[:8]})",
                columns=(
                    Column(head="model", align="left"),
                    *(
                        Column(
                            head=metric,
                            short=metric_entry(metric).short,
                            better="higher" if metric_entry(metric).higher_is_better else "lower",
                        )
                        for metric in metrics
                    ),
                    Column(head="n"),
                ),
                rows=tuple(lines),
                # hr is no model: its row stands below a line
                rules=tuple(i for i, model in enumerate(models) if model == HR),
                notes=tuple(_of_infinite(group)),
                layout="tight" if wide else "boxed",
                longest_head=LONG_HEAD_OF_WIDE if wide else LONG_HEAD,
            )
        )
    return made


def _of_infinite(group: Sequence[Row]) -> Iterator[str]:
    """What a star means: by metric and images, since models mostly share them."""
    alike: dict[tuple[str, tuple[str, ...], int], list[str]] = {}
    for row in group:
        if infinite := row.infinite:
            alike.setdefault((row.metric, infinite, row.n), []).append(row.model)
    for (metric, infinite, n), models in alike.items():
        finite = f"mean of the {n - len(infinite)} others" if len(infinite) < n else "no mean"
        yield (
            f"{STAR} {metric} of {', '.join(map(escape_control_chars, models))}: {finite}; "
            f"infinite on {len(infinite)} of {n} {'image' if n == 1 else 'images'}"
            f", where sr is hr to the last bit: {listed(infinite)}"
        )


def with_published(table: Table, published: Sequence[Published]) -> Table:
    """The table with what others published below a line."""
    n = len(table.rows)
    # between `model` and `n`
    metrics = [column.head for column in table.columns[1:-1]]
    more = tuple(
        (f"{value.model} ({value.source})", *(value.text(metric) for metric in metrics), "")
        for value in published
    )
    return replace(
        table, rows=table.rows + more, rules=(*table.rules, n), muted=tuple(range(n, n + len(more)))
    )


def print_tables(rows: Sequence[Row], others: Sequence[Published] = ()) -> None:
    """A table per data set, scale and protocol on the terminal, with what others published."""
    from rich.console import Console

    console = Console()
    for table in tables(rows):
        metrics = [column.head for column in table.columns[1:-1]]
        shown = [other for other in others if any(other.text(metric) for metric in metrics)]
        console.print()
        print_table(with_published(table, shown) if shown else table, console)
        for other in shown:
            if other.cannot:
                # printed text may hold brackets, which rich takes for markup
                console.print(
                    f"{other.model} ({other.source}): {other.cannot}", markup=False, highlight=False
                )
