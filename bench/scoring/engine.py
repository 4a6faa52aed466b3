"""The engine of super-resolution scoring: image after image through :mod:`bench.scoring.one_image`, into the store.

One thread reads ahead, as many as there are cores score and write pictures, and this one stores. A CPU's cores each
have an image of their own, which is faster than sharing one and gives the same values whatever their number; a GPU
has one image at a time. Where the work is done can be changed (:mod:`bench.cluster.pool`), what is stored cannot. Nothing
is kept between images but their hashes, so memory does not grow with what is in them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from bench import images
from bench.cli import Reporter
from bench.datasets import LoadedImage, load
from bench.errors import ImageError, RunError
from bench.parallel import in_parallel
from bench.records import Failure, ImageFile, KnownFile, Picture
from bench.scoring.one_image import score
from bench.scoring.plan import LoadedMetric, Outcome, Plan, Subject, large
from bench.scoring.rows import failed, picture_file
from bench.scoring.stored import unmeasured
from bench.storage import known_files
from bench.store import Store

READ_AHEAD = 4

Work = list[tuple[Subject, list[LoadedMetric]]]
"""The models that an image lacks, each with its metrics."""
Unit = tuple[ImageFile, LoadedImage, Work]
Submit = Callable[[ImageFile, LoadedImage, Work], None]


class Keeper:
    """One plan on its way into one store.

    Attributes:
        hashes: SHA-256 of each image that could be read so far, by stem.
    """

    def __init__(self, plan: Plan, store: Store, run: int, reporter: Reporter) -> None:
        self.plan = plan
        self.store = store
        self.run = run
        self.reporter = reporter
        self.hashes: dict[str, str] = {}
        self._said: set[tuple[str, str]] = set()
        self._stamps: dict[str, str | None] = {}
        self._files: dict[str, KnownFile] = {}

    def unread(self) -> Iterator[ImageFile]:
        """The images but those that were read before and lack nothing."""
        for image in self.plan.dataset.images:
            known = None if self.plan.force else known_files.known(self.store, image)
            if known is not None and not self.lacking(image, known):
                self.hashes[image.stem] = known.sha256
                self.done(image)
                continue
            self._stamps[image.stem] = known_files.stamp(image)
            yield image

    def read(self, image: ImageFile, loaded: LoadedImage) -> Work:
        """Remember what was read, and say what it lacks."""
        self.hashes[image.stem] = loaded.sha256
        known = known_files.read_between(self._stamps.pop(image.stem), image, loaded)
        if known is not None:
            self._files[image.stem] = known
        return self.lacking(image, loaded)

    def keep(self, image: ImageFile, outcome: Outcome, unwritten: OSError | None = None) -> None:
        """Store what an image gave, or a part of it, and say what failed.

        Raises:
            RunError: something failed and the plan is strict.
            OSError: `unwritten`, after the scores were stored.
        """
        pictures = [] if unwritten else [located(picture, self.store.place) for picture in outcome.pictures]
        known = self._files.pop(image.stem, None)
        self.store.add(
            self.run,
            scores=outcome.scores,
            pictures=pictures,
            failures=outcome.failures,
            files=[known] if known else [],
        )
        if unwritten:
            raise unwritten
        for failure in outcome.failures:
            self._report(failure)
        for key, text in outcome.notes.items():
            if key not in self._said:
                self._said.add(key)
                self.reporter.note(f"{self._title} {image.stem} ({key[1]}): {text}")

    def done(self, image: ImageFile) -> None:
        """Nothing more comes of the image."""
        self._stamps.pop(image.stem, None)  # of one that could not be read
        self.reporter.advance(f"{self._title} {image.stem}")

    def lacking(self, image: ImageFile, content: LoadedImage | KnownFile) -> Work:
        """By model, the metrics without a value; a model whose picture is not there is named with none.

        A metric that is only there by default does not measure an image that is too small for it.
        """
        plan = self.plan
        drawn = self._drawn(image, content) if plan.pictures else set()
        work = []
        for subject, missing in unmeasured(plan, self.store, image.stem, content.sha256):
            metrics = [metric for metric in missing if metric.fits(content, plan.protocol)]
            if metrics or (plan.pictures and not any(subject.owns(*key) for key in drawn)):
                work.append((subject, metrics))
        return work

    def _drawn(self, image: ImageFile, content: LoadedImage | KnownFile) -> set[tuple[str, str]]:
        """Models, with their hashes, whose picture is there, and hr's: another's may lie in the same file."""
        found = self.store.pictured(
            dataset=self.plan.dataset.name,
            protocol_hash=self.plan.protocol.hash,
            image=image.stem,
            image_sha256=content.sha256,
        )
        there = {key for key in found if picture_file(self.plan, key[0], image.stem).is_file()}
        return there if ("hr", "") in there else set()

    @property
    def _title(self) -> str:
        return f"{self.plan.dataset.name} x{self.plan.protocol.scale}"

    def _report(self, failure: Failure) -> None:
        who = f" ({failure.model})" if failure.model else ""
        text = f"{self._title} {failure.image!r}{who}: not scored: {failure.reason}"
        if self.plan.strict:
            raise RunError(f"{text} (--strict)")
        self.reporter.note(text)


Pool = Callable[[Plan, Keeper], AbstractContextManager[Submit]]
"""Where images are scored: gives a place to hand them to, and calls `keep` and `done` in the thread that opened it."""


@contextmanager
def in_threads(plan: Plan, keeper: Keeper) -> Iterator[Submit]:
    """In threads of this process."""

    def body(unit: Unit) -> tuple[Outcome, OSError | None]:
        return _score_and_write(plan, *unit)

    def keep(unit: Unit, result: tuple[Outcome, OSError | None]) -> None:
        keeper.keep(unit[0], *result)
        keeper.done(unit[0])

    with in_parallel(plan.device, len(plan.dataset.images), body, keep) as submit:
        yield lambda image, loaded, work: submit((image, loaded, work))


def evaluate(
    plan: Plan, store: Store, run: int, reporter: Reporter, pool: Pool = in_threads
) -> dict[str, str]:
    """Score what the store does not have yet; each image is stored as soon as it is scored.

    Returns:
        SHA-256 of each image that could be read, by stem: what the stored scores must belong to.

    Raises:
        RunError: with `strict`, at the first image that could not be scored.
        StoreError: the store cannot be written to.
    """
    keeper = Keeper(plan, store, run, reporter)
    with pool(plan, keeper) as submit:
        for image, loaded in read_ahead(keeper.unread()):
            if isinstance(loaded, LoadedImage):
                submit(image, loaded, keeper.read(image, loaded))
            else:
                keeper.keep(image, failed(plan, image, loaded))
                keeper.done(image)
    return keeper.hashes


def score_any(plan: Plan, image: ImageFile, loaded: LoadedImage, work: Work) -> Outcome:
    """By the way that the image's size asks for."""
    if large(loaded):
        from bench.large.planned import score_large

        return score_large(plan, image, loaded, work)
    return score(plan, image, loaded, work)


def _score_and_write(
    plan: Plan, image: ImageFile, loaded: LoadedImage, work: Work
) -> tuple[Outcome, OSError | None]:
    """What to store, and what went wrong in writing the pictures: the scores outlive a full disk."""
    outcome = score_any(plan, image, loaded, work)
    return outcome, write_pictures(outcome)


def write_pictures(outcome: Outcome) -> OSError | None:
    """What went wrong, if anything did."""
    try:
        for file, pixels in outcome.files:
            images.write(file, pixels)
    except OSError as error:
        return error
    return None


def located(picture: Picture, store: Path) -> Picture:
    """With its file as the results file `store` keeps it, so that the two can be moved together."""
    file, folder = Path(picture.file).absolute(), store.absolute().parent
    return replace(picture, file=str(file.relative_to(folder) if file.is_relative_to(folder) else file))


def read_ahead(files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, LoadedImage | Exception]]:
    """Each image with its pixels, or with the error that reading it gave; in order, a few ahead of the consumer."""
    reader = ThreadPoolExecutor(1, "read")
    ahead: deque[tuple[ImageFile, Future[LoadedImage]]] = deque()
    try:
        for image in files:
            ahead.append((image, reader.submit(load, image)))
            if len(ahead) == READ_AHEAD:
                yield _next(ahead)
        while ahead:
            yield _next(ahead)
    finally:
        reader.shutdown(wait=False, cancel_futures=True)


def _next(ahead: deque[tuple[ImageFile, Future[LoadedImage]]]) -> tuple[ImageFile, LoadedImage | Exception]:
    image, future = ahead.popleft()
    try:
        return image, future.result()
    except (ImageError, OSError, MemoryError) as error:
        return image, error
