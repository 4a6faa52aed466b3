"""Many models in one table: ranks with what cannot be told apart, means by every metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.formatting import fixed
from reports.load.results import Group
from reports.load.standings import Standing, Standings
from reports.parts import Cell, Head, Table
from reports.tables.quality import MODEL, column_title

MOST_MODELS = 1e6  # sorts ranks by their lower end, then by their upper one


def leaderboard_table(group: Group, found: Sequence[Standings]) -> Table:
    """A row per ranked model, the best by the first metric above; a rank and a mean for each metric."""
    first = found[0]
    by_metric = [{place.model: place for place in each.places} for each in found]
    rows = tuple(
        (
            Cell(text=str(rank), sort=rank),
            Cell(text=place.model),
            *(
                cell
                for each, places in zip(found, by_metric, strict=True)
                for cell in _cells(group, each, places.get(place.model))
            ),
        )
        for rank, place in enumerate(first.places, 1)
    )
    return Table(
        id=f"leaderboard-{group.id}",
        title=f"Leaderboard: {group.dataset} x{group.scale}",
        caption=f"Means over {first.images} images; {group.title}. Beside each mean the ranks that the tests leave the "
        f"model: paired Wilcoxon tests over images, 5 %, Holm's correction over {first.tests} pairs.",
        heads=tuple(_heads(found)),
        rows=rows,
    )


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
            certificate=group.certificates[place.model, each.metric.name].id,
        ),
        Cell(text=ranks, sort=place.low + place.high / MOST_MODELS),
    )
