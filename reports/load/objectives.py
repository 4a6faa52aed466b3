"""What Figure 5, its table and its verdicts are made of: each style's objectives, size by size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.records import Curve, StyleProtocol, content_hash
from bench.styling.summary import Comparison, Crossover, Summary, comparisons
from reports.load.gather_styles import PAPER_STYLE, RELEASED
from reports.load.results import CONTENT, GATYS, SHORT, Results, StyleGroup, anchor

QUALITY_COMMAND = "python -m bench.style_quality --style la_muse"
STYLE_COMMAND = f"{QUALITY_COMMAND} --sizes 256 512 1024 --contents coco50"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A style at one size.

    Attributes:
        comparison: every subject on all of its contents.
        shared: on the contents alone that all subjects have; None where there are none.
        stopped: how many curves were skipped, because they end before most of their subject's do.
    """

    group: StyleGroup
    comparison: Comparison
    shared: Comparison | None
    stopped: int

    @property
    def size(self) -> int:
        """Side of the contents, in pixels."""
        return self.group.protocol.size

    @property
    def baseline(self) -> Summary | None:
        """The optimisation; None where it was not run."""
        return next(iter(self.comparison.baselines), None)

    def crossover(self, subject: str) -> Crossover | None:
        """Of a network by the optimisation."""
        return next((o for o in self.comparison.crossovers if o.subject == subject), None)


@dataclass(frozen=True, kw_only=True)
class Series:
    """One objective on one data set, whatever the size.

    Attributes:
        name: different from that of every other series; usable as an anchor.
        panels: by size.
    """

    name: str
    dataset: str
    protocol: StyleProtocol
    panels: tuple[Panel, ...]

    @property
    def contents(self) -> int:
        """The most that any subject has."""
        return max(s.n for panel in self.panels for s in panel.comparison.summaries)


def all_series(results: Results) -> tuple[Series, ...]:
    """The paper's style first, then those with more contents."""
    found: dict[tuple[str, str], list[StyleGroup]] = {}
    for group in results.styles:
        if group.purpose == "transfer" and group.curves:
            found.setdefault((group.dataset, rule(group.protocol)), []).append(group)
    made = [_series(own) for own in found.values()]
    ranked = sorted(made, key=lambda s: (s.protocol.style != PAPER_STYLE, -s.contents, s.name))
    return tuple(_named(ranked))


def rule(protocol: StyleProtocol) -> str:
    """Hash of all of the objective but the size of the contents, and what the style is called."""
    # Panels of one series differ in the size of the contents alone; the style is told by its file's hash.
    return content_hash({**protocol.definition, "size": 0})


def _series(groups: Sequence[StyleGroup]) -> Series:
    panels = tuple(_panel(group) for group in sorted(groups, key=lambda g: g.protocol.size))
    protocol = groups[0].protocol
    name = anchor(protocol.style.replace("_", "-"))
    return Series(name=name, dataset=groups[0].dataset, protocol=protocol, panels=panels)


def _named(ranked: Sequence[Series]) -> Iterator[Series]:
    """The second of a name, and further ones, say which data set and objective they are."""
    seen: set[str] = set()
    for series in ranked:
        digest = content_hash({"dataset": series.dataset, "rule": rule(series.protocol)})[:SHORT]
        yield replace(series, name=f"{series.name}-{digest}") if series.name in seen else series
        seen.add(series.name)


def _panel(group: StyleGroup) -> Panel:
    kept = [curve for curves in group.curves.values() for curve in _even(curves)]
    stored = sum(len(curves) for curves in group.curves.values())
    return Panel(
        group=group,
        comparison=_compared(kept),
        shared=_shared(kept),
        stopped=stored - len(kept),
    )


def _even(curves: Mapping[str, Curve]) -> list[Curve]:
    """Those that are not shorter than most."""
    lengths = Counter(len(curve.total) for curve in curves.values())
    usual = max(lengths, key=lambda length: (lengths[length], length))  # of equally many the longer
    return [curve for curve in curves.values() if len(curve.total) >= usual]


def _compared(curves: Iterable[Curve]) -> Comparison:
    (found,) = comparisons(curves)  # of one data set and protocol, so there is one
    return found


def _shared(curves: Sequence[Curve]) -> Comparison | None:
    subjects = {curve.subject for curve in curves}
    counts = Counter(curve.image for curve in curves)
    # A subject has one curve for each image.
    common = [curve for curve in curves if counts[curve.image] == len(subjects)]
    return _compared(common) if common else None


def is_ours(subject: str) -> bool:
    """Whether a subject is a network, and not one that the authors released."""
    return subject not in {CONTENT, GATYS} and not subject.startswith(RELEASED)


def networks(comparison: Comparison) -> tuple[Summary, ...]:
    """Those of the suite first, by name."""
    return tuple(sorted(comparison.networks, key=lambda s: (not is_ours(s.subject), s.subject)))


def same_machine(results: Results, group: StyleGroup, *subjects: str) -> bool:
    """Whether all of it was run on machines and versions that differ in nothing but the suite."""
    runs = [run for subject in subjects for run in group.provenance[subject].runs]
    facts: list[Mapping[str, Any]] = [results.environments.get(run.environment_hash, {}) for run in runs]
    # The suite's commit aside, as for speed: it does not make a machine another one.
    return len({content_hash({**own, "suite": None}) for own in facts}) < 2
