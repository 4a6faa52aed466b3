"""What models cost, who is on the Pareto front of quality against it, and which count predicts the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.records import MetricInfo
from bench.statistics import Interval
from bench.timing.rows import Row
from reports.formatting import MEBI
from reports.load.intervals import intervals
from reports.load.results import Group, Results
from reports.load.standings import PSNR, perceptual, whole_columns
from reports.load.timings import CommonTimings, all_machines, common, provenance


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One number of a timed row, of which less is better.

    Attributes:
        name: in sentences: `psnr against time`.
        title: of a column and an axis, with the unit that `of` returns it in.
        of: None where the row has no such number, or none above 0: a model without parameters has no place on a
            logarithmic axis.
    """

    name: str
    title: str
    of: Callable[[Row], float | None]


def _positive(value: Any, unit: float = 1.0) -> float | None:
    """A finite number above 0 of a file that anybody may have made."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / unit if 0 < value < math.inf else None


def _counted(name: str, unit: float) -> Callable[[Row], float | None]:
    """Of the card, else of the provenance record itself."""
    return lambda row: _positive(row.card.get(name), unit) or _positive(provenance(row).get(name), unit)


TIME = Cost(name="time", title="seconds", of=lambda row: _positive(row.seconds))
PARAMETERS = Cost(name="parameters", title="parameters, k", of=_counted("parameters", 1e3))
COUNTS = (
    PARAMETERS,
    Cost(name="FLOPs", title="FLOPs, G", of=_counted("flops", 1e9)),
    Cost(name="activations", title="activations, M", of=_counted("activations", 1e6)),
)


def _memory(row: Row) -> float | None:
    """As torch counts it on a GPU; on a CPU what the card says of the tensors of one call.

    The growth of the resident set, which a CPU's timing has, is a lower bound that differs by what ran before.
    """
    if row.device.startswith("cuda"):
        return _positive(row.peak_memory_bytes, MEBI)
    return _positive(row.card.get("peak_tensor_bytes"), MEBI)


MEMORY = Cost(name="memory", title="MiB", of=_memory)
COSTS = (TIME, *COUNTS, MEMORY)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A model's cost and quality beside the front.

    Attributes:
        value: mean of the metric over the images.
        against: the best model that costs less, or as much and is better; it is on the front. Empty for the cheapest.
        on_front: no other model is as good in both and better in one.
        row: that the cost is from.
    """

    model: str
    cost: float
    value: float
    against: str
    on_front: bool
    row: Row


@dataclass(frozen=True, kw_only=True)
class Front:
    """All models with both numbers, the cheapest first."""

    metric: MetricInfo
    cost: Cost
    places: tuple[Place, ...]

    @property
    def on(self) -> tuple[Place, ...]:
        """The models on the front, the cheapest first."""
        return tuple(place for place in self.places if place.on_front)

    @property
    def title(self) -> str:
        """`psnr against time`."""
        return f"{self.metric.name} against {self.cost.name}"


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a group's models cost where most of them were timed together, and the fronts of their quality."""

    group: Group
    common: CommonTimings
    fronts: tuple[Front, ...]


def costs(results: Results, group: Group) -> Costs | None:
    """None where no two of its models were timed together."""
    shared = common(all_machines(results), group)
    if shared is None or len(shared.timed) < 2:
        return None
    return Costs(group=group, common=shared, fronts=tuple(_fronts(group, shared.rows)))


def front_metrics(group: Group) -> list[MetricInfo]:
    """PSNR, and what stands for perception."""
    return [*(m for m in group.metrics if m.name == PSNR), *perceptual(group.metrics)]


def _fronts(group: Group, rows: Mapping[str, Row]) -> Iterator[Front]:
    """Of each metric against each cost, where two models or more have both."""
    for metric in front_metrics(group):
        means = {model: float(values.mean()) for model, values in whole_columns(group, metric.name).items()}
        for cost in COSTS:
            prices = {
                model: price
                for model in means
                if model in rows and (price := cost.of(rows[model])) is not None
            }
            if len(prices) > 1:
                places = tuple(_places(prices, means, rows, higher_is_better=metric.higher_is_better))
                yield Front(metric=metric, cost=cost, places=places)


def _places(
    prices: Mapping[str, float],
    means: Mapping[str, float],
    rows: Mapping[str, Row],
    *,
    higher_is_better: bool,
) -> Iterator[Place]:
    """The cheapest first, of equal prices the best: a model is on the front where it is better than all before it."""
    sign = 1.0 if higher_is_better else -1.0
    best = ""
    for model in sorted(prices, key=lambda m: (prices[m], -sign * means[m], m)):
        better = not best or sign * means[model] > sign * means[best]
        twin = bool(best) and (prices[model], means[model]) == (prices[best], means[best])
        yield Place(
            model=model,
            cost=prices[model],
            value=means[model],
            against=best,
            on_front=better or twin,
            row=rows[model],
        )
        best = model if better else best


def gains(group: Group, fronts: Sequence[Front]) -> dict[tuple[str, str], Interval | None]:
    """Intervals (95 %) of the mean paired difference over images of each model to the one it stands against.

    Paired, since images differ from each other by far more than models do: the interval of a mean says how hard the
    images are, that of a difference whether the second model is worth its cost.

    Args:
        fronts: of one metric.
    """
    import numpy as np

    pairs = list(dict.fromkeys((p.model, p.against) for each in fronts for p in each.places if p.against))
    if not pairs:
        return {}
    columns = whole_columns(group, fronts[0].metric.name)
    differences = np.array([columns[model] - columns[against] for model, against in pairs]).T
    return dict(zip(pairs, intervals(differences), strict=True))


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Kendall's tau (b) of a count against the measured time. `points`: count and seconds, by model."""

    cost: Cost
    points: Mapping[str, tuple[float, float]]
    tau: float

    @property
    def farthest(self) -> tuple[str, ...]:
        """The models by how far apart their ranks by count and by time are, the farthest first."""
        by_count, by_time = (
            {model: rank for rank, model in enumerate(sorted(self.points, key=lambda m: self.points[m][at]))}
            for at in (0, 1)
        )
        return tuple(sorted(self.points, key=lambda m: (-abs(by_count[m] - by_time[m]), m)))


def predictions(shared: CommonTimings) -> tuple[Prediction, ...]:
    """Of every count that three networks or more have beside a time; what has no parameters is none."""
    from scipy.stats import kendalltau

    found = []
    for cost in COUNTS:
        points = {
            model: (count, seconds)
            for model, row in shared.rows.items()
            if PARAMETERS.of(row) is not None
            and (count := cost.of(row)) is not None
            and (seconds := TIME.of(row)) is not None
        }
        if len(points) > 2:
            tau = float(kendalltau(*zip(*points.values(), strict=True)).statistic)
            if not math.isnan(tau):  # of equal counts there is no order
                found.append(Prediction(cost=cost, points=points, tau=tau))
    return tuple(found)


def prediction_sentence(found: Sequence[Prediction]) -> str:
    """`Kendall's tau against the measured time: activations 0.71 (85 models), FLOPs 0.66 (85), parameters 0.52 (85).`"""
    ordered = sorted(found, key=lambda each: -each.tau)
    words = [
        f"{each.cost.name} {each.tau:.2f} ({len(each.points)}{' models' * (i == 0)})"
        for i, each in enumerate(ordered)
    ]
    return f"Kendall's tau against the measured time: {', '.join(words)}."
