"""Super-resolution scoring on a cluster: units of one model and some images, results into the one store here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.cluster.pool import Cluster, Died, Unit
from bench.cluster.worker import Item, Job, score_images
from bench.datasets import LoadedImage
from bench.errors import RunError
from bench.records import HR, ImageFile
from bench.roles import Made
from bench.scoring.engine import Keeper, Pool, Submit, Work, write_pictures
from bench.scoring.plan import ORIGINAL, Outcome, Plan, Subject
from bench.scoring.request import Request
from bench.scoring.rows import failure

LARGEST_UNIT = 16
UNITS_PER_WORKER = 4
WRITERS = 2


def in_cluster(cluster: Cluster, asked: Request) -> Pool:
    """For :func:`bench.scoring.engine.evaluate`: images go out by model, some at a time."""

    @contextmanager
    def pool(plan: Plan, keeper: Keeper) -> Iterator[Submit]:
        cluster.reporter = keeper.reporter
        with ThreadPoolExecutor(WRITERS, "write") as writers:
            sender = Sender(cluster, asked, plan, keeper, writers)
            with cluster.units(sender.keep) as submit:

                def send(image: ImageFile, loaded: LoadedImage, work: Work) -> None:
                    for unit in sender.add(image, loaded, work):
                        submit(unit)
                    sender.store()

                yield send
                for unit in sender.rest():
                    submit(unit)
            sender.store(all_of_them=True)

    return pool


@dataclass
class Sender:
    """One plan's images on their way out and back."""

    cluster: Cluster
    asked: Request
    plan: Plan
    keeper: Keeper
    writers: ThreadPoolExecutor
    _waiting: dict[str, list[Item]] = field(default_factory=dict)
    _left: Counter[str] = field(default_factory=Counter)
    _writing: list[tuple[ImageFile, Outcome, Future[OSError | None]]] = field(default_factory=list)

    @property
    def most(self) -> int:
        """Images of a unit: few enough that every worker has several units."""
        each = len(self.plan.dataset.images) // (UNITS_PER_WORKER * self.cluster.slots())
        return min(LARGEST_UNIT, max(1, each))

    def add(self, image: ImageFile, loaded: LoadedImage, work: Work) -> Iterator[Unit]:
        """The units that an image fills."""
        if not work:
            self.keeper.keep(image, Outcome())
            self.keeper.done(image)
            return
        sent = self.cluster.put(loaded)
        self._left[image.stem] = len(work)
        for number, (subject, metrics) in enumerate(work):
            item = Item(
                subject=subject.name,
                image=image,
                loaded=sent,
                lr=self._absolute(image),
                metrics=tuple(metric.entry.name for metric in metrics),
                first=number == 0,
            )
            items = self._waiting.setdefault(subject.name, [])
            items.append(item)
            if len(items) >= self.most:
                yield self._unit(subject.name)

    def rest(self) -> Iterator[Unit]:
        """What has not filled a unit."""
        for name in list(self._waiting):
            yield self._unit(name)

    def keep(self, item: Item, result: Outcome | Died) -> None:
        """Write what came of an image and a model; it is stored when its pictures are."""
        if isinstance(result, Died):
            error = RunError(result.reason)
            result = Outcome(failures=[failure(self.plan, item.image, item.subject, error)])
        self._writing.append((item.image, result, self.writers.submit(write_pictures, result)))
        self.store()

    def store(self, *, all_of_them: bool = False) -> None:
        """What was written."""
        while self._writing and (all_of_them or self._writing[0][-1].done()):
            image, outcome, written = self._writing.pop(0)
            self.keeper.keep(image, outcome, written.result())
            self._left[image.stem] -= 1
            if not self._left[image.stem]:
                del self._left[image.stem]
                self.keeper.done(image)

    def _absolute(self, image: ImageFile) -> Path | None:
        file = self.plan.lr_files.get(image.stem)
        return file.absolute() if file else None

    def _unit(self, name: str) -> Unit:
        return Unit(function=score_images, job=self._job(name), items=tuple(self._waiting.pop(name)))

    def _job(self, name: str) -> Job:
        subject = next(subject for subject in (*self.plan.subjects, ORIGINAL) if subject.name == name)
        data = replace(self.plan.dataset, images=())
        return Job(
            asked=replace(self.asked, datasets=(data,), models_named=True, metrics_named=True),
            protocol=self.plan.protocol,
            subject=name,
            subject_hash=subject.hash,
            metrics=tuple(metric.entry.name for metric in self.plan.metrics),
            device="cuda" if self.cluster.gpus else "cpu",
            folder=str(Path.cwd()),
            made=subject if _made(subject) else None,
        )


def _made(subject: Subject) -> bool:
    return subject.name != HR and isinstance(subject.upscaler, Made)
