"""From curves to Figure 5: means over contents, and where the optimisation overtakes a network; no torch.

Raw values are stored; what is here is computed on reading, by whoever prints or draws it.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from safetensors import safe_open

from bench.data import shipped
from bench.records import Curve
from bench.registry.stylizers import STYLIZERS

CONTENT, BASELINE = "content", "gatys"
PAPER_PIXELS = 40_000 * 4 * 256**2  # of the paper's training, section 4.1: steps, images each, pixels
TERMS = ("total", "content", "style", "tv")
MARKS = (20, 50, 100, 200, 300, 500)
"""Iterations of the baseline that are printed, as far as they were run."""


def marks(iterations: int) -> tuple[int, ...]:
    """Those of :data:`MARKS` that a run of so many iterations comes to, and its end."""
    return tuple(sorted({*(mark for mark in MARKS if mark <= iterations), iterations}))


def after(iterations: int) -> str:
    """What the baseline's image after so many iterations is called."""
    return f"{BASELINE}, {iterations} iterations"


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Mean over contents and their standard deviation (n - 1); `sd` is None of a single content."""

    mean: float
    sd: float | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What one subject makes of the contents of a data set under one protocol.

    Attributes:
        subject_hash: as its curves have it; empty for `content`, where each has its own.
        curves: one per content, by its name, all as long as the shortest that was stored.
    """

    dataset: str
    protocol_hash: str
    subject: str
    subject_hash: str
    curves: tuple[Curve, ...]

    @property
    def n(self) -> int:
        """Number of contents."""
        return len(self.curves)

    @property
    def iterations(self) -> int:
        """That each curve has; 0 for what does not iterate."""
        return len(self.curves[0].total) - 1

    def at(self, iteration: int = -1, term: str = "total") -> Moments:
        """Of one of :data:`TERMS` after so many iterations; -1 for the last."""
        return moments([curve.terms[term][iteration] for curve in self.curves])

    def course(self, term: str = "total") -> tuple[Moments, ...]:
        """:meth:`at` after 0, 1, ... iterations: a line of Figure 5 and the band around it."""
        return tuple(self.at(iteration, term) for iteration in range(self.iterations + 1))

    @property
    def seconds(self) -> float:
        """Median over contents, each from the content to its last image."""
        return statistics.median(curve.seconds for curve in self.curves)

    @property
    def seconds_per_iteration(self) -> float | None:
        """None for what does not iterate."""
        return self.seconds / self.iterations if self.iterations else None

    def among(self, contents: set[tuple[str, str]]) -> Summary | None:
        """Of these contents (name and SHA-256) alone; None where it has none of them."""
        kept = tuple(curve for curve in self.curves if content_of(curve) in contents)
        return replace(self, curves=kept) if kept else None


@dataclass(frozen=True, kw_only=True)
class Crossover:
    """Where the optimisation becomes as good as a network, over the contents that both were measured on.

    Attributes:
        iterations: that the optimisation was run for.
        crossings: by content: see :func:`crossing`.
        of_mean: crossing of the mean curve with the network's mean; None where there is none.
        seconds: the network's own for one content, the median.
        seconds_per_iteration: of the optimisation for one content, the median.
    """

    dataset: str
    protocol_hash: str
    subject: str
    subject_hash: str
    baseline_hash: str
    iterations: int
    crossings: Mapping[str, float | None]
    of_mean: float | None
    seconds: float
    seconds_per_iteration: float

    @property
    def median(self) -> float | None:
        """Of the crossings; None where at least half of the contents have none within `iterations`."""
        # No crossing is one later than all others.
        found = statistics.median(math.inf if c is None else c for c in self.crossings.values())
        return found if math.isfinite(found) else None

    @property
    def seconds_to_match(self) -> float | None:
        """Time to equal loss: the median crossing times the seconds of an iteration."""
        return None if self.median is None else self.median * self.seconds_per_iteration

    @property
    def times_faster(self) -> float | None:
        """Time to equal loss over the network's own."""
        return quotient(self.seconds_to_match, self.seconds)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that is known of a data set under one protocol: one panel of Figure 5.

    Attributes:
        content: the contents themselves; None where they were not measured.
        networks: every subject but the contents and the optimisation.
        baselines: the optimisation, once for each of its settings.
        crossovers: of each network by each of the baselines.
    """

    dataset: str
    protocol_hash: str
    content: Summary | None
    networks: tuple[Summary, ...]
    baselines: tuple[Summary, ...]
    crossovers: tuple[Crossover, ...]

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """All: the contents, the networks, the optimisation."""
        return (*([] if self.content is None else [self.content]), *self.networks, *self.baselines)

    def below_content(self, summary: Summary, iteration: int = -1) -> float | None:
        """The contents' mean objective over the subject's, on the contents that have both; None where it has none."""
        own, theirs = shared(summary, self.content) if self.content else (None, None)
        return quotient(theirs.at().mean, own.at(iteration).mean) if own and theirs else None


def crossing(curve: Sequence[float], level: float) -> float | None:
    """The iteration at which a curve is first at or below a level, between two by linear interpolation.

    Args:
        curve: values after 0, 1, ... iterations.

    Returns:
        0 where it starts there; None where it never gets there.
    """
    for iteration, value in enumerate(curve):
        if value <= level:
            before = curve[iteration - 1] if iteration else value
            # Down from infinity there is no line to interpolate on.
            if iteration == 0 or not math.isfinite(before):
                return float(iteration)
            return iteration - 1 + (before - level) / (before - value)
    return None


def shortened(curve: Curve, iterations: int) -> Curve:
    """The first iterations of a curve, with their share of its seconds; itself where it has no more."""
    had = len(curve.total) - 1
    if had <= iterations:
        return curve
    terms = {name: values[: iterations + 1] for name, values in curve.terms.items()}
    return replace(curve, terms=terms, seconds=curve.seconds * iterations / had)


def summaries(curves: Iterable[Curve], *, iterations: int | None = None) -> tuple[Summary, ...]:
    """One for each data set, protocol, subject and subject's hash, in the order of their first curves.

    Curves of one subject are cut to the shortest of them. Of a content that a subject has twice, the later counts.

    Args:
        iterations: at most; None for as many as there are.
    """
    groups: dict[tuple[str, str, str, str], dict[tuple[str, str], Curve]] = {}
    for curve in curves:
        subject_hash = "" if curve.subject == CONTENT else curve.subject_hash
        key = (curve.dataset, curve.protocol_hash, curve.subject, subject_hash)
        groups.setdefault(key, {})[content_of(curve)] = curve
    return tuple(
        Summary(
            dataset=dataset,
            protocol_hash=protocol_hash,
            subject=subject,
            subject_hash=subject_hash,
            curves=_of_one_length([by_content[content] for content in sorted(by_content)], iterations),
        )
        for (dataset, protocol_hash, subject, subject_hash), by_content in groups.items()
    )


def comparisons(curves: Iterable[Curve], *, iterations: int | None = None) -> tuple[Comparison, ...]:
    """:func:`summaries` by data set and protocol, in the order of their first curves."""
    groups: dict[tuple[str, str], list[Summary]] = {}
    for summary in summaries(curves, iterations=iterations):
        groups.setdefault((summary.dataset, summary.protocol_hash), []).append(summary)
    return tuple(_comparison(dataset, protocol, group) for (dataset, protocol), group in groups.items())


def crossover(network: Summary, baseline: Summary) -> Crossover | None:
    """Where the optimisation overtakes a network; None where no content has both, or no iteration was done."""
    # A mean over other contents would say nothing of the method.
    own, theirs = shared(network, baseline)
    if own is None or theirs is None or theirs.seconds_per_iteration is None:
        return None
    pairs = zip(own.curves, theirs.curves, strict=True)
    return Crossover(
        dataset=network.dataset,
        protocol_hash=network.protocol_hash,
        subject=network.subject,
        subject_hash=network.subject_hash,
        baseline_hash=baseline.subject_hash,
        iterations=theirs.iterations,
        crossings={a.image: crossing(b.total, a.total[-1]) for a, b in pairs},
        of_mean=crossing([moment.mean for moment in theirs.course()], own.at().mean),
        seconds=own.seconds,
        seconds_per_iteration=theirs.seconds_per_iteration,
    )


def shared(a: Summary, b: Summary) -> tuple[Summary | None, Summary | None]:
    """Both, of the contents alone that both have."""
    contents = {content_of(curve) for curve in a.curves} & {content_of(curve) for curve in b.curves}
    return a.among(contents), b.among(contents)


def content_of(curve: Curve) -> tuple[str, str]:
    """Which content it is of: name and SHA-256."""
    return curve.image, curve.image_sha256


def moments(values: Sequence[float]) -> Moments:
    """Of at least one value."""
    n = len(values)
    # fsum: the same mean in whatever order the contents come.
    mean = math.fsum(values) / n
    squares = math.fsum((value - mean) ** 2 for value in values)
    return Moments(mean=mean, sd=math.sqrt(squares / (n - 1)) if n > 1 else None)


def quotient(a: float | None, b: float) -> float | None:
    """None where there is none."""
    return None if a is None or b == 0 else a / b


def _of_one_length(curves: Sequence[Curve], iterations: int | None) -> tuple[Curve, ...]:
    shortest = min(len(curve.total) - 1 for curve in curves)
    least = shortest if iterations is None else min(iterations, shortest)
    return tuple(shortened(curve, least) for curve in curves)


def _comparison(dataset: str, protocol_hash: str, group: Sequence[Summary]) -> Comparison:
    networks = tuple(s for s in group if s.subject not in {CONTENT, BASELINE})
    baselines = tuple(s for s in group if s.subject == BASELINE)
    pairs = (crossover(network, baseline) for network in networks for baseline in baselines)
    return Comparison(
        dataset=dataset,
        protocol_hash=protocol_hash,
        content=next((s for s in group if s.subject == CONTENT), None),
        networks=networks,
        baselines=baselines,
        crossovers=tuple(found for found in pairs if found is not None),
    )


def share_of_the_papers_training(name: str, digest: str) -> float | None:
    """Of the pixels that the paper's networks saw, the share that a style network of the suite saw in its last run.

    Returns:
        None for every other network: nothing is known of its training.
    """
    entry = STYLIZERS.get(name)
    if entry is None or not entry.weights or not shipped.is_shipped(entry.weights) or entry.hash(1) != digest:
        return None
    # NumPy: only metadata are read, and no torch is loaded.
    with safe_open(shipped.path(entry.weights), framework="np") as file:
        metadata = file.metadata()
    recipe = json.loads(metadata["recipe"])
    return recipe["iterations"] * recipe["batch"] * recipe["patch"] ** 2 / PAPER_PIXELS
