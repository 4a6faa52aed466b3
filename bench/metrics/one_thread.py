"""Many small operations on a CPU, without waiting for the other cores between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch's operations run on the calling thread alone.

    Work in strips of some hundred microseconds gains a third by a second core that is free, and takes ten times as
    long where that core is busy, as it is while the next image is decoded.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
