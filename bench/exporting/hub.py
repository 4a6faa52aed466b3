"""What a model's page on the Hugging Face Hub takes: evaluation results as YAML, and a block for the model card."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.environment import suite_version
from bench.errors import UserError
from bench.exporting.config import Config
from bench.exporting.long import chosen_scores, machine
from bench.records import MetricInfo
from bench.storage.reader import ResultsData, StoredRun
from bench.tables import Table, columns, to_markdown
from bench.text import escape_control_chars

TASK = {"type": "image-to-image", "name": "Super-resolution"}
SHORT = 8


@dataclass(frozen=True, kw_only=True)
class Result:
    """The mean of a metric over a data set under one protocol, of the newest version of a model.

    Attributes:
        run: the newest of those that measured it.
        convention: by which `value` was measured on the protocol's images, in words; empty for the protocol's own.
        printed: whose published value it is, in words; empty for none.
    """

    dataset: str
    scale: int
    protocol: str
    protocol_hash: str
    metric: MetricInfo
    value: float
    n: int
    run: StoredRun
    about_machine: str
    convention: str = ""
    printed: str = ""

    @property
    def notes(self) -> str:
        """All that a reader needs to tell whether another number can be compared with it."""
        who = f" by {self.run.contributor}" if self.run.contributor else ""
        convention = f"{self.convention}, on the images of " if self.convention else ""
        printed = f"; published: {self.printed}" if self.printed else ""
        return escape_control_chars(
            f"{convention}protocol {self.protocol} (sha256 {self.protocol_hash}), x{self.scale}, mean of {self.n} images, "
            f"{self.metric.name} version {self.metric.version}; perceptual-bench {suite_version()}; "
            f"measured{who} on {self.about_machine}{printed}"
        )

    @property
    def stem(self) -> str:
        """Of its file: what is measured by another convention stands in a file of its own."""
        own = f"-{hashlib.sha256(self.convention.encode()).hexdigest()[:SHORT]}" if self.convention else ""
        name = f"{self.dataset}-x{self.scale}-{self.protocol}-{self.protocol_hash[:SHORT]}{own}"
        return re.sub(r"[^A-Za-z0-9.+-]+", "_", name).lstrip(".")


def results(contents: ResultsData, config: Config) -> list[Result]:
    """Every finite mean of the model, by data set, scale, protocol and metric.

    Raises:
        UserError: the results files hold none.
    """
    found = list(_results(contents, config))
    if not found:
        raise UserError(
            f"the results files have no score of model {config.model!r} in this selection; they have scores of: "
            f"{', '.join(sorted(map(str, contents.scores['model'].unique()))) or 'nothing'}"
        )
    return found


def _results(contents: ResultsData, config: Config) -> Iterator[Result]:
    scores = chosen_scores(contents, config)
    ages = {key: run.age for key, run in contents.runs.items()}
    key = ["dataset", "scale", "protocol", "protocol_hash", "metric"]
    for (dataset, scale, protocol, digest, metric), part in scores.groupby(key, observed=True):
        run_of = [(str(store), run) for store, run in zip(part["store"], part["run"], strict=True)]
        newest = max(run_of, key=lambda run: ages[run])
        last = part.iloc[run_of.index(newest)]
        # One version of the model and of the metric: a mean over several is a number of none.
        same = (part["model_hash"] == last["model_hash"]) & (part["metric_version"] == last["metric_version"])
        values = [float(value) for value in part[same]["value"]]
        mean = math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.inf
        info = contents.metrics.get((str(metric), str(last["metric_version"])))
        if info is None or not math.isfinite(mean):
            continue  # of an older file without the metric's description, or hr itself
        run = contents.runs[newest]
        cpu, gpu, torch = machine(contents, run)
        yield Result(
            dataset=str(dataset),
            scale=int(scale),
            protocol=str(protocol),
            protocol_hash=str(digest),
            metric=info,
            value=mean,
            n=len(values),
            run=run,
            about_machine=", ".join(
                [gpu or cpu or "an unknown machine", *([f"torch {torch}"] if torch else [])]
            ),
        )


def eval_results(found: Sequence[Result], config: Config) -> dict[str, str]:
    """The YAML of each data set, scale and protocol by the file's name; a metric is a task.

    Raises:
        UserError: a data set has no id on the Hub.
    """
    ids = dict(config.hub_dataset)
    if missing := [name for name in dict.fromkeys(each.dataset for each in found) if name not in ids]:
        raise UserError(
            f"data set {missing[0]!r} has no id on the Hub; needs --hub-dataset {missing[0]}=OWNER/NAME, or other "
            "--datasets"
        )
    files: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        files.setdefault(f"{each.stem}.yaml", []).append(
            {
                "dataset": {"id": ids[each.dataset], "task_id": f"{each.metric.name}-x{each.scale}"},
                "value": each.value,
                "date": each.run.started[:10],  # of an ISO 8601 stamp
                **({"source": source} if (source := _source(config)) else {}),
                "notes": each.notes,
            }
        )
    return {name: "\n".join(yaml(entries)) + "\n" for name, entries in files.items()}


def model_card(found: Sequence[Result], config: Config) -> str:
    """Front matter with the model-index, and a Markdown table, to be pasted into a model card."""
    ids = dict(config.hub_dataset)
    groups: dict[tuple[str, int, str, str], list[Result]] = {}
    for each in found:
        groups.setdefault((each.dataset, each.scale, each.protocol, each.protocol_hash), []).append(each)
    index = [
        {
            "task": TASK,
            "dataset": {
                "name": f"{dataset} x{scale}, protocol {protocol} ({digest[:SHORT]})",
                "type": ids.get(dataset, dataset),
            },
            "metrics": [
                {"type": each.metric.name, "name": _head(each.metric), "value": each.value} for each in group
            ],
            **({"source": source} if (source := _source(config)) else {}),
        }
        for (dataset, scale, protocol, digest), group in groups.items()
    ]
    front = "\n".join(yaml({"model-index": [{"name": config.model, "results": index}]}))
    rows = tuple(
        (
            f"{each.dataset} x{each.scale}",
            f"{each.protocol} ({each.protocol_hash[:SHORT]})",
            each.metric.name,
            f"{each.value:.{each.metric.decimals}f}",
            each.metric.unit,
            "higher" if each.metric.higher_is_better else "lower",
            str(each.n),
        )
        for each in found
    )
    machines = dict.fromkeys(each.about_machine for each in found)
    table = Table(
        title="Evaluation results",
        columns=columns(
            ("data set", "protocol", "metric", "value", "unit", "better", "images"), left=(0, 1, 2)
        ),
        rows=rows,
        notes=(f"perceptual-bench {suite_version()}; {'; '.join(machines)}",),
    )
    return f"---\n{front}\n---\n\n{to_markdown([table])}"


def _source(config: Config) -> Mapping[str, str]:
    source = {"url": config.source_url or "", "name": config.source_name or ""}
    return {key: value for key, value in source.items() if value}


def _head(metric: MetricInfo) -> str:
    return f"{metric.name} ({metric.unit})" if metric.unit else metric.name


def yaml(value: object, indent: str = "") -> Iterator[str]:
    """The lines of a mapping or sequence in YAML 1.2; texts are double-quoted, as JSON has them."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(each, Mapping | list):
                yield f"{indent}{key}:"
                yield from yaml(each, f"{indent}  ")
            else:
                yield f"{indent}{key}: {_scalar(each)}"
    elif isinstance(value, list):
        for each in value:
            first, *rest = yaml(each, f"{indent}  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest


def _scalar(value: object) -> str:
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) else f"{value:.12f}"  # YAML 1.1 takes 1e-05 for a text
    return json.dumps(
        value if isinstance(value, int) else escape_control_chars(str(value)), ensure_ascii=False
    )
