"""Results with values typed by hand, for tests of what is made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.metrics import info
from bench.protocols import protocol
from bench.records import Environment, SpeedResult, SRProtocol
from bench.storage.reader import StoredRun
from bench.timing.records import SpeedProtocol
from reports.load.results import Group, Provenance, Results
from tests.stores import MACHINE, speed_result

RUN = StoredRun(
    store="results.db",
    id=1,
    program="sr_quality",
    command=("set5",),
    started="2026-01-01T00:00:00+00:00",
    finished=None,
    environment_hash="e",
)
Values = Mapping[tuple[str, str], Sequence[float | None]]


def provenance(name: str) -> Provenance:
    return Provenance(
        id=f"c-{name}",
        subject=name,
        subject_hash="s",
        protocol="johnson2016",
        protocol_hash="p",
        definition={},
        environment_hash="e",
        runs=(RUN,),
        extra={},
    )


def group(
    values: Values,
    *,
    dataset: str = "set5",
    scale: int = 4,
    rule: SRProtocol | None = None,
    images: Sequence[str] = ("baby", "bird", "butterfly", "head", "woman"),
) -> Group:
    """A group of (model, metric) -> a value for each image; None for none."""
    used = rule or protocol("johnson2016", scale)
    columns = pd.MultiIndex.from_tuples(list(values), names=["model", "metric"])
    rows = list(zip(*values.values(), strict=True))
    frame = pd.DataFrame(rows, index=pd.Index(images, name="image"), columns=columns, dtype=float)
    metrics = dict.fromkeys(metric for _, metric in values)
    return Group(
        id=f"{dataset}-x{scale}-{used.hash[:8]}",
        dataset=dataset,
        protocol=used,
        models=tuple(dict.fromkeys(model for model, _ in values)),
        images=tuple(images),
        metrics=tuple(info(metric) for metric in metrics),
        values=frame,
        provenance={(model, metric): provenance(f"{model}-{metric}") for model, metric in values},
        pictures={},
        lost_images=0,
    )


def results(*groups: Group, timings: Sequence[SpeedResult] = ()) -> Results:
    timed = tuple((timing, provenance(f"{timing.subject}-{timing.size}")) for timing in timings)
    return Results(
        stores=("results.db",), groups=groups, timings=timed, environments={"e": MACHINE}, notes=()
    )


def timing(
    subject: str,
    size: int,
    seconds: Sequence[float],
    *,
    machine: Mapping[str, Any] = MACHINE,
    variant: str = "eager",
    whole_run: bool = False,
    form: Mapping[str, Any] | None = None,
    threads: int = 2,
) -> SpeedResult:
    """What `bench.speed` stores of repetitions that took these times."""
    rule = SpeedProtocol(size=size, threads=threads)
    if subject == "gatys":
        rule = replace(rule, timed_region=("iteration",))
    environment = Environment(facts=machine)
    facts = {"whole_run": whole_run, "share_of_peak": 0.5, **({"form": dict(form)} if form else {})}
    made = speed_result(subject, rule, seconds, size=size, variant=variant, environment=environment, **facts)
    return replace(made, environment_hash="e")
