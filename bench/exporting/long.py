"""Long tables: a line for each value that results files hold, with all that it depends on and who measured it where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from bench.exporting.config import Config
from bench.storage.reader import ResultsData, StoredRun

RUN = ("program", "started", "contributor", "environment_hash", "cpu", "gpu", "torch", "suite_version")
SCORES = (
    *("dataset", "image", "image_sha256", "scale", "protocol", "protocol_hash", "model", "model_hash"),
    *("metric", "metric_version", "unit", "higher_is_better", "value"),
)
TIMINGS = ("subject", "subject_hash", "variant", "size", "protocol_hash", "repetition", "seconds")


def chosen_scores(contents: ResultsData, config: Config) -> pd.DataFrame:
    """Those of the models, data sets and metrics that are asked for."""
    scores = contents.scores
    for column, names in (
        ("model", [config.model] if config.model else None),
        ("dataset", config.datasets),
        ("metric", config.metrics),
    ):
        if names is not None:
            scores = scores[scores[column].isin(names)]
    return scores


def scores(contents: ResultsData, config: Config) -> pd.DataFrame:
    """A line for each image and metric."""
    return pd.DataFrame(_score_lines(contents, config), columns=[*SCORES, *RUN])


def _score_lines(contents: ResultsData, config: Config) -> Iterator[tuple[Any, ...]]:
    facts = _facts_of_runs(contents)
    for row in chosen_scores(contents, config).itertuples(index=False):
        metric = contents.metrics.get((row.metric, row.metric_version))
        about = (metric.unit, metric.higher_is_better) if metric else ("", None)
        # The last three are the metric's unit and direction, and the value.
        own = (getattr(row, name) for name in SCORES[:-3])
        yield (*own, *about, row.value, *facts[row.store, row.run])


def timings(contents: ResultsData, config: Config) -> pd.DataFrame:
    """A line for each repetition; none where scores of data sets or metrics are asked for."""
    wanted = config.datasets is None and config.metrics is None
    return pd.DataFrame(_time_lines(contents, config) if wanted else [], columns=[*TIMINGS, *RUN])


def _time_lines(contents: ResultsData, config: Config) -> Iterator[tuple[Any, ...]]:
    facts = _facts_of_runs(contents)
    for stored in contents.timings:
        result = stored.result
        if config.model in {None, result.subject}:
            own = (result.subject, result.subject_hash, result.variant, result.size, result.protocol_hash)
            for repetition, seconds in enumerate(result.seconds):
                yield (*own, repetition, seconds, *facts[stored.store, stored.run])


def _facts_of_runs(contents: ResultsData) -> Mapping[tuple[str, int], tuple[str, ...]]:
    return {
        key: (
            run.program,
            run.started,
            run.contributor,
            run.environment_hash,
            *machine(contents, run),
            str(_fact(contents, run, "suite", "version") or ""),
        )
        for key, run in contents.runs.items()
    }


def machine(contents: ResultsData, run: StoredRun) -> tuple[str, str, str]:
    """Processor, GPU (empty where none was used) and torch of a run."""
    keys = (("cpu", "model"), ("gpu", "name"), ("torch", "version"))
    cpu, gpu, torch = (str(_fact(contents, run, *key) or "") for key in keys)
    return cpu, gpu, torch


def _fact(contents: ResultsData, run: StoredRun, group: str, name: str) -> object:
    """Anybody may have written the file: what is no such fact is None."""
    found = contents.environments[run.environment_hash].facts.get(group)
    return found.get(name) if isinstance(found, dict) else None
