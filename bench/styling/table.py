"""The tables of `bench.style_quality`, and what must be said below them; the same numbers as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bench.data.styles import INITIAL
from bench.environment import suite_version
from bench.records import Score, StyleProtocol
from bench.styling.config import Baseline
from bench.styling.metrics import StyleMetric
from bench.styling.summary import (
    BASELINE,
    TERMS,
    Comparison,
    Crossover,
    Moments,
    Summary,
    after,
    marks,
    moments,
)
from bench.tables import Column, Table, columns
from bench.text import escape_control_chars

PAPER = (
    "paper: a network matches 50 to 100 iterations, at 256, 512 and 1024 though trained at 256 "
    "(section 4.1, Figure 5: 50 images of MS-COCO, VGG-16)"
)
METRICS_OF_A_TABLE = 5
METHODS = {"lbfgs": "L-BFGS", "adam": "Adam"}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One style at one size, measured: a panel of Figure 5.

    Attributes:
        title: the style at the size, in words.
        baseline: None where none was asked for.
        machines: that the curves were measured on, a line each.
        metrics: that were asked for besides the objective, and `scores`, their values.
        missing: why a metric says nothing of a model's images, by the names of both.
    """

    title: str
    protocol: StyleProtocol
    baseline: Baseline | None
    comparison: Comparison
    machines: tuple[str, ...]
    metrics: tuple[StyleMetric, ...] = ()
    scores: tuple[Score, ...] = ()
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def values(self, model: str, metric: str) -> dict[str, float]:
        """Of a metric, by content; of a model as :attr:`Line.name` has it."""
        return {s.image: s.value for s in self.scores if (s.model, s.metric) == (model, metric)}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A subject, or the optimisation after some of its iterations."""

    name: str
    summary: Summary
    iteration: int


def lines(comparison: Comparison) -> Iterator[Line]:
    """The contents, the networks, and the optimisation at :data:`MARKS` and its end."""
    for summary in comparison.summaries:
        if summary.subject != BASELINE:
            # Curves of one value.
            yield Line(name=summary.subject, summary=summary, iteration=0)
            continue
        for iteration in marks(summary.iterations):
            yield Line(name=after(iteration), summary=summary, iteration=iteration)


def objectives(panel: Panel) -> Table:
    """Mean and standard deviation of the objective and of its terms; how far below the contents' it is."""
    rows = []
    for line in lines(panel.comparison):
        below = panel.comparison.below_content(line.summary, line.iteration)
        terms = [text(line.summary.at(line.iteration, term)) for term in TERMS]
        rows.append((line.name, str(line.summary.n), *terms, "" if below is None else f"{below:.2f}x"))
    return Table(
        title=f"{panel.title}, {panel.comparison.dataset}: the objective, mean ±sd",
        columns=columns(("model", "n", "objective", "content", "style", "tv", "reduction")),
        rows=tuple(rows),
    )


def metric_tables(panel: Panel) -> Iterator[Table]:
    """Mean and standard deviation of each metric beside the objective, some metrics in a table; nothing without metrics."""
    for first in range(0, len(panel.metrics), METRICS_OF_A_TABLE):
        metrics, rows = panel.metrics[first : first + METRICS_OF_A_TABLE], []
        for line in lines(panel.comparison):
            values = [list(panel.values(line.name, metric.name).values()) for metric in metrics]
            cells = [text(moments(each)) if each else "" for each in values]
            rows.append((line.name, text(line.summary.at(line.iteration)), *cells))
        yield Table(
            title=f"{panel.title}, {panel.comparison.dataset}: the images by other measures, mean ±sd",
            columns=(*columns(("model", "objective")), *map(column, metrics)),
            rows=tuple(rows),
            notes=tuple(dict.fromkeys(map(about, metrics))),
            longest_head=14,
        )


def column(metric: StyleMetric) -> Column:
    """Of a metric's values."""
    return Column(head=metric.name, better="higher" if metric.entry.higher_is_better else "lower")


def about(metric: StyleMetric) -> str:
    """What it is, and where it is defined."""
    entry = metric.entry
    unit = f", in {entry.unit}" if entry.unit else ""
    absent = (
        "; of a network alone, so that contents and the optimisation have none" if entry.of_network else ""
    )
    return f"{entry.name}: {entry.about}{unit} ({entry.source}){absent}"


def crossovers(panel: Panel) -> Table:
    """Iterations until the optimisation matches each network, and how long they take."""
    heads = ("median", "mean curve", "s / iteration", "s to match", "network s", "speed-up")
    return Table(
        title=f"iterations until {_optimiser(panel)} matches the network",
        columns=tuple(
            replace(made, short="s / it." if made.head == "s / iteration" else "")
            for made in columns(("network", "n", *heads))
        ),
        rows=tuple(_crossover_row(found) for found in panel.comparison.crossovers),
    )


def _optimiser(panel: Panel) -> str:
    return METHODS[panel.baseline.method] if panel.baseline else "the optimisation"


def _crossover_row(found: Crossover) -> tuple[str, ...]:
    seconds, times = iterations_to_match(found)
    return (
        found.subject,
        str(len(found.crossings)),
        iterations(found.median, found),
        iterations(found.of_mean, found),
        short(found.seconds_per_iteration),
        seconds,
        short(found.seconds) if found.seconds else "",
        times,
    )


def notes(panel: Panel) -> Iterator[str]:
    """What the numbers are of."""
    protocol = panel.protocol
    yield f"protocol {protocol.name}, {protocol.hash[:8]}: {objective(protocol)}"
    yield "reduction: the content image's objective over the model's"
    for summary in panel.comparison.baselines:
        if panel.baseline:
            yield baseline(panel.baseline, summary)
    yield from _missing(panel)
    if panel.comparison.crossovers:
        found = panel.comparison.crossovers[0]
        yield (
            "median: iteration at which the optimisation's objective comes down to the network's, interpolated, median "
            f"over contents ({found.iterations} iterations were run); mean curve: the same of the mean objective; "
            "s to match: its time, speed-up: over the network's"
        )
        yield PAPER
    for machine in panel.machines:
        yield f"machine: {machine}"
    if len(panel.machines) > 1:
        yield "the times are not all of one machine; --force measures them again, here"


def _missing(panel: Panel) -> Iterator[str]:
    """Metrics that a network would have, and why these have none; contents and the optimisation are spoken of elsewhere."""
    for summary in panel.comparison.networks:
        own = {name: reason for (model, name), reason in panel.missing.items() if model == summary.subject}
        for reason in dict.fromkeys(own.values()):
            names = ", ".join(name for name, why in own.items() if why == reason)
            yield f"{summary.subject}: no {names}: {reason}"


def objective(protocol: StyleProtocol) -> str:
    """The objective in words."""
    distance = "" if protocol.style_distance == "mean" else f" ({protocol.style_distance})"
    return (
        f"{protocol.content_weight:g} x content at {' '.join(protocol.content_layers)} + "
        f"{protocol.style_weight:g} x style at {' '.join(protocol.style_layers)}{distance} + "
        f"{protocol.tv_weight:g} x total variation, of {protocol.loss_network} ({protocol.loss_weights}); "
        f"style {escape_control_chars(protocol.style)}, longer side {protocol.style_size}"
    )


def baseline(chosen: Baseline, summary: Summary) -> str:
    """The optimisation in words."""
    batches = sorted({curve.batch for curve in summary.curves})
    together = (
        "one by one" if batches == [1] else f"{' or '.join(map(str, batches))} at once, which share the time"
    )
    start = INITIAL[chosen.initial] + ("" if chosen.initial == "content" else f", seed {chosen.seed}")
    return f"{BASELINE}: {METHODS[chosen.method]} from {start}; contents {together}"


def text(moments: Moments) -> str:
    """Mean and standard deviation."""
    return short(moments.mean) + ("" if moments.sd is None else f" ±{short(moments.sd, 2)}")


def short(value: float, digits: int = 3) -> str:
    """A few significant digits: 123, 0.0123, 1.23e5."""
    written = f"{value:.{digits}g}"
    # 1.2e+05 to 1.2e5, 1.2e-05 to 1.2e-5, 1.2e+10 to 1.2e10.
    return written.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def iterations(value: float | None, found: Crossover) -> str:
    """One decimal, or that there were not enough."""
    return f"> {found.iterations}" if value is None else f"{value:.1f}"


def iterations_to_match(found: Crossover) -> tuple[str, str]:
    """Seconds to equal loss, and the same over the network's own; bounds where there were not enough iterations."""
    seconds, times = found.seconds_to_match, found.times_faster
    if seconds is not None:
        return short(seconds), "" if times is None else short(times)
    least = found.iterations * found.seconds_per_iteration
    return f"> {short(least)}", f"> {short(least / found.seconds)}" if found.seconds else ""


def record(panel: Panel) -> dict[str, Any]:
    """All of it, with the raw curves of each content."""
    comparison = panel.comparison
    return {
        "dataset": comparison.dataset,
        "style": panel.protocol.style,
        "size": panel.protocol.size,
        "protocol": panel.protocol.name,
        "protocol_hash": panel.protocol.hash,
        "definition": panel.protocol.definition,
        "baseline": asdict(panel.baseline) if panel.baseline else None,
        "machines": list(panel.machines),
        "suite_version": suite_version(),
        "objectives": [_line(comparison, line) for line in lines(comparison)],
        "overtakings": [_crossover(found) for found in comparison.crossovers],
        "curves": [asdict(curve) for summary in comparison.summaries for curve in summary.curves],
        # Without --metrics the JSON is as it was before there were any.
        **({"metrics": [_metric(panel, metric) for metric in panel.metrics]} if panel.metrics else {}),
    }


def _metric(panel: Panel, metric: StyleMetric) -> dict[str, Any]:
    names = ("version", "about", "source", "unit", "higher_is_better", "of_network")
    values = {line.name: panel.values(line.name, metric.name) for line in lines(panel.comparison)}
    return {
        "name": metric.name,
        **{name: getattr(metric.entry, name) for name in names},
        "values": values,
        "means": {
            name: asdict(moments(list(each.values()))) if each else None for name, each in values.items()
        },
        "missing": {model: reason for (model, name), reason in panel.missing.items() if name == metric.name},
    }


def _line(comparison: Comparison, line: Line) -> dict[str, Any]:
    return {
        "subject": line.summary.subject,
        "subject_hash": line.summary.subject_hash,
        "iterations": line.iteration if line.summary.subject == BASELINE else None,
        "n": line.summary.n,
        **{term: asdict(line.summary.at(line.iteration, term)) for term in TERMS},
        "below_content": comparison.below_content(line.summary, line.iteration),
    }


def _crossover(found: Crossover) -> dict[str, Any]:
    derived = {
        "median": found.median,
        "seconds_to_equal": found.seconds_to_match,
        "times_faster": found.times_faster,
    }
    return asdict(found) | derived
