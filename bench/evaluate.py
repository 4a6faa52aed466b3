"""The engine of super-resolution scoring: image after image through :mod:`bench.scoring`, into the store.

One thread reads ahead, as many as there are cores score and write pictures, and this one stores. A CPU's cores each
have an image of their own, which is faster than sharing one and gives the same values whatever their number; a GPU
has one image at a time. Nothing is kept between images, so memory does not grow with their number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from bench import images
from bench.cli import Reporter
from bench.datasets import LoadedImage, load
from bench.errors import ImageError, RunError
from bench.records import Failure, ImageFile, Picture
from bench.scoring import LoadedMetric, Outcome, Plan, Subject, failed, large, picture_file, score
from bench.store import Store

READ_AHEAD = 4
MOST_WORKERS = 16


def evaluate(plan: Plan, store: Store, run: int, reporter: Reporter) -> dict[str, str]:
    """Score what the store does not have yet; each image is stored as soon as it is scored.

    Returns:
        SHA-256 of each image that could be read, by stem: what the stored scores must belong to.

    Raises:
        RunError: with `strict`, at the first image that could not be scored.
        StoreError: the store cannot be written to.
    """
    hashes: dict[str, str] = {}
    said: set[tuple[str, str]] = set()

    def keep(image: ImageFile, outcome: Outcome, unwritten: OSError | None = None) -> None:
        pictures = [located(picture, store.file) for picture in outcome.pictures]
        store.add(run, scores=outcome.scores, pictures=pictures, failures=outcome.failures)
        if unwritten:
            raise unwritten
        for failure in outcome.failures:
            _report(plan, failure, reporter)
        for key, text in outcome.notes.items():
            if key not in said:
                said.add(key)
                reporter.note(f"{plan.dataset.name} x{plan.protocol.scale} {image.stem} ({key[1]}): {text}")
        reporter.advance(f"{plan.dataset.name} x{plan.protocol.scale} {image.stem}")

    with _in_parallel(plan, keep) as submit:
        for image, loaded in read_ahead(plan.dataset.images):
            if isinstance(loaded, LoadedImage):
                hashes[image.stem] = loaded.sha256
                submit(image, loaded, _lacking(plan, store, image, loaded))
            else:
                keep(image, failed(plan, image, loaded))
    return hashes


Submit = Callable[[ImageFile, LoadedImage, list[tuple[Subject, list[LoadedMetric]]]], None]


@contextmanager
def _in_parallel(plan: Plan, keep: Callable[[ImageFile, Outcome, OSError | None], None]) -> Iterator[Submit]:
    """Somewhere to hand images to; `keep` is called, in this thread, with each as it comes out."""
    workers, threads = share(plan)
    pool = ThreadPoolExecutor(workers, "score", initializer=torch.set_num_threads, initargs=(threads,))
    pending: dict[Future[tuple[Outcome, OSError | None]], ImageFile] = {}

    def take(most: int) -> None:
        while len(pending) > most:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                keep(pending.pop(future), *future.result())

    def submit(image: ImageFile, loaded: LoadedImage, work: list[tuple[Subject, list[LoadedMetric]]]) -> None:
        pending[pool.submit(_score_and_write, plan, image, loaded, work)] = image
        take(workers)

    try:
        yield submit
        take(0)
    finally:
        pool.shutdown(cancel_futures=True)


def share(plan: Plan) -> tuple[int, int]:
    """Workers, and torch's threads in each: a core or more for each image on a CPU, one worker for a GPU."""
    cores = torch.get_num_threads()
    if plan.device.type != "cpu":
        return 1, cores
    workers = min(cores, len(plan.dataset.images), MOST_WORKERS)
    return workers, cores // workers


def _score_and_write(
    plan: Plan, image: ImageFile, loaded: LoadedImage, work: list[tuple[Subject, list[LoadedMetric]]]
) -> tuple[Outcome, OSError | None]:
    """What to store, and what went wrong in writing the pictures: the scores outlive a full disk."""
    if large(loaded):
        from bench.scoring_large import score_large

        outcome = score_large(plan, image, loaded, work)
    else:
        outcome = score(plan, image, loaded, work)
    try:
        for file, pixels in outcome.files:
            images.write(file, pixels)
    except OSError as error:
        return outcome, error
    return outcome, None


def located(picture: Picture, store: Path) -> Picture:
    """With its file as the results file `store` keeps it, so that the two can be moved together."""
    file, folder = Path(picture.file).absolute(), store.absolute().parent
    return replace(picture, file=str(file.relative_to(folder) if file.is_relative_to(folder) else file))


def _lacking(
    plan: Plan, store: Store, image: ImageFile, loaded: LoadedImage
) -> list[tuple[Subject, list[LoadedMetric]]]:
    """By model, the metrics without a value; a model whose picture is not there is named with none.

    A metric that is only there by default does not measure an image that is too small for it.
    """
    known: set[tuple[str, str, str, str]] = set()
    if not plan.force:
        known = store.scored(
            dataset=plan.dataset.name,
            protocol_hash=plan.protocol.hash,
            image=image.stem,
            image_sha256=loaded.sha256,
        )
    fitting = [metric for metric in plan.metrics if metric.fits(loaded, plan.protocol)]
    work = []
    for subject in plan.subjects:
        metrics = [
            metric
            for metric in fitting
            if (subject.name, subject.hash, metric.entry.name, metric.entry.version) not in known
        ]
        if metrics or (plan.pictures and not picture_file(plan, subject.name, image.stem).is_file()):
            work.append((subject, metrics))
    return work


def _report(plan: Plan, failure: Failure, reporter: Reporter) -> None:
    who = f" ({failure.model})" if failure.model else ""
    text = f"{plan.dataset.name} x{plan.protocol.scale} {failure.image!r}{who}: not scored: {failure.reason}"
    if plan.strict:
        raise RunError(f"{text} (--strict)")
    reporter.note(text)


def read_ahead(files: Sequence[ImageFile]) -> Iterator[tuple[ImageFile, LoadedImage | Exception]]:
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
    except (ImageError, OSError) as error:
        return image, error
