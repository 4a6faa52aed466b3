"""What metrics share: the checks of their pair, and one thread for many small operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def require_pair(sr: Tensor, hr: Tensor, metric: str, least: int = 1) -> None:
    """Refuse a pair of two shapes, or one with a side below `least` pixels.

    Raises:
        ValueError: naming the metric, the actual and the required.
    """
    if sr.shape != hr.shape:
        raise ValueError(f"{metric}: sr has shape {tuple(sr.shape)}, must be that of hr, {tuple(hr.shape)}")
    require_size(hr, metric, least)


def require_size(image: Tensor, metric: str, least: int) -> None:
    """Refuse an image with a side below `least` pixels.

    Raises:
        ValueError: naming the metric, the actual and the required.
    """
    h, w = image.shape[-2:]
    if min(h, w) < least:
        raise ValueError(f"{metric}: image must be at least {least}x{least} (got {w}x{h})")


def require_unit(image: Tensor, metric: str) -> None:
    """Refuse an image with a value outside [0, 1].

    Raises:
        ValueError: naming the metric, the actual and the required.
    """
    low, high = numbers(*image.aminmax())
    # written so that NaN is refused too
    if not (low >= 0 and high <= 1):
        raise ValueError(f"{metric}: image has values from {low:.3g} to {high:.3g}, must be [0, 1]")


def numbers(*values: Tensor | float) -> list[float]:
    """Tensors of one element as numbers, those of a device in one transfer: each one waits for all that it was given."""
    found = dict.fromkeys(range(len(values)), float("nan"))
    by_device: dict[torch.device, dict[int, Tensor]] = {}
    for place, value in enumerate(values):
        if isinstance(value, Tensor):
            # MPS has no float64, which holds every value of the smaller types
            tensor = value.cpu() if value.device.type == "mps" else value
            by_device.setdefault(tensor.device, {})[place] = tensor.double().reshape(())
        else:
            found[place] = float(value)
    for tensors in by_device.values():
        found |= zip(tensors, torch.stack(list(tensors.values())).tolist(), strict=True)
    return list(found.values())


@contextmanager
def one_thread() -> Iterator[int]:
    """Torch's operations run on the calling thread alone.

    Work in strips of some hundred microseconds gains a third by a second core that is free, and takes ten times as
    long where that core is busy, as it is while the next image is decoded.

    Yields:
        How many threads the caller had: what a metric may start to share its strips out, none of which waits for
        another inside an operation.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)
