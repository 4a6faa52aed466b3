"""Who is ahead of whom, and who cannot be told apart: ranks of many models with paired tests over images."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bench.records import MetricInfo
from bench.statistics import holm, signed_rank_each
from reports.load.results import Group, Results

if TYPE_CHECKING:
    import numpy as np

MANY = 10  # more models than this are ranked
ALPHA = 0.05
PSNR = "psnr"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A model's place by one metric.

    Attributes:
        mean: over the images, of all models the same ones.
        low, high: the best and the worst rank that the tests leave it; equal where every other model is told apart.
    """

    model: str
    mean: float
    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Standings:
    """All models of a group by one metric.

    Attributes:
        places: best mean first.
        images: how many all models share.
        tests: pairs that were tested; p values are adjusted for their number (Holm 1979).
        ties: ranks (first, last) of models of which no two can be told apart, none within another.
    """

    metric: MetricInfo
    places: tuple[Standing, ...]
    images: int
    tests: int
    ties: tuple[tuple[int, int], ...]


def leading_groups(results: Results) -> tuple[Group, ...]:
    """Of each protocol the group with the most images, where more than :data:`MANY` models were scored in it."""
    largest: dict[str, Group] = {}
    for group in results.groups:
        known = largest.get(group.protocol.hash)
        if len(group.models) > MANY and (known is None or len(group.images) > len(known.images)):
            largest[group.protocol.hash] = group
    return tuple(largest.values())


def standings(group: Group, info: MetricInfo) -> Standings | None:
    """Ranks by the mean over the images that all ranked models share; None where fewer than two models can be ranked.

    Those are the images of the models that have the most, and of several such sets the one that more models have. A
    model that lacks some of them, or has an infinite value, is not ranked. Two models are told apart where Wilcoxon's
    signed-rank test over images is significant at 5 % after Holm's correction over all pairs.
    """
    import numpy as np

    whole = whole_columns(group, info.name)
    if len(whole) < 2:
        return None
    sign = -1.0 if info.higher_is_better else 1.0  # best first
    # By name too: models of equal means keep their order from run to run.
    models = sorted(whole, key=lambda model: (sign * float(whole[model].mean()), model))
    values = np.array([whole[model] for model in models])
    pairs = list(combinations(range(len(models)), 2))
    differences = np.array([values[b] - values[a] for a, b in pairs]).T  # (images, pairs)
    adjusted = holm(signed_rank_each(differences))
    apart = {pair for pair, p in zip(pairs, adjusted, strict=True) if p < ALPHA}
    count = len(models)
    places = tuple(
        Standing(
            model=model,
            mean=float(values[i].mean()),
            # Positions by the mean: a model may be as good as each above it that no test sets apart from it.
            low=1 + sum((other, i) in apart for other in range(i)),
            high=count - sum((i, other) in apart for other in range(i + 1, count)),
        )
        for i, model in enumerate(models)
    )
    return Standings(
        metric=info,
        places=places,
        images=values.shape[1],
        tests=len(pairs),
        ties=tuple(_ties(count, apart)),
    )


def whole_columns(group: Group, metric: str) -> dict[str, np.ndarray[Any, Any]]:
    """By model, the values of the same images in one order: of the models that have the most, all values finite.

    Of several sets of as many images, the one that more models have. Empty where no model has any value.
    """
    columns = {model: group.column(model, metric) for model in group.models}
    most = max(map(len, columns.values()), default=0)
    whole = {
        model: column.sort_index()
        for model, column in columns.items()
        if most and len(column) == most and all(map(math.isfinite, column))
    }
    # As many images need not be the same ones, and values are paired by image.
    sets = Counter(tuple(column.index) for column in whole.values())
    shared = max(sets, key=lambda images: (sets[images], images), default=())
    return {
        model: column.to_numpy(dtype=float)
        for model, column in whole.items()
        if tuple(column.index) == shared
    }


def _ties(count: int, apart: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Runs of ranks of which no two are apart, as long as they go."""
    # A run that ends where an earlier one did lies within it.
    reached = -1
    for first in range(count):
        last = first
        while last + 1 < count and not any((i, last + 1) in apart for i in range(first, last + 1)):
            last += 1
        if last > first and last > reached:
            yield first + 1, last + 1
        reached = max(reached, last)


def front(points: Mapping[str, tuple[float, float]], *, higher: tuple[bool, bool]) -> tuple[str, ...]:
    """The models that no other one beats in both values (is as good in one and better in the other)."""
    signs = tuple(1.0 if up else -1.0 for up in higher)
    scaled = {name: (signs[0] * x, signs[1] * y) for name, (x, y) in points.items()}
    return tuple(
        name
        for name, (x, y) in scaled.items()
        # Equal points do not beat each other: both are on the front.
        if not any(u >= x and v >= y and (u, v) != (x, y) for u, v in scaled.values())
    )


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Means of models by a metric on a data set, signed so that more is better."""

    title: str
    means: Mapping[str, float]
    metric: str = ""
    dataset: str = ""
    images: int = 0


def rankings(results: Results, leader: Group) -> tuple[Ranking, ...]:
    """Every metric on every data set under the leader's protocol."""
    found = []
    for group in results.groups:
        if group.protocol.hash != leader.protocol.hash:
            continue
        for info in group.metrics:
            sign = 1.0 if info.higher_is_better else -1.0
            means = {
                model: sign * float(column.mean())
                for model in group.models
                if len(column := group.column(model, info.name)) == len(group.images)
                and all(map(math.isfinite, column))
            }
            if len(means) > MANY:
                title = f"{info.name}, {group.dataset}"
                found.append(
                    Ranking(
                        title=title,
                        means=means,
                        metric=info.name,
                        dataset=group.dataset,
                        images=len(group.images),
                    )
                )
    return tuple(found)


def kendall(a: Ranking, b: Ranking) -> tuple[float, int]:
    """Kendall's tau-b between two rankings, over the models that both have, and their number; NaN for fewer than two."""
    from scipy.stats import kendalltau

    shared = [model for model in a.means if model in b.means]
    if len(shared) < 2:
        return math.nan, len(shared)
    x, y = ([each.means[model] for model in shared] for each in (a, b))
    return float(kendalltau(x, y).statistic), len(shared)


def sentence(found: Standings, group: Group) -> str:
    """`By psnr, ranks 3 to 11 cannot be told apart on bsd100.`"""
    ties = found.ties
    if not ties:
        return f"By {found.metric.name}, every two models are told apart on {group.dataset}."
    first, last = max(ties, key=lambda tie: tie[1] - tie[0])
    top = (
        f"ranks 1 to {ties[0][1]} cannot be told apart"
        if ties[0][0] == 1
        else "the first is ahead of all others"
    )
    widest = "" if (first, last) == ties[0] else f", and neither can ranks {first} to {last}"
    if ties[0][0] != 1:
        widest = f"; ranks {first} to {last} cannot be told apart"
    return f"By {found.metric.name} on {group.dataset}, {top}{widest}."


def perceptual(metrics: Sequence[MetricInfo]) -> list[MetricInfo]:
    """Of a group's metrics those that stand for what people see, of which less is better."""
    return [m for m in metrics if not m.higher_is_better and m.name.startswith(("lpips", "dists", "niqe"))]
