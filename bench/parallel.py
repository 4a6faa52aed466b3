"""Units of work in threads, as many at a time as there are cores; what comes out is taken in the thread that asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

MOST_WORKERS = 16
T = TypeVar("T")
R = TypeVar("R")


def share(device: torch.device, units: int) -> tuple[int, int]:
    """Workers, and torch's threads in each: a core or more for each unit on a CPU, one worker for a GPU."""
    cores = torch.get_num_threads()
    if device.type != "cpu":
        return 1, cores
    workers = max(1, min(cores, units, MOST_WORKERS))
    return workers, cores // workers


@contextmanager
def in_parallel(
    device: torch.device, units: int, body: Callable[[T], R], keep: Callable[[T, R], None]
) -> Iterator[Callable[[T], None]]:
    """Somewhere to hand units to, which waits while twice as many as there are workers are on their way.

    Args:
        units: how many there will be, at most.
        body: called in a worker with a unit.
        keep: called in this thread with a unit and what came of it, in any order.
    """
    workers, threads = share(device, units)
    pool = ThreadPoolExecutor(workers, "work", initializer=torch.set_num_threads, initargs=(threads,))
    pending: dict[Future[R], T] = {}

    def take(most: int) -> None:
        while len(pending) > most:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                keep(pending.pop(future), future.result())

    def submit(unit: T) -> None:
        pending[pool.submit(body, unit)] = unit
        take(workers)

    try:
        yield submit
        take(0)
    finally:
        pool.shutdown(cancel_futures=True)
