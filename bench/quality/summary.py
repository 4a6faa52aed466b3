"""Raw scores to means, and means to JSON, CSV, LaTeX, Markdown and the table on the terminal.

An infinite value (the PSNR of an sr that is hr to the last bit) makes the mean infinite, which says nothing of the other
images. What is printed then is the mean over the finite ones with a star, and below the table how many are infinite and
which; nothing is ranked by infinity.
"""

from __future__ import annotations

import csv
import io
import json
import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.cli import as_given
from bench.environment import DISTRIBUTION, version
from bench.escapes import escape_csv, escape_latex, escape_markdown
from bench.files.names import listed
from bench.files.replacing import replacing
from bench.metrics import METRICS
from bench.printable import printable
from bench.published import Published
from bench.records import HR, Score

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
        return tuple(image for image, value in self.values.items() if math.isinf(value))

    @property
    def mean_of_finite(self) -> float | None:
        """Mean of the values that are finite; None where none is."""
        finite = [value for value in self.values.values() if not math.isinf(value)]
        return math.fsum(finite) / len(finite) if finite else None

    def text(self) -> str:
        """The mean with the metric's number of decimals; over the finite values, with a star, where some are not."""
        decimals = METRICS[self.metric].decimals
        if math.isfinite(self.mean):
            return f"{self.mean:.{decimals}f}"
        finite = self.mean_of_finite
        return f"{self.mean:.{decimals}f}{STAR}" if finite is None else f"{finite:.{decimals}f}{STAR}"


class Values(Mapping[str, float]):
    """Values by image stem, eight bytes and a reference each: of 100,000 images, not much."""

    def __init__(self) -> None:
        self._stems: list[str] = []
        self._numbers = array("d")

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
        if last and (model, metric) in values
    ]


def to_json(table: Sequence[Row]) -> str:
    """A list of objects, one per row. JSON has no infinity: the PSNR of identical images is the string "inf"."""
    suite = version(DISTRIBUTION) or "unknown"
    found = [_json_row(row) | {"suite_version": suite} for row in table]
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _json_row(row: Row) -> dict[str, object]:
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
        "metric_version": row.metric_version or METRICS[row.metric].version,
        "mean": _json_number(row.mean),
        "n": row.n,
        "values": {image: _json_number(value) for image, value in row.values.items()},
        **more,
    }


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


LONG_HEAD = 14  # is broken at its hyphens
LONG_HEAD_OF_WIDE = 10  # in a table of many metrics, or the last columns are cut at 80
WIDE = 3  # more metrics go without blanks between the columns, to stay within 80
CSV_COLUMNS = ("model", "dataset", "scale", "protocol", "protocol_hash", "metric", "image", "value")


def to_csv(table: Sequence[Row]) -> str:
    """One line per image and metric, with a header: raw values, to be grouped by whoever reads them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in table:
        named = (escape_csv(row.model), escape_csv(row.dataset), row.scale)
        head = (*named, row.protocol, row.protocol_hash, row.metric)
        writer.writerows((*head, escape_csv(image), repr(value)) for image, value in row.values.items())
    return text.getvalue()


@dataclass(frozen=True, kw_only=True)
class Block:
    """The rows of one data set at one scale under one protocol, as a grid, and what stands below it."""

    title: str
    metrics: tuple[str, ...]
    lines: tuple[tuple[str, tuple[str, ...], str], ...]
    notes: tuple[str, ...] = ()

    @staticmethod
    def all(table: Sequence[Row]) -> list[Block]:
        """The table cut into blocks, in the order of its rows."""
        groups: dict[tuple[str, int, str, str], list[Row]] = {}
        for row in table:
            groups.setdefault((row.dataset, row.scale, row.protocol, row.protocol_hash), []).append(row)
        return [Block._of(key, group) for key, group in groups.items()]

    @staticmethod
    def _of(key: tuple[str, int, str, str], group: Sequence[Row]) -> Block:
        dataset, scale, protocol, digest = key
        metrics = tuple(dict.fromkeys(row.metric for row in group))
        models = dict.fromkeys(row.model for row in group)
        cell = {(row.model, row.metric): row for row in group}
        lines = []
        for model in models:
            found = [cell.get((model, metric)) for metric in metrics]
            counts = dict.fromkeys(str(row.n) for row in found if row)
            lines.append((model, tuple(row.text() if row else "" for row in found), "/".join(counts)))
        return Block(
            title=f"{dataset} x{scale}, protocol {protocol} ({digest[:8]})",
            metrics=metrics,
            lines=tuple(lines),
            notes=tuple(_of_infinite(group)),
        )

    def heads(self) -> list[str]:
        """Column titles: model, each metric with the direction that is better, n."""
        return ["model", *(f"{m} {'↑' if METRICS[m].higher_is_better else '↓'}" for m in self.metrics), "n"]


def _of_infinite(group: Sequence[Row]) -> Iterator[str]:
    """What a star means: by metric and images, since models mostly share them."""
    alike: dict[tuple[str, tuple[str, ...], int], list[str]] = {}
    for row in group:
        if infinite := row.infinite:
            alike.setdefault((row.metric, infinite, row.n), []).append(row.model)
    for (metric, infinite, n), models in alike.items():
        finite = f"mean of the {n - len(infinite)} others" if len(infinite) < n else "no mean"
        yield (
            f"{STAR} {metric} of {', '.join(map(printable, models))}: {finite}; infinite on {len(infinite)} of {n} "
            f"{'image' if n == 1 else 'images'}, where sr is hr to the last bit: {listed(infinite)}"
        )


def to_markdown(table: Sequence[Row]) -> str:
    """A pipe table per block."""
    return "\n".join(_markdown_block(block) for block in Block.all(table))


def _markdown_block(block: Block) -> str:
    body = [block.heads(), ["---", *("---:" for _ in block.metrics), "---:"]]
    body += [[escape_markdown(model), *map(escape_markdown, cells), n] for model, cells, n in block.lines]
    grid = "".join(f"| {' | '.join(line)} |\n" for line in body)
    notes = "".join(f"\n{escape_markdown(note)}\n" for note in block.notes)
    return f"**{escape_markdown(block.title)}**\n\n{grid}{notes}"


def to_latex(table: Sequence[Row]) -> str:
    """A booktabs `tabular` per block, with the protocol in a comment above it and in the first line."""
    return "\n".join(_latex_block(block) for block in Block.all(table))


def _latex_block(block: Block) -> str:
    heads = [escape_latex(head) for head in block.heads()]
    width = len(heads)
    title = escape_latex(block.title)
    body = "".join(
        "\\midrule\n" * (model == HR) + f"{escape_latex(model)} & {' & '.join(cells)} & {n} \\\\\n"
        for model, cells, n in block.lines
    )
    notes = "".join(
        f"\\multicolumn{{{width}}}{{l}}{{\\footnotesize {escape_latex(note)}}} \\\\\n" for note in block.notes
    )
    notes = f"\\midrule\n{notes}" if notes else ""
    return (
        f"% {title}\n\\begin{{tabular}}{{l{'r' * (width - 1)}}}\n\\toprule\n"
        f"\\multicolumn{{{width}}}{{l}}{{{title}}} \\\\\n\\midrule\n"
        f"{' & '.join(heads)} \\\\\n\\midrule\n{body}{notes}\\bottomrule\n\\end{{tabular}}\n"
    )


def terminal_table(block: Block, published: Sequence[Published]) -> Table:
    """The block as a rich table, with what others published below a line."""
    wide = len(block.metrics) > WIDE
    table, longest = Table(padding=0 if wide else (0, 1)), LONG_HEAD_OF_WIDE if wide else LONG_HEAD
    for i, head in enumerate(block.heads()):
        lines = head.replace("-", "-\n") if len(head) > longest else head
        table.add_column(Text(lines), justify="right" if i else "left", no_wrap=True)
    of_models = sum(model != HR for model, _, _ in block.lines)
    for i, (model, cells, n) in enumerate(block.lines, 1):
        table.add_row(Text(model), *cells, n, end_section=i in {of_models, len(block.lines)})
    for value in published:
        cells = tuple(value.text(metric) for metric in block.metrics)
        table.add_row(Text(f"{value.model} ({value.source})"), *cells, "", style="dim")
    return table


def print_tables(table: Sequence[Row], others: Sequence[Published] = ()) -> None:
    """A table per data set, scale and protocol on the terminal, with what others published."""
    console = Console()
    say: Callable[..., None] = partial(console.print, markup=False, highlight=False)
    for block in Block.all(table):
        say(f"\n{block.title}", style="bold", soft_wrap=True)
        shown = [other for other in others if any(other.text(metric) for metric in block.metrics)]
        console.print(terminal_table(block, shown))
        for note in block.notes:
            say(note, soft_wrap=True)
        for other in shown:
            if other.cannot:
                say(f"{other.model} ({other.source}): {other.cannot}")


EXPORTS = {"json": to_json, "csv": to_csv, "latex": to_latex, "markdown": to_markdown}


def export(exports: Mapping[str, Path], table: Sequence[Row]) -> None:
    """Write the rows to the file of each format."""
    for name, file in exports.items():
        with replacing(file) as part:
            part.write_text(EXPORTS[name](table), encoding="utf-8")


def print_exports(exports: Mapping[str, Path]) -> None:
    """Where they are."""
    for name, file in exports.items():
        print(f"{name + ':':<8} {as_given(file)}")
