"""What runs on a cluster's nodes: a model is loaded once in each worker process, images come with the work."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from bench.datasets import LoadedImage
from bench.environment import environment
from bench.errors import UserError
from bench.gpu import exact_float32
from bench.records import HR, LR, ImageFile, SRProtocol
from bench.scoring import session
from bench.scoring.engine import score_any
from bench.scoring.plan import ORIGINAL, LoadedMetric, Outcome, Plan, Subject

LOADED = 8
"""Models, each with its metrics, that a worker keeps."""


def node_facts(device: str) -> Mapping[str, Any]:
    """The node, described as the driver's machine is."""
    ready()
    return environment(device).facts


def ready(threads: int = 1) -> None:
    """Arithmetic as in the driver, on the cores that the unit has."""
    exact_float32()
    torch.set_num_threads(threads)


def there(folder: str) -> chdir[str]:
    """In the driver's folder, where the node has it: relative paths start from there."""
    return chdir(folder if Path(folder).is_dir() else ".")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the images of a unit have in common.

    Attributes:
        asked: as in the driver, without images.
        subject: name of the model; `made` is itself where it is a folder of images.
        subject_hash: that it must have here too.
        folder: that relative paths start from.
    """

    asked: session.Request
    protocol: SRProtocol
    subject: str
    subject_hash: str
    metrics: tuple[str, ...]
    device: str
    folder: str
    made: Subject | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One image of a unit.

    Attributes:
        subject: name of the model.
        loaded: reference to its pixels.
        lr: its file where lr is given.
        metrics: that it lacks.
        first: the pictures of hr and lr come with this one.
    """

    subject: str
    image: ImageFile
    loaded: Any
    lr: Path | None
    metrics: tuple[str, ...]
    first: bool


def score_images(job: Job, items: Sequence[Item]) -> list[Outcome]:
    """One model on each image of a unit; an outcome's files are arrays, which the driver writes."""
    import ray

    ready()
    with there(job.folder):
        plan, subject, metrics = _loaded(job)
        return [_score(job, plan, subject, metrics, item, ray.get(item.loaded)) for item in items]


def _score(
    job: Job,
    plan: Plan,
    subject: Subject,
    metrics: Mapping[str, LoadedMetric],
    item: Item,
    loaded: LoadedImage,
) -> Outcome:
    given = replace(plan, lr_files={item.image.stem: item.lr} if item.lr else {})
    outcome = score_any(given, item.image, loaded, [(subject, [metrics[name] for name in item.metrics])])
    return outcome if item.first else _without_sources(outcome)


def _without_sources(outcome: Outcome) -> Outcome:
    """hr and lr come with another model's outcome."""
    kept = [n for n, picture in enumerate(outcome.pictures) if picture.model not in {HR, LR}]
    return replace(
        outcome,
        pictures=[outcome.pictures[n] for n in kept],
        files=[outcome.files[n] for n in kept],
    )


@lru_cache(maxsize=LOADED)
def _loaded(job: Job) -> tuple[Plan, Subject, dict[str, LoadedMetric]]:
    """
    Raises:
        UserError: the model here is not the driver's.
    """
    device = torch.device(job.device)
    metrics = session.loaded_metrics(replace(job.asked, metrics=job.metrics), device)
    subject = _there(job.made, device) if job.made else _named(job, device)
    if subject.hash != job.subject_hash:
        raise UserError(
            f"the model {job.subject} on {platform.node()} has other code or weights than the one that was asked for; "
            "required the same files on every node"
        )
    plan = Plan(
        dataset=job.asked.datasets[0],
        protocol=job.protocol,
        subjects=[subject],
        metrics=metrics,
        device=device,
        pictures=job.asked.pictures,
    )
    return plan, subject, {metric.entry.name: metric for metric in metrics}


def _named(job: Job, device: torch.device) -> Subject:
    if job.subject == HR:
        return ORIGINAL
    return session.loaded_subject(job.asked, job.protocol, device, job.subject)


def _there(made: Subject, device: torch.device) -> Subject:
    """A folder of images, whose files every node must see under the same path."""
    return replace(made, upscaler=replace(made.upscaler, device=device))  # type: ignore[type-var]
