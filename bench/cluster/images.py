"""Super-resolution scoring on a cluster: units of one model and some images, results into the one store here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.cluster.pool import Cluster, Unit, WorkerLost
from bench.cluster.worker import Item, Job, score_images
from bench.errors import RunError
from bench.interfaces import PrecomputedImages
from bench.quality.config import Config
from bench.quality.engine import ResultWriter, save_images
from bench.quality.plan import ORIGINAL, ImageJob, Outcome, Plan

LARGEST_UNIT = 16  # what is lost, and done again, when a worker dies
UNITS_PER_WORKER = 4  # so that the last units end at nearly the same time
WRITERS = 2  # threads that compress and write pictures while the driver stores


def in_cluster(cluster: Cluster, config: Config, writer: ResultWriter, jobs: Iterable[ImageJob]) -> None:
    """As :func:`bench.quality.engine.in_threads`, on a cluster: images go out by model, some at a time.

    Raises:
        UserError, RunError: as :meth:`bench.cluster.pool.Cluster.units`, and as the writer raises them.
    """
    cluster.reporter = writer.reporter
    with ThreadPoolExecutor(WRITERS, "write") as threads:
        sender = BatchBuilder(cluster, config, writer, threads)
        with cluster.units(sender.keep) as submit:
            for job in jobs:
                for unit in sender.add(job):
                    submit(unit)
                sender.store()
            for unit in sender.rest():
                submit(unit)
        sender.store(all_of_them=True)


@dataclass
class BatchBuilder:
    """One plan's images on their way out and back."""

    cluster: Cluster
    config: Config
    writer: ResultWriter
    threads: ThreadPoolExecutor
    _jobs: dict[str, ImageJob] = field(default_factory=dict)
    _waiting: dict[str, list[Item]] = field(default_factory=dict)
    _left: Counter[str] = field(default_factory=Counter)
    _writing: list[tuple[ImageJob, Future[Outcome]]] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        """What is scored."""
        return self.writer.plan

    @property
    def most(self) -> int:
        """Images of a unit: few enough that every worker has several units."""
        # asked each time: a cluster grows and shrinks
        each = len(self.plan.dataset.images) // (UNITS_PER_WORKER * self.cluster.slots())
        return min(LARGEST_UNIT, max(1, each))

    def add(self, job: ImageJob) -> Iterator[Unit]:
        """The units that an image fills."""
        if not job.pending:
            self.writer.write(job, Outcome.of(self.plan, job))
            self.writer.finish(job)
            return
        self.writer.begin(job)
        # once, however many models take it
        sent = self.cluster.put(job.hr)
        self._jobs[job.image.stem] = replace(job, hr=None)  # its pixels are with the cluster now
        self._left[job.image.stem] = len(job.pending)
        for number, (model, metrics) in enumerate(job.pending):
            item = Item(
                model=model.name,
                image=job.image,
                hr=sent,
                lr=job.lr_file.absolute() if job.lr_file else None,
                metrics=tuple(metric.entry.name for metric in metrics),
                # hr and lr are written with one of the models' outcomes, not with each
                first=number == 0,
            )
            items = self._waiting.setdefault(model.name, [])
            items.append(item)
            if len(items) >= self.most:
                yield self._unit(model.name)

    def rest(self) -> Iterator[Unit]:
        """What has not filled a unit."""
        # a copy, since `_unit` takes each out
        for name in list(self._waiting):
            yield self._unit(name)

    def keep(self, item: Item, result: Outcome | WorkerLost) -> None:
        """Write what came of an image and a model; it is stored when its images are."""
        job = self._jobs[item.image.stem]
        if isinstance(result, WorkerLost):
            result = Outcome.of(self.plan, job).add_failure(RunError(result.reason), model=item.model)
        self._writing.append((job, self.threads.submit(save_images, result)))
        self.store()

    def store(self, *, all_of_them: bool = False) -> None:
        """What was written."""
        # in this thread, which the store belongs to; the oldest first, without waiting for it
        while self._writing and (all_of_them or self._writing[0][-1].done()):
            job, written = self._writing.pop(0)
            stem = job.image.stem
            self.writer.write(job, written.result())
            self._left[stem] -= 1
            if not self._left[stem]:
                del self._left[stem], self._jobs[stem]
                self.writer.finish(job)

    def _unit(self, name: str) -> Unit:
        return Unit(function=score_images, job=self._job(name), items=tuple(self._waiting.pop(name)))

    def _job(self, name: str) -> Job:
        model = next(model for model in (*self.plan.models, ORIGINAL) if model.name == name)
        # images come with the items: a list of 100,000 would travel with each unit
        data = replace(self.plan.dataset, images=())
        return Job(
            # named: what a node lacks must be an error there, and never a model that is skipped in silence
            config=replace(self.config, datasets=(data,), models_named=True, metrics_named=True, exports={}),
            protocol=self.plan.protocol,
            model=name,
            model_hash=model.hash,
            metrics=tuple(metric.entry.name for metric in self.plan.metrics),
            device="cuda" if self.cluster.gpus else "cpu",
            folder=str(Path.cwd()),
            precomputed=model if isinstance(model.upscaler, PrecomputedImages) else None,
        )
