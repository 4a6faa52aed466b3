"""The engine of rescoring: page after page of stored pictures through :mod:`bench.rescoring.measure`, into the store.

Each image is read, checked and measured in one thread and stored in one transaction, as many at a time as
:mod:`bench.scoring.engine` scores; memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor

from bench.cli import Reporter
from bench.parallel import in_parallel
from bench.printable import printable
from bench.records import HR, Dataset, ImageFile, Picture, untiled_hash
from bench.rescoring.measure import Lacking, Stored, Unit, measure
from bench.rescoring.request import Part
from bench.scoring.plan import LoadedMetric, Outcome, Plan, Subject
from bench.scoring.stored import unmeasured
from bench.store import Store

PAGE = 64
"""Images whose rows are held at a time."""


class NotRun:
    """In the place of a network, which is not needed any more."""

    def image(self, stem: str) -> Float[Tensor, "1 c h w"]:
        """A picture is read where it is measured, not here."""
        raise ValueError(f"no network is run for {stem}")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A part of a results file and what it is rescored with.

    Attributes:
        force: measure again what the store has already.
        trust: take pictures without a hash of their pixels as they are.
    """

    part: Part
    plan: Plan
    trust: bool

    @staticmethod
    def of(
        part: Part, metrics: Sequence[LoadedMetric], device: torch.device, *, force: bool, trust: bool
    ) -> Task:
        """A part with its plan; the metrics are those that can measure under its protocol."""
        plan = Plan(
            dataset=Dataset(name=part.dataset, images=(), source="pictures of a results file"),
            protocol=part.protocol,
            subjects=[
                Subject(name=name, hash=digest, upscaler=NotRun(), variants=True)
                for name, digest in part.models
            ],
            metrics=metrics,
            device=device,
            force=force,
        )
        return Task(part=part, plan=plan, trust=trust)


def rescore(task: Task, store: Store, run: int, reporter: Reporter) -> dict[str, str]:
    """Measure what the store does not have yet; each image is stored as soon as it is measured.

    Returns:
        SHA-256 of each image's file by stem: what the stored scores must belong to.

    Raises:
        StoreError: the store cannot be used.
    """
    hashes: dict[str, str] = {}
    title = f"{task.part.dataset} x{task.part.protocol.scale}"

    def keep(unit: Unit, outcome: Outcome) -> None:
        store.add(run, scores=outcome.scores, failures=outcome.failures)
        for failure in outcome.failures:
            who = f" ({failure.model})" if failure.model else ""
            reporter.note(printable(f"{title} {failure.image!r}{who}: not scored: {failure.reason}"))
        reporter.advance(printable(f"{title} {unit.image.stem}"))

    def body(unit: Unit) -> Outcome:
        return measure(task.plan, unit)

    with in_parallel(task.plan.device, task.part.images, body, keep) as submit:
        for unit in units(task, store):
            hashes[unit.image.stem] = unit.sha256
            if unit.work:
                submit(unit)
            else:
                keep(unit, Outcome())
    return hashes


def units(task: Task, store: Store) -> Iterator[Unit]:
    """Every image that has pictures, by name; one that lacks nothing has no work."""
    after = ""
    place = {"dataset": task.part.dataset, "protocol_hash": task.part.protocol.hash}
    while rows := store.picture_page(**place, after=after, most=PAGE):
        after = rows[-1][0].image
        for _, group in groupby(rows, key=lambda row: row[0].image):
            yield _unit(task, store, _there(group))


def _there(rows: Iterable[tuple[Picture, int]]) -> list[Picture]:
    """The pictures whose files no later run wrote to, the newest last."""
    last: dict[str, Picture] = {}
    for picture, _ in sorted(rows, key=lambda row: row[1]):
        last.pop(picture.file, None)
        last[picture.file] = picture
    return list(last.values())


def _unit(task: Task, store: Store, pictures: Sequence[Picture]) -> Unit:
    """Of the newest version of the image's file."""
    image, sha256 = pictures[-1].image, pictures[-1].image_sha256
    stored = {
        (p.model, untiled_hash(p.model_hash), p.image_sha256): Stored(
            picture=p, file=store.place.parent / p.file, trust=task.trust
        )
        for p in pictures
    }
    drawn = {key[:2] for key in stored}
    lacking = unmeasured(task.plan, store, image, sha256)
    return Unit(
        image=ImageFile(stem=image, file=""),
        sha256=sha256,
        hr=stored.get((HR, "", sha256)),
        work=[
            _lacking(s, stored.get((s.name, s.hash, sha256)), metrics)
            for s, metrics in lacking
            if metrics and (s.name, s.hash) in drawn
        ],
    )


def _lacking(subject: Subject, sr: Stored | None, metrics: Sequence[LoadedMetric]) -> Lacking:
    """Its scores are kept under the hash that the picture has."""
    kept = subject if sr is None else replace(subject, hash=sr.picture.model_hash)
    return Lacking(subject=kept, sr=sr, metrics=metrics)
