"""What came of a batch, as it is stored; and what is stored already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.cli import Reporter
from bench.data import images
from bench.environment import summary
from bench.errors import reason
from bench.records import Curve, Failure, SavedImage, Score
from bench.storage.saved_images import relative_to_store
from bench.storage.store import Store
from bench.styling.plan import Content, Item, Key, MeasuredImage, Method, Plan, ScoreKey
from bench.styling.summary import shortened


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a batch gave; its rows are stored in one transaction, its files written before."""

    curves: list[Curve] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    pictures: list[SavedImage] = field(default_factory=list)
    files: list[tuple[Path, np.ndarray]] = field(default_factory=list)

    def keep(self, plan: Plan, method: Method, content: Content, measured: MeasuredImage) -> None:
        """Add a curve, the values of style metrics and, of a content whose images are kept, the image."""
        self.curves.append(
            Curve(
                subject=method.subject,
                subject_hash=method.hash(content),
                dataset=plan.dataset.name,
                image=content.name,
                image_sha256=content.sha256,
                protocol_hash=method.protocol(content).hash,
                terms=measured.terms,
                seconds=measured.seconds,
                batch=measured.batch,
            )
        )
        for score in method.scores(content, measured, plan.metrics):
            if isinstance(score, Exception):
                self.fail(plan, content.name, method, score)
            else:
                self.scores.append(score)
        if not content.with_image:
            return
        pixels = images.to_array(measured.image)
        self.show(method.saved_image(content, pixels), pixels)
        for saved_image, source in method.made_from(content):
            self.show(saved_image, source)

    def show(self, saved_image: SavedImage, pixels: np.ndarray) -> None:
        """Add an image."""
        self.pictures.append(saved_image)
        self.files.append((Path(saved_image.file), pixels))

    def fail(self, plan: Plan, name: str, method: Method | None, error: Exception) -> None:
        """Add why a method, or every one where it is None, made nothing of a content."""
        where = (plan.title, method.place if method else "")
        self.failures.append(
            Failure(
                dataset=plan.dataset.name,
                image=name,
                model=method.subject if method else "",
                scale=1,
                reason=": ".join([*filter(None, where), reason(error)]),
            )
        )


@dataclass(frozen=True, kw_only=True)
class StoreWriter:
    """Writes outcomes into a results file, and names what failed.

    Attributes:
        run: number in the store.
        describe: a failure in one line.
    """

    store: Store
    run: int
    reporter: Reporter
    describe: Callable[[Failure], str]

    def __call__(self, outcome: Outcome) -> None:
        """
        Raises:
            StoreError: the store cannot be written to.
            OSError: an image cannot be written, which does not cost the curves.
        """
        try:
            # Before the rows: none names an image that is not there.
            for file, pixels in outcome.files:
                images.write(file, pixels)
        except OSError:
            self.store.add(self.run, curves=outcome.curves, scores=outcome.scores, failures=outcome.failures)
            raise
        pictures = [relative_to_store(saved_image, self.store.place) for saved_image in outcome.pictures]
        self.store.add(
            self.run,
            curves=outcome.curves,
            scores=outcome.scores,
            failures=outcome.failures,
            pictures=pictures,
        )
        for failure in outcome.failures:
            self.reporter.note(self.describe(failure))


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a results file has of a method and a content: its curve, and its image where the file is there."""

    curve: Curve | None
    file: Path | None

    @property
    def iterations(self) -> int:
        """That were done; -1 without a curve."""
        return -1 if self.curve is None else len(self.curve.total) - 1


class Stored:
    """What a results file has of a plan's contents."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.curves: dict[Key, Curve] = {}
        self.files: dict[Key, Path] = {}
        self.scores: dict[tuple[str, str], set[ScoreKey]] = {}
        self._read: set[tuple[str, str]] = set()

    def find(self, plan: Plan, method: Method, item: Item, *, with_image: bool) -> Result:
        """Of one method and content.

        Args:
            with_image: look for the image too.
        """
        key = method.key(item)
        self._read_all(dataset=key[0], protocol_hash=key[3])
        file = self.files.get(key) if with_image else None
        if file is not None and not plan.anywhere:
            # Where this run would write it: an image kept elsewhere does not count as there.
            file = method.file(item)
        return Result(curve=self.curves.get(key), file=file if file is not None and file.is_file() else None)

    def lacks_scores(self, plan: Plan, method: Method, item: Item) -> bool:
        """Whether a value of the plan's metrics is missing."""
        where = (plan.dataset.name, method.protocol(item).hash)
        if where not in self.scores:
            found = self.store.scores(dataset=where[0], protocol_hash=where[1])
            self.scores[where] = set(map(score_key, found))
        return not method.score_keys(item, plan.metrics) <= self.scores[where]

    def _read_all(self, *, dataset: str, protocol_hash: str) -> None:
        """Of one data set under one protocol, once."""
        if (dataset, protocol_hash) in self._read:
            return
        self._read.add((dataset, protocol_hash))
        for c in self.store.curves(dataset=dataset, protocol_hash=protocol_hash):
            self.curves[key_of(c)] = c
        for p in self.store.pictures(dataset=dataset, protocol_hash=protocol_hash):
            key = (p.dataset, p.image, p.image_sha256, p.protocol_hash, p.model, p.model_hash)
            # Stored relative to the results file, so that both can be moved.
            self.files[key] = self.store.place.parent / p.file


def key_of(curve: Curve) -> Key:
    """What the rows of its result are found by."""
    return (
        curve.dataset,
        curve.image,
        curve.image_sha256,
        curve.protocol_hash,
        curve.subject,
        curve.subject_hash,
    )


def score_key(score: Score) -> ScoreKey:
    """What it is found by in its data set and protocol."""
    return (
        score.image,
        score.image_sha256,
        score.model,
        score.model_hash,
        score.metric,
        score.metric_version,
    )


def stored_scores(plan: Plan, store: Store, items: Sequence[Item]) -> list[Score]:
    """The values of just this plan's metrics."""
    wanted = {key for m in plan.methods for item in items for key in m.score_keys(item, plan.metrics)}
    return [
        score
        for protocol in (plan.protocols if wanted else ())
        for score in store.scores(dataset=plan.dataset.name, protocol_hash=protocol.hash)
        if score_key(score) in wanted
    ]


def results(plan: Plan, store: Store, items: Sequence[Item]) -> list[Curve]:
    """The stored curves of just this plan, method after method; longer ones cut to the iterations asked for."""
    wanted = {m.key(item): (i, m.iterations) for i, m in enumerate(plan.methods) for item in items}
    found = [
        (wanted[key_of(curve)], curve)
        for protocol in plan.protocols
        for curve in store.curves(dataset=plan.dataset.name, protocol_hash=protocol.hash)
        if key_of(curve) in wanted
    ]
    # sorted() is stable: within a method, contents stay in the store's order.
    return [shortened(curve, most) for (_, most), curve in sorted(found, key=lambda pair: pair[0][0])]


def machines(store: Store, curves: Sequence[Curve]) -> list[str]:
    """The machines that these curves were measured on, a line each: stored times may be of another one."""
    # The table itself: a Curve does not say which run it is of.
    columns, rows = store.table("curves")
    names = ("dataset", "image", "image_sha256", "protocol_hash", "subject", "subject_hash")
    at = [columns.index(name) for name in names]
    wanted, run = {key_of(curve) for curve in curves}, columns.index("run")
    runs = {row[run] for row in rows if tuple(row[i] for i in at) in wanted}
    return list(dict.fromkeys(summary(store.environment(number)) for number in sorted(runs)))
