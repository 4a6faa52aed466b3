"""A side's scores in the groups that are compared: one model version, data set, protocol and metric each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.comparing.config import Config
from bench.comparing.records import ScoreKey
from bench.comparing.sides import Side
from bench.metrics import METRICS

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
