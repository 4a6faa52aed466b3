"""`bench.style_quality` on a cluster: units of one style, one size and some contents.

A long optimisation on a CPU depends in its last digits on the number of threads, so a unit has as many as this process
would use, or as the smallest node has cores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch

from bench.cli import Silent
from bench.cluster.pool import Cluster, Unit, WorkerLost
from bench.cluster.worker import set_up_worker, working_directory
from bench.data.styles import names, style_image
from bench.errors import RunError, UserError
from bench.registry import catalog
from bench.styling.config import Config
from bench.styling.engine import Engine, Pool, Submit, advance, make_batch
from bench.styling.loading import plans
from bench.styling.outcome import Outcome
from bench.styling.plan import Content, Item, Plan
from bench.styling.summary import CONTENT

LARGEST_UNIT = 8
UNITS_PER_WORKER = 4
LOADED = 4
"""Objectives, each with its networks, that a worker keeps."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the contents of a unit have in common.

    Attributes:
        config: as in the driver, of one style and size, with as many images as a unit has at most, without models.
        models: by their names or paths.
        hashes: of the protocol and of every subject, which must be the same here.
    """

    config: Config
    models: tuple[str, ...]
    hashes: tuple[tuple[str, str], ...]
    device: str
    folder: str
    threads: int


def in_cluster(cluster: Cluster, config: Config) -> Pool:
    """For :func:`bench.styling.engine.Engine.run`: contents go out, some at a time."""

    @contextmanager
    def pool(engine: Engine) -> Iterator[Submit]:
        cluster.reporter = engine.reporter
        plan = engine.plan
        threads = min(torch.get_num_threads(), cluster.cores_of_a_node())
        shares = UNITS_PER_WORKER * cluster.slots(threads)
        most = min(LARGEST_UNIT, max(1, len(plan.dataset.images) // shares))
        job = _job(config, plan, cluster, most, threads)
        waiting: list[Content] = []

        def keep(content: Content, result: Outcome | WorkerLost) -> None:
            if isinstance(result, WorkerLost):
                # what is lost is a content under all methods
                error, result = RunError(result.reason), Outcome()
                result.fail(plan, content.name, None, error)
            engine.keep(result)
            advance(plan, engine.reporter, content.name, plan.steps)

        with cluster.units(keep) as send:

            def do() -> None:
                # emptied in place: `submit` and the end of the block hold the same list
                items, waiting[:] = tuple(waiting), []
                send(Unit(function=measure_contents, job=job, items=items, cores=threads))

            def submit(content: Content) -> None:
                waiting.append(content)
                if len(waiting) == most:
                    do()

            yield submit
            if waiting:
                do()

    return pool


def _job(config: Config, plan: Plan, cluster: Cluster, most: int, threads: int) -> Job:
    style = next(style for style in config.style if style.sha256 == plan.protocols[0].style_sha256)
    subjects = {method.subject for method in plan.methods}
    return Job(
        config=replace(
            config,
            style=(replace(style, file=style.file.absolute()),),
            sizes=(plan.protocols[0].size,),
            # the plan of a node has batches no larger than its unit
            contents=replace(plan.dataset, images=plan.dataset.images[:most]),
            models=(),
            save_images=config.save_images and config.save_images.absolute(),
            models_named=True,
        ),
        models=tuple(entry.text for entry in config.models if entry.name in subjects),
        hashes=_hashes(plan),
        device="cuda" if cluster.gpus else "cpu",
        folder=str(Path.cwd()),
        threads=threads,
    )


def _hashes(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Of the objective and of every subject; the content's own is that of its file."""
    nothing = Item(name="", sha256="")
    own = {m.subject: m.hash(nothing) for m in plan.methods if m.subject != CONTENT}
    return (("the objective", plan.protocols[0].hash), *sorted(own.items()))


def measure_contents(job: Job, contents: Sequence[Content]) -> list[Outcome]:
    """Batches as they fit on this node's device. An outcome is a batch's: it comes with its first content."""
    set_up_worker(job.threads)
    with working_directory(job.folder):
        plan, found = _loaded(job), [Outcome() for _ in contents]
        for first in range(0, len(contents), plan.batch):
            (found[first],) = make_batch(plan, contents[first : first + plan.batch], Silent())
    return found


@lru_cache(maxsize=LOADED)
def _loaded(job: Job) -> Plan:
    """
    Raises:
        UserError: the objective or a network here is not the driver's.
    """
    models = tuple(catalog.stylizer_entry(name, images=True) for name in job.models)
    config = replace(job.config, models=models)
    (style,) = config.style
    # a named style may lie in another cache folder on this node
    if style.name in names() and not style.file.is_file():
        config = replace(config, style=(style_image(style.name),))
    silent = Silent()
    (plan,) = plans(config, torch.device(job.device), log=silent.note, warn=silent.note)
    # in the same order: sorted by name on both sides
    for (name, required), (_, here) in zip(job.hashes, _hashes(plan), strict=True):
        if here != required:
            raise UserError(f"{name} is not the same on a node as here; needs the same files on every node")
    return plan
