"""The engine of super-resolution scoring: image after image through :mod:`bench.scoring`, into the store.

Reading the next images and writing the last ones go on in threads while one image is computed. Nothing is kept
between images, so memory does not grow with their number and no value depends on their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from bench import images
from bench.cli import Reporter
from bench.datasets import LoadedImage, load
from bench.errors import ImageError, RunError
from bench.records import Failure, ImageFile
from bench.scoring import Plan, score
from bench.store import Store

READ_AHEAD = 4


def evaluate(plan: Plan, store: Store, run: int, reporter: Reporter) -> dict[str, str]:
    """Score what the store does not have yet; each image is stored as soon as it is scored.

    Returns:
        SHA-256 of each image that could be read, by stem: what the stored scores must belong to.

    Raises:
        RunError: with `strict`, at the first image that could not be scored.
        StoreError: the store cannot be written to.
    """
    hashes: dict[str, str] = {}
    with ThreadPoolExecutor(1, "write") as writer:
        pending: deque[Future[None]] = deque()
        for image, loaded in read_ahead(plan.dataset.images):
            if isinstance(loaded, LoadedImage):
                hashes[image.stem] = loaded.sha256
            outcome = score(plan, store, image, loaded)
            store.add(run, scores=outcome.scores, pictures=outcome.pictures, failures=outcome.failures)
            for failure in outcome.failures:
                _report(plan, failure, reporter)
            pending.extend(writer.submit(images.write, file, pixels) for file, pixels in outcome.files)
            while len(pending) > READ_AHEAD * (len(plan.subjects) + 2):
                pending.popleft().result()
            reporter.advance(f"{plan.dataset.name} x{plan.protocol.scale} {image.stem}")
        for future in pending:
            future.result()
    return hashes


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
