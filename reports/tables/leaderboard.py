"""Many models in one table: ranks with what cannot be told apart, means by every metric, what each model costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.formatting import ends, fixed
from reports.formatting import seconds as three_digits
from reports.load.costs import COSTS, TIME, Cost, Costs, Front, Place, gains
from reports.load.results import Group
from reports.load.speeds import Timed
from reports.load.standings import PSNR, Standing, Standings, front, perceptual
from reports.parts import Cell, Choices, Head, Table
from reports.tables.quality import MODEL, STAR, UNCLEAR, column_title

MOST_MODELS = 1e6  # sorts ranks by their lower end, then by their upper one


def leaderboard_table(group: Group, found: Sequence[Standings], known: Costs | None = None) -> Table:
    """A row per ranked model, the best by the first metric above: ranks and means, and costs where it was timed."""
    first = found[0]
    by_metric = [{place.model: place for place in each.places} for each in found]
    timed = known.common.timed if known else {}
    shown = [cost for cost in COSTS if any(cost.of(one.row) is not None for one in timed.values())]
    choices = _choices(found, known)
    rows = tuple(
        (
            Cell(text=str(rank), sort=rank),
            Cell(text=place.model),
            *(
                cell
                for each, places in zip(found, by_metric, strict=True)
                for cell in _cells(group, each, places.get(place.model))
            ),
            *(_cost_cell(cost, timed.get(place.model)) for cost in shown),
            *([_fronts_cell(choices, rank - 1)] if choices else []),
        )
        for rank, place in enumerate(first.places, 1)
    )
    return Table(
        id=f"leaderboard-{group.id}",
        title=f"Leaderboard: {group.dataset} x{group.scale}",
        caption=f"Means over {first.images} images; {group.title}. Beside each mean the ranks that the tests leave the "
        f"model: paired Wilcoxon tests over images, 5 %, Holm's correction over {first.tests} pairs."
        + _timed_words(known),
        heads=(
            *_heads(found),
            *(Head(text=cost.title, better="lower") for cost in shown),
            *([Head(text="fronts", better="higher")] if choices else []),
        ),
        rows=rows,
        notes=tuple(_notes(rows, choices)),
        choices=choices,
    )


def steps_tables(known: Costs) -> Iterator[Table]:
    """Of each front against time: the models on it, the fastest first, and what each is better by than the one before.

    One table, or none where no front has two models.
    """
    rows: list[tuple[Cell, ...]] = []
    rules = []
    for each in known.fronts:
        if each.cost is TIME and len(each.on) > 1:
            rules += [len(rows)] if rows else []
            rows += _steps(known, each)
    if not rows:
        return
    shared = known.common
    yield Table(
        id=f"steps-{known.group.id}",
        title=f"Pareto fronts against time: {known.group.dataset} x{known.group.scale}",
        caption="Gain: mean paired difference over images to the row above, with its 95 % bootstrap interval. Seconds for "
        f"one image of {shared.size}x{shared.size} pixels on {shared.machine}, plain float32; {known.group.title}.",
        heads=(
            Head(text="metric", numeric=False),
            MODEL,
            Head(text="seconds", better="lower"),
            Head(text="times as long"),
            Head(text="mean"),
            Head(text="gain"),
            Head(text="95 %"),
        ),
        rows=tuple(rows),
        rules=tuple(rules),
        notes=(f"{UNCLEAR.strip()} the interval includes 0: the step cannot be told from none.",)
        if any(cell.text.endswith(UNCLEAR) for row in rows for cell in row)
        else (),
    )


def _steps(known: Costs, each: Front) -> Iterator[tuple[Cell, ...]]:
    found, metric = gains(known.group, [each]), each.metric
    decimals = metric.decimals + 1  # neighbours on a front differ by little
    before: Place | None = None
    for place in each.on:
        timed = known.common.timed[place.model]
        gain = found.get((place.model, place.against))
        step = None if before is None else place.value - before.value
        unclear = gain is not None and gain[0] <= 0 <= gain[1]
        ratio = None if before is None else place.cost / before.cost
        yield (
            Cell(text=column_title(metric)),
            Cell(text=place.model),
            _cost_cell(TIME, timed),
            Cell(text="" if ratio is None else f"{ratio:.2f}", sort=ratio),
            Cell(
                text=fixed(place.value, metric.decimals),
                sort=place.value,
                certificate=known.group.provenance[place.model, metric.name].id,
            ),
            Cell(
                text="" if step is None else fixed(step, decimals, sign=True) + UNCLEAR * unclear,
                sort=step,
                muted=unclear,
            ),
            Cell(text=ends(gain, decimals, sign=True) if gain else "", muted=unclear),
        )
        before = place


def _timed_words(known: Costs | None) -> str:
    if known is None:
        return ""
    shared = known.common
    return f" Times for one image of {shared.size}x{shared.size} pixels on {shared.machine}, plain float32."


def _heads(found: Sequence[Standings]) -> Iterator[Head]:
    yield Head(text="#")
    yield MODEL
    for each in found:
        yield Head(
            text=column_title(each.metric), better="higher" if each.metric.higher_is_better else "lower"
        )
        yield Head(text="ranks", better="lower")


def _cells(group: Group, each: Standings, place: Standing | None) -> tuple[Cell, Cell]:
    if place is None:
        return Cell(text=""), Cell(text="")
    ranks = str(place.low) if place.low == place.high else f"{place.low}-{place.high}"
    return (
        Cell(
            text=fixed(place.mean, each.metric.decimals),
            sort=place.mean,
            certificate=group.provenance[place.model, each.metric.name].id,
        ),
        Cell(text=ranks, sort=place.low + place.high / MOST_MODELS),
    )


def _cost_cell(cost: Cost, timed: Timed | None) -> Cell:
    value = None if timed is None else cost.of(timed.row)
    if timed is None or value is None:
        return Cell(text="")
    if cost is not TIME:
        return Cell(text=three_digits(value), sort=value)
    sure = [f"95 % interval {' to '.join(map(three_digits, timed.row.ci))} s"] if timed.row.ci else []
    return Cell(
        text=three_digits(value) + STAR * bool(timed.row.warnings),
        sort=value,
        certificate=timed.certificate,
        note="; ".join([*sure, *timed.row.warnings]),
    )


def _fronts_cell(choices: Choices, line: int) -> Cell:
    """On how many Pareto fronts the row's model is, and on which."""
    titles = [title for title, lines in choices.sets if line in lines]
    return Cell(text=str(len(titles) or ""), sort=len(titles), note="; ".join(titles))


def _notes(rows: Sequence[Sequence[Cell]], choices: Choices | None) -> Iterator[str]:
    if choices:
        yield f"Fronts: on how many of {len(choices.sets)} Pareto fronts no other model is ahead of it in both values."
    if any(cell.text.endswith(STAR) and cell.note for row in rows for cell in row):
        yield (
            f"{STAR} measured with a warning (a wide interval, spread or drift): the warning is shown with the "
            "number on the page, and below the table of all measurements."
        )


def _choices(found: Sequence[Standings], known: Costs | None) -> Choices | None:
    """The Pareto fronts: of quality against each cost, and of PSNR against what stands for perception."""
    lines = {place.model: line for line, place in enumerate(found[0].places)}
    named = [(each.title, [place.model for place in each.on]) for each in (known.fronts if known else ())]
    named += list(_perception(found))
    sets = tuple((title, tuple(sorted(lines[m] for m in models if m in lines))) for title, models in named)
    return Choices(title="Pareto fronts", sets=sets) if sets else None


def _perception(found: Sequence[Standings]) -> Iterator[tuple[str, list[str]]]:
    means = {each.metric.name: {p.model: p.mean for p in each.places} for each in found}
    for info in perceptual([each.metric for each in found]):
        if PSNR in means:
            x, y = means[PSNR], means[info.name]
            points = {model: (x[model], y[model]) for model in x if model in y}
            yield f"{PSNR} against {info.name}", list(front(points, higher=(True, False)))
