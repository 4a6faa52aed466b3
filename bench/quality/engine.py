"""The engine of super-resolution scoring: files or stored images -> jobs -> the pipeline -> the store.

One thread reads ahead, as many as there are cores score and write images, and this one stores. A CPU's cores each have
an image of their own, which is faster than sharing one and gives the same values whatever their number; a GPU's network
has images of one size together, one batch at a time. Where the work is done can be changed (:mod:`bench.cluster.images`),
what is stored cannot. Nothing is kept between images but their hashes, so memory does not grow with what is in them.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from bench.cli import Reporter
from bench.data import images
from bench.data.datasets import LoadedImage
from bench.errors import RunError
from bench.executor import in_parallel, read_ahead
from bench.quality.pipeline import score_image, score_images
from bench.quality.plan import ORIGINAL, ImageJob, LoadedMetric, Model, Outcome, Pending, Plan
from bench.quality.summary import Row, rows
from bench.records import HR, CachedFileHash, ImageFile
from bench.storage.saved_images import relative_to_store
from bench.storage.store import Store
from bench.text import escape_control_chars

GRAIN_NANOSECONDS = 2_000_000_000
"""Of the coarsest times that a file system in use has (FAT): what changed more lately could change again unseen."""
BATCH_PIXELS = 4_000_000
"""hr pixels that go through a network together at most: 25 images of BSD100."""
MOST_WAITING = 64
"""Images that wait for others of their size: about as many bytes as four of 16 megapixels."""


@dataclass
class ResultWriter:
    """What the store misses of a plan, and the way of new results into it.

    Attributes:
        hashes: SHA-256 of each image that could be read so far, by stem: what the stored scores must belong to.
    """

    plan: Plan
    store: Store
    run: int
    reporter: Reporter
    hashes: dict[str, str] = field(default_factory=dict)
    _seen_notes: set[tuple[str, str]] = field(default_factory=set)

    def write(self, job: ImageJob, outcome: Outcome) -> None:
        """Store what an image gave, or a part of it, in one transaction, and report what failed.

        Raises:
            RunError: something failed and the plan is strict.
            OSError: an image could not be written; its scores are stored.
        """
        # An older model's image may still lie where this one could not be written: no row may claim it.
        written = [] if outcome.write_error else outcome.pictures
        self.store.add(
            self.run,
            scores=outcome.scores,
            pictures=[relative_to_store(saved_image, self.store.place) for saved_image in written],
            failures=outcome.failures,
            files=[job.cached] if job.cached else [],
        )
        # a cluster writes one image in several parts, of which the first stores this
        job.cached = None
        if outcome.write_error:
            raise outcome.write_error
        for failure in outcome.failures:
            model = f" ({failure.model})" if failure.model else ""
            text = f"{self.plan.title} {failure.image!r}{model}: not scored: {failure.reason}"
            if self.plan.strict:
                raise RunError(f"{text} (--strict)")
            self.reporter.note(escape_control_chars(text))
        for key, text in outcome.notes.items():
            # a model that is odd is so on every image: said of the first one alone
            if key not in self._seen_notes:
                self._seen_notes.add(key)
                self.reporter.note(f"{self.plan.title} {job.image.stem} ({key[1]}): {text}")

    def begin(self, job: ImageJob) -> None:
        """The image is being worked on."""
        self.reporter.begin(self.label(job))

    def finish(self, job: ImageJob) -> None:
        """Nothing more comes of the image."""
        self.reporter.advance(self.label(job))

    def label(self, job: ImageJob) -> str:
        """What progress calls the image."""
        return escape_control_chars(f"{self.plan.title} {job.image.stem}")

    def missing(self, image: ImageFile, hr: LoadedImage | CachedFileHash) -> Pending:
        """By model, the metrics without a value; a model whose picture is missing is named with none.

        A metric that is only there by default does not measure an image that is too small for it.
        """
        plan, pending = self.plan, []
        has_image: set[tuple[str, str]] = set()
        if plan.images_folder is not None:
            stored = self.store.models_with_image(
                dataset=plan.dataset.name,
                protocol_hash=plan.protocol.hash,
                image=image.stem,
                image_sha256=hr.sha256,
            )
            # a row outlives a picture that somebody deleted, which is then made again
            has_image = {
                key for key in stored if (plan.images_folder / key[0] / f"{image.stem}.png").is_file()
            }
            if (HR, "") not in has_image:  # another image's may lie in the same files
                has_image = set()
        for model, without_value in missing_scores(plan, self.store, image.stem, hr.sha256):
            metrics = [metric for metric in without_value if metric.fits(hr, plan.protocol)]
            # `owns`, not equality: the stored hash may have the tile behind it that memory chose
            if metrics or (plan.images and not any(model.owns(*key) for key in has_image)):
                pending.append((model, metrics))
        return pending


def missing_scores(
    plan: Plan, store: Store, image: str, image_sha256: str
) -> list[tuple[Model, list[LoadedMetric]]]:
    """Each model with the metrics that an image misses, then hr with those that need no reference; all if forced."""
    known: set[tuple[str, str, str, str]] = set()
    if not plan.force:
        known = store.scored(
            dataset=plan.dataset.name,
            protocol_hash=plan.protocol.hash,
            image=image,
            image_sha256=image_sha256,
        )
    pending = []
    for model in (*plan.models, ORIGINAL):
        missing = []
        for metric in plan.metrics:
            if model is ORIGINAL and metric.entry.reference:  # hr against itself
                continue
            version = (metric.entry.name, metric.entry.version)
            # nearly always decided by this look-up; the scan below is for hashes with a tile behind them
            if (model.name, model.hash, *version) in known:
                continue
            if not any(model.owns(*key[:2]) and key[2:] == version for key in known):
                missing.append(metric)
        # a model that misses no score may still miss its picture, which the caller decides
        if missing or model is not ORIGINAL:
            pending.append((model, missing))
    return pending


def file_jobs(writer: ResultWriter) -> Iterator[ImageJob]:
    """The images of the plan's data set, read a few ahead, each with what the store misses of it.

    Those that were read before, have not changed since and miss nothing are not read again.
    """
    # read_ahead runs some images ahead of the loop below and keeps their order: so do their jobs
    plan, waiting = writer.plan, deque[ImageJob]()

    # Runs in the calling thread, as the store requires; only decoding is done in the reader's.
    def files() -> Iterator[ImageFile]:
        for image in plan.dataset.images:
            job = ImageJob(
                image=image,
                lr_file=plan.lr_files.get(image.stem),
                fingerprint=fingerprint(image.file),
                # with bytes that are not UTF-8 written out, so that it can be stored
                path=os.fsencode(image.file).decode("utf-8", "backslashreplace"),
            )
            if job.fingerprint is not None and not plan.force:
                cached = writer.store.cached_file_hash(job.path)
                unchanged = cached is not None and cached.stamp == job.fingerprint
                if cached is not None and unchanged and not writer.missing(image, cached):
                    writer.hashes[image.stem] = cached.sha256
                    writer.finish(job)
                    continue
            waiting.append(job)
            yield image

    for image, loaded in read_ahead(files()):
        job = waiting.popleft()
        if not isinstance(loaded, LoadedImage):
            writer.write(job, Outcome.of(plan, job).add_failure(loaded))
            writer.finish(job)
            continue
        job.hr = loaded
        writer.hashes[image.stem] = loaded.sha256
        # a file that changed while it was read is not remembered
        if job.fingerprint is not None and fingerprint(image.file) == job.fingerprint:
            job.cached = CachedFileHash(
                path=job.path,
                stamp=job.fingerprint,
                sha256=loaded.sha256,
                height=loaded.height,
                width=loaded.width,
            )
        job.pending = writer.missing(image, loaded)
        yield job


Feed = Callable[[ResultWriter], Iterator[ImageJob]]
"""Where jobs come from."""
Executor = Callable[[ResultWriter, Iterator[ImageJob]], None]
"""Where jobs are done: takes them, and writes their results, in the calling thread."""


def in_threads(writer: ResultWriter, jobs: Iterator[ImageJob]) -> None:
    """Jobs are done in threads of this process."""
    plan = writer.plan
    # no more workers than images; of stored images the number comes from the store
    count = plan.image_count or len(plan.dataset.images)
    # a CPU's caches hold no batch: each image alone
    groups = ([job] for job in jobs) if plan.device.type == "cpu" else batches(jobs)
    done = in_parallel(partial(_score_and_save, writer), groups, device=plan.device, most=count)
    with closing(done):  # at an error too: nothing goes on behind the message
        for batch, outcomes in done:
            for job, outcome in zip(batch, outcomes, strict=True):
                writer.write(job, outcome)
                writer.finish(job)


def _score_and_save(writer: ResultWriter, batch: Sequence[ImageJob]) -> list[Outcome]:
    """In a worker thread: while one image is written, the others are scored."""
    for job in batch:
        writer.begin(job)
    if len(batch) == 1:
        return [save_images(score_image(writer.plan, batch[0]))]
    return [save_images(outcome) for outcome in score_images(writer.plan, batch)]


def batches(jobs: Iterable[ImageJob]) -> Iterator[Sequence[ImageJob]]:
    """Images of one size, of those that are next."""
    waiting: dict[tuple[int, int], list[ImageJob]] = {}
    for job in jobs:
        hr = job.hr
        # of stored images nothing is made any more, and their size is not known yet
        if not job.pending or not isinstance(hr, LoadedImage):
            yield [job]
            continue
        group = waiting.setdefault((hr.height, hr.width), [])
        group.append(job)
        if (len(group) + 1) * hr.height * hr.width > BATCH_PIXELS:
            yield waiting.pop((hr.height, hr.width))
        elif sum(map(len, waiting.values())) >= MOST_WAITING:
            yield waiting.pop(next(iter(waiting)))
    yield from waiting.values()


def evaluate(writer: ResultWriter, feed: Feed = file_jobs, executor: Executor = in_threads) -> dict[str, str]:
    """Score what the store does not have yet; each image is stored as soon as it is scored.

    Returns:
        SHA-256 of each image that could be read, by stem: what the stored scores must belong to.

    Raises:
        RunError: with `strict`, at the first image that could not be scored.
        StoreError: the store cannot be written to.
    """
    executor(writer, feed(writer))
    return writer.hashes


def results(plan: Plan, store: Store, hashes: Mapping[str, str]) -> list[Row]:
    """The stored scores of just this plan: these images' bytes, these models' weights, these metrics' versions.

    Args:
        hashes: SHA-256 of each image by stem, as :func:`bench.quality.engine.evaluate` returns it.
    """
    models = {model.name: model for model in (ORIGINAL, *plan.models)}
    versions = {(m.entry.name, m.entry.version) for m in plan.metrics}
    of_hr = {(m.entry.name, m.entry.version) for m in plan.metrics if not m.entry.reference}
    scores = (
        score
        for score in store.scores(dataset=plan.dataset.name, protocol_hash=plan.protocol.hash)
        if (score.metric, score.metric_version) in (of_hr if score.model == HR else versions)
        and score.model in models
        and models[score.model].owns(score.model, score.model_hash)
        and hashes.get(score.image) == score.image_sha256
    )
    return rows(scores, [*(m.name for m in plan.models), HR], [m.entry.name for m in plan.metrics])


def save_images(outcome: Outcome) -> Outcome:
    """Write the files; the scores outlive a full disk."""
    try:
        for file, pixels in outcome.files:
            images.write(file, pixels)
        for file, pixels, about in outcome.maps:
            images.write(file, pixels, text=about)
    except OSError as error:
        outcome.write_error = error
    return outcome


def fingerprint(file: str) -> str | None:
    """What changes with a file outside the cache: size, times and number. None for one that may change unseen, or is gone.

    As version-control systems do, a file is taken for the same while these are. Times have a grain, so a file that was
    changed just before it was read is not remembered.
    """
    if not os.path.isabs(file):  # noqa: PTH117 (a hundred thousand times)
        return None
    try:
        found = os.stat(file)  # noqa: PTH116
    except (OSError, ValueError):  # ValueError: the name holds a NUL
        return None
    # copying with times kept sets st_mtime back; st_ctime is the file system's own
    changed = max(found.st_mtime_ns, found.st_ctime_ns)
    if not changed < time.time_ns() - GRAIN_NANOSECONDS:
        return None
    # the inode too: a file that is moved into this place may bring size and times along
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
