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

from bench.devices import exact_float32
from bench.environment import environment
from bench.errors import UserError
from bench.quality.config import Config
from bench.quality.loading import load_metrics, load_model
from bench.quality.pipeline import score_image
from bench.quality.plan import ORIGINAL, ImageJob, LoadedMetric, Model, Outcome, Plan
from bench.records import HR, LR, ImageFile, SRProtocol

LOADED = 8
"""Models, each with its metrics, that a worker keeps."""


def node_facts(device: str) -> Mapping[str, Any]:
    """The node, described as the driver's machine is."""
    set_up_worker()
    return environment(device).facts


def set_up_worker(threads: int = 1) -> None:
    """Arithmetic as in the driver, on the cores that the unit has."""
    # a worker is a process of its own, with torch's defaults
    exact_float32()
    torch.set_num_threads(threads)


def working_directory(folder: str) -> chdir[str]:
    """In the driver's folder, where the node has it: relative paths start from there."""
    return chdir(folder if Path(folder).is_dir() else ".")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the images of a unit have in common.

    Attributes:
        config: as in the driver, without images.
        model: its name; `precomputed` is itself where it is a folder of images.
        model_hash: that it must have here too.
        folder: that relative paths start from.
    """

    # its mappings have no hash; equality compares it all the same
    config: Config = field(hash=False)
    protocol: SRProtocol
    model: str
    model_hash: str
    metrics: tuple[str, ...]
    device: str
    folder: str
    # `model_hash` stands for it: comparing would compare the names of a whole folder
    precomputed: Model | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One image of a unit.

    Attributes:
        model: its name.
        hr: reference to its pixels and hash.
        lr: its file where lr is given.
        metrics: that it misses.
        first: the images of hr and lr come with this one.
    """

    model: str
    image: ImageFile
    hr: Any
    lr: Path | None
    metrics: tuple[str, ...]
    first: bool


def score_images(job: Job, items: Sequence[Item]) -> list[Outcome]:
    """One model on each image of a unit; an outcome's files are arrays, which the driver writes.

    Raises:
        UserError: the model here is not the driver's, or lacks a file.
    """
    import ray

    set_up_worker()
    with working_directory(job.folder):
        plan, model, metrics = _loaded(job)
        found = []
        for item in items:
            pending = [(model, [metrics[name] for name in item.metrics])]
            # Ray resolves references that are arguments themselves, not those inside of them
            image = ImageJob(image=item.image, hr=ray.get(item.hr), pending=pending, lr_file=item.lr)
            outcome = score_image(plan, image)
            found.append(outcome if item.first else _without_sources(outcome))
    return found


def _without_sources(outcome: Outcome) -> Outcome:
    """hr and lr come with another model's outcome."""
    kept = [n for n, picture in enumerate(outcome.pictures) if picture.model not in {HR, LR}]
    return replace(
        outcome,
        pictures=[outcome.pictures[n] for n in kept],
        files=[outcome.files[n] for n in kept],
    )


@lru_cache(maxsize=LOADED)
def _loaded(job: Job) -> tuple[Plan, Model, dict[str, LoadedMetric]]:
    """
    Raises:
        UserError: the model here is not the driver's.
    """
    device = torch.device(job.device)
    # all of the plan, not of one item: the cache is by job
    metrics = list(load_metrics(job.metrics, device))
    if job.precomputed:  # a folder of images, whose files every node must see under the same path
        model = job.precomputed
    elif job.model == HR:
        model = ORIGINAL
    else:
        model = load_model(job.config, job.protocol, device, job.model)
    # a file under the same path may be another one on this node
    if model.hash != job.model_hash:
        raise UserError(
            f"the model {job.model} on {platform.node()} has other code or weights than the driver's; "
            "needs the same files on every node"
        )
    plan = Plan(
        dataset=job.config.datasets[0],
        protocol=job.protocol,
        models=[model],
        metrics=metrics,
        device=device,
        images=job.config.save_images,
        maps=job.config.maps,
    )
    return plan, model, {metric.entry.name: metric for metric in metrics}
