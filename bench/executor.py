"""Jobs in threads of this process, and files read a few ahead of whoever works on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

from bench.datasets import LoadedImage
from bench.errors import ImageError
from bench.loading import load
from bench.records import ImageFile

MOST_WORKERS = 16
READ_AHEAD = 4
T = TypeVar("T")
R = TypeVar("R")


def share(device: torch.device, jobs: int) -> tuple[int, int]:
    """Workers, and torch's threads in each: a core or more for each job on a CPU, one worker for a GPU."""
    cores = torch.get_num_threads()
    if device.type != "cpu":
        return 1, cores
    workers = max(1, min(cores, jobs, MOST_WORKERS))
    return workers, cores // workers


@contextmanager
def in_parallel(
    device: torch.device, jobs: int, work: Callable[[T], R], keep: Callable[[T, R], None]
) -> Iterator[Callable[[T], None]]:
    """A function to submit jobs to, which waits while twice as many as there are workers are pending.

    Args:
        jobs: how many there will be, at most.
        work: called in a worker with a job.
        keep: called in this thread with a job and its result, in any order.
    """
    workers, threads = share(device, jobs)
    pool = ThreadPoolExecutor(workers, "work", initializer=torch.set_num_threads, initargs=(threads,))
    pending: dict[Future[R], T] = {}

    def keep_finished(most_pending: int) -> None:
        while len(pending) > most_pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                keep(pending.pop(future), future.result())

    def submit(job: T) -> None:
        pending[pool.submit(work, job)] = job
        keep_finished(workers)

    try:
        yield submit
        keep_finished(0)
    finally:
        pool.shutdown(cancel_futures=True)


def read_ahead(files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, LoadedImage | Exception]]:
    """Each file with its pixels, or with the error that reading it gave; in order, a few ahead of the consumer."""
    reader = ThreadPoolExecutor(1, "read")
    ahead: deque[tuple[ImageFile, Future[LoadedImage]]] = deque()

    def next_one() -> tuple[ImageFile, LoadedImage | Exception]:
        file, future = ahead.popleft()
        try:
            return file, future.result()
        except (ImageError, OSError, MemoryError) as error:
            return file, error

    try:
        for file in files:
            ahead.append((file, reader.submit(load, file)))
            if len(ahead) == READ_AHEAD:
                yield next_one()
        while ahead:
            yield next_one()
    finally:
        reader.shutdown(wait=False, cancel_futures=True)
