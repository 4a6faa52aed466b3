"""Scores of A and B, image by image, in groups: one model version, data set, protocol and metric each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.comparing.config import Config
from bench.comparing.facts import describe, differing
from bench.comparing.records import ComparedResults, Effect, ScoreKey, Skipped, Unmatched
from bench.comparing.sides import Side
from bench.metrics import METRICS, info
from bench.records import MetricInfo
from bench.statistics import differences, mean, paired_interval, signed_rank

Image = tuple[str, str]


def compare_scores(a: Side, b: Side, config: Config) -> ComparedResults:
    """Everything that both sides scored under the same protocol with the same version of a metric."""
    left, right = groups(a, config), groups(b, config)
    common = in_order([key for key in left if key in right])
    outcomes = [_effect(left[key], right[key], a, b, config) for key in common]
    effects = tuple(outcome for outcome in outcomes if isinstance(outcome, Effect))
    left_out = tuple(outcome for outcome in outcomes if isinstance(outcome, Skipped))
    used = [(left[key].rows, right[key].rows) for key in common]
    return ComparedResults(
        effects=effects,
        left_out=(*left_out, *unpaired(left, right, a, b)),
        notes=(*several_versions(a), *several_versions(b), *_machines(used, a, b)),
    )


def _effect(left: Group, right: Group, a: Side, b: Side, config: Config) -> Effect | Skipped:
    """The two groups compared, or why they cannot be."""
    what = left.key.text
    version = common_version(left.rows, right.rows)
    if version is None:
        versions = (_versions(left.rows), _versions(right.rows))
        named = " and ".join(", ".join(each) for each in versions)
        return Skipped(
            what=what,
            reason=f"different versions of the metric: {named}",
            fields={"metric_version": versions},
        )
    metric = metric_info(left.key.metric, version, a, b)
    if metric is None:
        return Skipped(
            what=what,
            reason=f"neither file says whether higher is better in version {version} of {left.key.metric}",
        )
    values = _values(left.rows, version), _values(right.rows, version)
    unmatched, common = match(*values)
    if not common:
        return Skipped(what=what, reason=f"no image in common: {_counts(unmatched)}")
    # In the order of the images' names: the bootstrap draws by position, so another order is another interval.
    pairs = [values[0][image] for image in common], [values[1][image] for image in common]
    return _paired(left.key, metric, pairs, unmatched, config)


def _paired(
    key: ScoreKey,
    metric: MetricInfo,
    pairs: tuple[list[float], list[float]],
    unmatched: Unmatched,
    config: Config,
) -> Effect:
    change, tolerance = differences(*pairs), config.tolerance_of(key.metric)
    return Effect(
        key=key,
        metric=metric,
        a=mean(pairs[0]),
        b=mean(pairs[1]),
        difference=mean(change),
        interval=paired_interval(change, confidence=config.confidence),
        test=signed_rank(change),
        n=(len(change), len(change)),
        tolerance=tolerance,
        unchanged=all(abs(value) <= tolerance for value in change),
        unmatched=unmatched,
    )


def common_version(a: pd.DataFrame, b: pd.DataFrame) -> str | None:
    """Of the metric's versions that both have, the one that B used last."""
    known = set(a["metric_version"])
    last = b.groupby("metric_version", observed=True)["run"].max()
    shared = [(int(run), str(version)) for version, run in last.items() if version in known]
    return max(shared)[1] if shared else None


def _versions(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(sorted(set(rows["metric_version"])))


def metric_info(name: str, version: str, a: Side, b: Side) -> MetricInfo | None:
    """As a file has it, else as the table of metrics has it for that version; None where neither knows it."""
    # B first, as for the version: what it says is the newer.
    for contents in (b.contents, a.contents):
        if (name, version) in contents.metrics:
            return contents.metrics[name, version]
    # An old file describes no metrics; the table of today holds for its own version alone.
    return info(name) if name in METRICS and METRICS[name].version == version else None


def _values(rows: pd.DataFrame, version: str) -> dict[Image, float]:
    """By name and content of the image."""
    chosen = rows[rows["metric_version"] == version]
    images = zip(chosen["image"], chosen["image_sha256"], strict=True)
    return dict(zip(images, chosen["value"].astype(float), strict=True))


def match(a: Collection[Image], b: Collection[Image]) -> tuple[Unmatched, list[Image]]:
    """Images (name, hash) of one side alone, and those that both have, sorted."""
    common = set(a) & set(b)
    only_a, only_b = ({name for name, _ in set(side) - common} for side in (a, b))
    changed = only_a & only_b
    return Unmatched(
        only_a=tuple(sorted(only_a - changed)),
        only_b=tuple(sorted(only_b - changed)),
        changed=tuple(sorted(changed)),
    ), sorted(common)


def _counts(unmatched: Unmatched) -> str:
    return (
        f"{len(unmatched.only_a)} only in A, {len(unmatched.only_b)} only in B, "
        f"{len(unmatched.changed)} of the same name with other content"
    )


def unpaired(left: Groups, right: Groups, a: Side, b: Side) -> Iterator[Skipped]:
    """What one side lacks; where it has the same under another protocol, the fields that differ."""
    under = {name: _by_cell(groups) for name, groups in (("A", left), ("B", right))}
    common = {group.cell for key, group in left.items() if key in right}
    clashing = (under["A"].keys() & under["B"].keys()) - common
    for cell, keys in under["A"].items():
        if cell in clashing:
            yield _different_protocols(keys, under["B"][cell], a, b)
    for name, mine, other in (("A", left, right), ("B", right, left)):
        for key, group in mine.items():
            if key not in other and group.cell not in clashing:
                yield Skipped(what=group.key.text, reason=f"only {name} has it")


def _by_cell(found: Groups) -> dict[tuple[str, int, str, str], list[ScoreKey]]:
    cells: dict[tuple[str, int, str, str], list[ScoreKey]] = {}
    for group in found.values():
        cells.setdefault(group.cell, []).append(group.key)
    return cells


def _different_protocols(left: list[ScoreKey], right: list[ScoreKey], a: Side, b: Side) -> Skipped:
    fields = differing(
        [a.contents.protocols[key.protocol_hash].definition for key in left],
        [b.contents.protocols[key.protocol_hash].definition for key in right],
    )
    named = " and ".join(
        " or ".join(f"{key.protocol} ({key.protocol_hash[:8]})" for key in keys) for keys in (left, right)
    )
    key = left[0]
    what = " ".join(part for part in (f"{key.dataset} x{key.scale}", key.model, key.metric) if part)
    return Skipped(what=what, reason=f"different protocols: {named}: {describe(fields)}", fields=fields)


def _machines(used: list[tuple[pd.DataFrame, pd.DataFrame]], a: Side, b: Side) -> Iterator[str]:
    """A note where the scores compared were made on different machines; they do not depend on it beyond rounding."""
    facts = []
    for side, frames in ((a, [x for x, _ in used]), (b, [y for _, y in used])):
        numbers = {number for frame in frames for number in frame["run"].unique()}
        facts.append(_environments(side, numbers))
    fields = differing(*facts)
    if fields:
        yield (
            "scores were made on different machines or versions, which they depend on by rounding alone: "
            f"{describe(fields)}"
        )


def _environments(side: Side, numbers: Collection[Any]) -> list[Mapping[str, Any]]:
    runs = side.contents.runs
    hashes = {runs[str(side.reading.store), int(number)].environment_hash for number in numbers}
    return [side.contents.environments[digest].facts for digest in sorted(hashes)]


# With the data set, since the hash of a folder of images is that of its images, which differ by data set.
VERSION = ["model", "protocol_hash", "dataset"]
MATCHED = ["dataset", "protocol_hash", "model", "metric"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """One side's rows for one key."""

    key: ScoreKey
    rows: pd.DataFrame

    @property
    def cell(self) -> tuple[str, int, str, str]:
        """What is matched, but for the protocol."""
        return self.key.dataset, self.key.scale, self.key.model, self.key.metric


Key = tuple[str, ...]
Groups = Mapping[Key, Group]


def in_order(keys: Sequence[Key]) -> list[Key]:
    """By data set, protocol and model as they come, then by metric as in the table of metrics."""
    place = {cell: i for i, cell in enumerate(dict.fromkeys(key[:-1] for key in keys))}
    metrics = {name: i for i, name in enumerate(METRICS)}
    return sorted(keys, key=lambda key: (place[key[:-1]], metrics.get(key[-1], len(metrics))))


def groups(side: Side, config: Config) -> Groups:
    """The side's rows that were asked for, of the newest version of each model, by what is matched."""
    chosen = newest(side.scores)
    for column, names in (("metric", config.metrics), ("dataset", config.datasets)):
        if names is not None:
            chosen = chosen[chosen[column].isin(names)]
    return {
        tuple(map(str, key)): Group(key=_key(rows), rows=rows)
        for key, rows in chosen.groupby(MATCHED, observed=True, sort=False)
    }


def newest(scores: pd.DataFrame) -> pd.DataFrame:
    """Of a model's versions of code or weights on a data set under one protocol, the rows of the one that ran last."""
    if scores.empty:
        return scores
    # Numbers of runs grow in a file, and a side is of one file; clocks are not asked.
    last = scores.loc[scores.groupby(VERSION, observed=True)["run"].idxmax(), [*VERSION, "model_hash"]]
    return scores.merge(last, on=[*VERSION, "model_hash"])


def several_versions(side: Side) -> Iterator[str]:
    """A note for each model that the side holds in several versions."""
    for _, rows in side.scores.groupby(VERSION, observed=True, sort=False):
        count, first = rows["model_hash"].nunique(), rows.iloc[0]
        if count > 1:
            model = side.reading.model or first["model"]
            yield (
                f"{side.name} holds {count} versions of the code or weights of {model} on {first['dataset']} under "
                f"{first['protocol']} x{first['scale']}; the newest, of run {rows['run'].max()}, is compared"
            )


def _key(rows: pd.DataFrame) -> ScoreKey:
    first = rows.iloc[0]
    return ScoreKey(
        dataset=first["dataset"],
        scale=int(first["scale"]),
        protocol=first["protocol"],
        protocol_hash=first["protocol_hash"],
        model=first["model"],
        metric=first["metric"],
    )
