"""A data set under a protocol as tables: the means with their ranks, and the differences to one of the models."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.records import HR, MetricInfo
from bench.statistics import Interval, differences, mean
from reports.formatting import counted, ends, fixed, listed
from reports.load.intervals import interval
from reports.load.paper import METRIC_TITLES, Entry, ScoreTarget, entries, title_of
from reports.load.results import Group
from reports.parts import Cell, Head, Mark, Published, Table
from reports.verdicts.judging import group_matches

SIC = " (sic)"
UNCLEAR = " ≈"
STAR = "*"
NAMED = 5
PUBLISHED_NOTE = "Published: as printed in the source named; (sic) marks a misprint."
MODEL = Head(text="model", numeric=False)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A model minus the reference, over the images that both have."""

    mean: float
    interval: Interval | None
    n: int

    @property
    def unclear(self) -> bool:
        """Whether zero is in the interval: the two cannot be told apart."""
        return self.interval is not None and self.interval[0] <= 0 <= self.interval[1]


def marks(values: Sequence[float | None], decimals: int, *, higher_is_better: bool) -> tuple[Mark, ...]:
    """Best and second best of a column, by what is printed: equal numbers share a mark; none for a lone number."""
    printed = [None if value is None else round(value, decimals) for value in values]
    # By distinct values: two models that share the best leave the next one the second place.
    known = sorted({value for value in printed if value is not None}, reverse=higher_is_better)
    ranks: tuple[Mark, ...] = ("best", "second") if sum(value is not None for value in printed) > 1 else ()
    places: dict[float | None, Mark] = dict(zip(known, ranks, strict=False))
    return tuple(places.get(value, "") for value in printed)


def difference(group: Group, model: str, reference: str, metric: str) -> Difference | None:
    """None where the two share no image, or infinities of both signs have no mean."""
    a, b = group.column(reference, metric), group.column(model, metric)
    shared = a.index.intersection(b.index)
    if not len(shared):
        return None
    paired = differences(list(map(float, a[shared])), list(map(float, b[shared])))
    middle = mean(paired)
    return None if middle is None else Difference(mean=middle, interval=interval(paired), n=len(paired))


def quality_table(group: Group, reference: str | None) -> Table:
    """A row per model, a column per metric; below a line what others print under the same definition."""
    columns = [_column(group, metric, reference) for metric in group.metrics]
    own = tuple(
        (Cell(text=model), *(column[i] for column in columns), _count(group, model))
        for i, model in enumerate(group.models)
    )
    of_hr = (_hr_row(group),) if group.of_hr else ()
    named = list(_printed_rows(group))
    printed = tuple(cells for _, cells in named)
    rows = own + of_hr + printed
    return Table(
        id=f"quality-{group.id}",
        title=f"Quality: {group.dataset} x{group.scale}",
        caption=f"Means over images; {group.title}.",
        heads=(
            MODEL,
            *(
                Head(text=column_title(m), better="higher" if m.higher_is_better else "lower")
                for m in group.metrics
            ),
            Head(text="n"),
        ),
        rows=rows,
        rules=tuple(dict.fromkeys(n for n in (len(own), len(own + of_hr)) if n < len(rows))),
        parts=((len(own + of_hr), f"Published, protocol {group.protocol.name}"),) if printed else (),
        published=Published(dataset=group.dataset, scale=group.scale, names=tuple(name for name, _ in named))
        if printed
        else None,
        notes=tuple(_notes(own, of_hr, printed, reference)),
    )


def column_title(metric: MetricInfo) -> str:
    """`PSNR, dB`."""
    title = METRIC_TITLES.get(metric.name, metric.name)
    return f"{title}, {metric.unit}" if metric.unit else title


def _hr_row(group: Group) -> tuple[Cell, ...]:
    """What metrics without a reference give for the HR images themselves: no model, so neither ranked nor compared."""
    found = [tuple(group.of_hr.get(metric.name, {}).values()) for metric in group.metrics]
    cells = [
        Cell(text=fixed(middle, metric.decimals), sort=middle, muted=True)
        if values and (middle := mean(values)) is not None
        else Cell(text="")
        for metric, values in zip(group.metrics, found, strict=True)
    ]
    return Cell(text=HR, muted=True), *cells, Cell(text=str(max(map(len, found))), muted=True)


def _column(group: Group, metric: MetricInfo, reference: str | None) -> list[Cell]:
    means = [_mean(group, model, metric) for model in group.models]
    ranks = marks(_ranked(group, metric, means), metric.decimals, higher_is_better=metric.higher_is_better)
    return [
        _mean_cell(group, model, metric, value, mark, reference)
        for model, value, mark in zip(group.models, means, ranks, strict=True)
    ]


def _mean(group: Group, model: str, metric: MetricInfo) -> float | None:
    """Over the finite values; infinite where none is."""
    values = list(map(float, group.column(model, metric.name)))
    finite = [value for value in values if math.isfinite(value)]
    return mean(finite or values) if values else None


def _infinite(group: Group, model: str, metric: MetricInfo) -> tuple[str, ...]:
    """The images for which a metric is infinite."""
    column = group.column(model, metric.name)
    return tuple(str(image) for image, value in column.items() if math.isinf(float(value)))


def _ranked(group: Group, metric: MetricInfo, means: Sequence[float | None]) -> list[float | None]:
    """The means that are ranked: of all images that some model has, finite, and without the same ones as the others'."""
    images = {model: frozenset(group.column(model, metric.name).index) for model in group.models}
    every = frozenset[str]().union(*images.values())
    infinite = {model: frozenset(_infinite(group, model, metric)) for model in group.models}
    measured = [
        infinite[model]
        for model, value in zip(group.models, means, strict=True)
        if value is not None and images[model] == every
    ]
    # The union first, since the intersection of no sets is not defined: with none measured, both are empty.
    common = frozenset[str]().union(*measured).intersection(*measured)
    return [
        value
        if value is not None and math.isfinite(value) and images[model] == every and infinite[model] == common
        else None
        for model, value in zip(group.models, means, strict=True)
    ]


def _mean_cell(
    group: Group, model: str, metric: MetricInfo, value: float | None, mark: Mark, reference: str | None
) -> Cell:
    if value is None:
        return Cell(text="")
    values = tuple(v for v in map(float, group.column(model, metric.name)) if math.isfinite(v))
    infinite = _infinite(group, model, metric)
    # reference or "": for the type checker; None was sorted out just before.
    found = None if reference in {None, model} else difference(group, model, reference or "", metric.name)
    sure = interval(values) if values else None
    words = [f"mean of {counted(len(values), 'image')}"]
    words += (
        [f"infinite for {counted(len(infinite), 'image')}: {listed(infinite[:NAMED])}"] if infinite else []
    )
    words += [f"95 % interval {ends(sure, metric.decimals)}"] if sure else ["too few for an interval"]
    words += [_words(found, metric, reference)] if found and reference else []
    return Cell(
        text=fixed(value, metric.decimals) + STAR * bool(infinite and math.isfinite(value)),
        # Infinity is sorted by its text: JSON and the page's tables have no number for it.
        sort=value if math.isfinite(value) else None,
        mark=mark,
        muted=bool(found and found.unclear),
        certificate=group.provenance[model, metric.name].id,
        note="; ".join(words),
    )


def _words(found: Difference, metric: MetricInfo, reference: str) -> str:
    text = f"{fixed(found.mean, metric.decimals, sign=True)} against {reference}"
    if found.interval:
        text += f", 95 % {ends(found.interval, metric.decimals, sign=True)}"
    return text + (": not significant" if found.unclear else "")


def _count(group: Group, model: str) -> Cell:
    """Number of images; several where the metrics have different ones."""
    counts = [len(group.column(model, metric.name)) for metric in group.metrics]
    known = list(dict.fromkeys(count for count in counts if count))
    return Cell(text="/".join(map(str, known)), sort=max(known, default=0))


def _printed_rows(group: Group) -> Iterator[tuple[tuple[str, str], tuple[Cell, ...]]]:
    """Of the printed means, those under the group's own definition: a row per method and source, with these two."""
    rows: dict[tuple[str, str], dict[str, Entry]] = {}
    for entry in entries():
        target = entry.target
        if isinstance(target, ScoreTarget) and not target.image and group_matches(group, target):
            rows.setdefault((target.model, target.short), {})[target.metric] = entry
    for (model, short), by_metric in rows.items():
        cells = [_printed_cell(by_metric.get(metric.name)) for metric in group.metrics]
        if any(cell.text for cell in cells):
            name = (title_of(model), short)
            yield name, (Cell(text=f"{name[0]} ({short})", muted=True), *cells, Cell(text=""))


def _printed_cell(entry: Entry | None) -> Cell:
    if entry is None:
        return Cell(text="")
    cell = entry.cell
    about = "; ".join(
        text for text in (cell.where, cell.likely and f"means {cell.likely}", cell.remark) if text
    )
    return Cell(text=cell.printed + SIC * bool(cell.likely), sort=cell.value, muted=True, note=about)


def _notes(
    own: Sequence[tuple[Cell, ...]],
    of_hr: Sequence[tuple[Cell, ...]],
    printed: Sequence[tuple[Cell, ...]],
    reference: str | None,
) -> Iterator[str]:
    if any(cell.text.endswith(STAR) and cell.certificate for row in own for cell in row):
        yield (
            f"{STAR} infinite for some images, where the result is the original to the last bit: the mean is over the "
            "others, and is ranked only if the same images are infinite for all models."
        )
    if any(cell.muted for row in own for cell in row):
        yield f"Grey: the difference to {reference} is not significant (its paired 95 % interval includes 0)."
    if of_hr:
        yield "hr: the HR images themselves, by no-reference metrics; not a model, and not ranked."
    if printed:
        yield PUBLISHED_NOTE


def against_table(group: Group, reference: str) -> Table:
    """Mean paired differences to the reference with their intervals, a row per other model."""
    others = [model for model in group.models if model != reference]
    rows = tuple(
        (Cell(text=model), *(_difference_cell(group, model, reference, metric) for metric in group.metrics))
        for model in others
    )
    unclear = any(cell.muted for row in rows for cell in row)
    return Table(
        id=f"against-{group.id}",
        title=f"Paired differences to {reference}: {group.dataset} x{group.scale}",
        caption=f"Mean of the images' differences and its 95 % bootstrap interval; {group.title}.",
        heads=(
            MODEL,
            *(
                Head(text=column_title(m), better="higher" if m.higher_is_better else "lower")
                for m in group.metrics
            ),
        ),
        rows=rows,
        notes=(f"{UNCLEAR.strip()} not significant: the interval includes 0.",) if unclear else (),
    )


def _difference_cell(group: Group, model: str, reference: str, metric: MetricInfo) -> Cell:
    found = difference(group, model, reference, metric.name)
    if found is None:
        return Cell(text="")
    text = fixed(found.mean, metric.decimals, sign=True)
    # One infinite image makes its bounds infinite, and the brackets would say nothing.
    if found.interval and all(map(math.isfinite, found.interval)):
        text += f" ({ends(found.interval, metric.decimals, sign=True)})"
    return Cell(
        text=text + UNCLEAR * found.unclear,
        sort=found.mean if math.isfinite(found.mean) else None,
        muted=found.unclear,
        certificate=group.provenance[model, metric.name].id,
        note=f"{counted(found.n, 'image')}; {_words(found, metric, reference)}",
    )
