"""Jobs in threads of this process, and files read a few ahead of whoever works on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

import torch

from bench.data.datasets import LoadedImage
from bench.data.images import load
from bench.errors import ImageError
from bench.records import ImageFile

MOST_WORKERS = 16
READ_AHEAD = 4
GPU_WORKERS = 3
"""Of which one gives work to the GPU, while the others compress images and wait for scores."""
T = TypeVar("T")
R = TypeVar("R")


def share(device: torch.device, jobs: int) -> tuple[int, int]:
    """Workers, and torch's threads in each: a core or more for each job on a CPU, some workers for a GPU."""
    cores = torch.get_num_threads()
    workers = max(1, min(cores, jobs, MOST_WORKERS if device.type == "cpu" else GPU_WORKERS))
    return workers, cores // workers


def in_parallel(
    work: Callable[[T], R], jobs: Iterable[T], *, device: torch.device, most: int
) -> Generator[tuple[T, R], None, None]:
    """Each job with its result, in the order in which they are finished.

    Jobs are taken and results given in the calling thread; no more jobs are taken while one more than there are workers
    is pending. Close the iterator where it may not be read to its end: what has not begun is then not done.

    Args:
        work: called in a worker with a job.
        most: how many jobs there will be, at most.
    """
    workers, threads = share(device, most)
    # torch's number of threads belongs to the calling thread: set in each worker, not here.
    pool = ThreadPoolExecutor(workers, "work", initializer=torch.set_num_threads, initargs=(threads,))
    pending: dict[Future[R], T] = {}
    try:
        for job in jobs:
            pending[pool.submit(work, job)] = job
            while len(pending) > workers:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    yield pending.pop(future), future.result()
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield pending.pop(future), future.result()
    finally:
        # Waited for: what is in work still uses the model and the store of the caller.
        pool.shutdown(cancel_futures=True)


def read_ahead(files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, LoadedImage | Exception]]:
    """Each file with its pixels, or with the error that reading it gave; in order, a few ahead of the consumer."""
    reader = ThreadPoolExecutor(1, "read")
    ahead: deque[tuple[ImageFile, Future[LoadedImage]]] = deque()
    rest = iter(files)
    try:
        while True:
            ahead.extend((file, reader.submit(load, file)) for file in islice(rest, READ_AHEAD - len(ahead)))
            if not ahead:
                return
            file, future = ahead.popleft()
            try:
                loaded: LoadedImage | Exception = future.result()
            # A file's fault costs that file alone; anything else is a defect and is raised.
            except (ImageError, OSError, MemoryError) as error:
                loaded = error
            yield file, loaded
    finally:
        # Not waited for: a consumer that stops must not hang on an image that is still being decoded.
        reader.shutdown(wait=False, cancel_futures=True)
