"""How fast this machine multiplies matrices: the measured peak that a network's speed is a share of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import torch

from bench.timing.clocks import Clock, Work, clock_for, current

SIZES = (256, 512, 1024, 2048, 4096, 8192)
LAPS = 3
LONGEST_LAP_SECONDS = 0.5
# A product of twice the side takes about eight times as long.
NEXT_LAP = 8


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The best of a sweep of square matrix products.

    Attributes:
        flops_per_second: an addition and a multiplication are two; the fastest single product of all sizes.
        size: side of the matrices it was reached with.
        tf32: float32 was allowed to be computed as TensorFloat-32, which is several times faster.
    """

    flops_per_second: float
    size: int
    dtype: str
    device: str
    threads: int
    tf32: bool


def peak(device: torch.device, dtype: torch.dtype) -> Peak:
    """The peak for `dtype` on `device` at torch's present number of threads and TF32 setting.

    Measured in seconds the first time, remembered in this process. TF32 counts as allowed where it is for
    convolutions, cuDNN's default. A convolution can exceed the peak: by an algorithm that needs fewer
    operations than are counted (Winograd), or where this dtype's matrix product is slow.
    """
    return measured_peak(device, dtype, torch.get_num_threads(), tf32_allowed(device, dtype))


@functools.cache
def measured_peak(device: torch.device, dtype: torch.dtype, threads: int, tf32: bool) -> Peak:
    """The sweep; `threads` is only remembered, torch's own number counts."""
    with matmul_precision(tf32), current(device):
        flops_per_second, size = sweep(
            functools.partial(product, device, dtype), clock_for(device), sizes_for(device)
        )
    name = str(dtype).removeprefix("torch.")
    return Peak(
        flops_per_second=flops_per_second,
        size=size,
        dtype=name,
        device=str(device),
        threads=threads,
        tf32=tf32,
    )


def sweep(work_of: Callable[[int], Work], clock: Clock, sizes: Iterable[int]) -> tuple[float, int]:
    """(FLOP/s, size) of the fastest of `work_of(size)`; ends before a product that would take too long."""
    best, best_size = 0.0, 0
    for size in sizes:
        work = work_of(size)
        # A warm-up: the library chooses its kernel.
        clock.lap(work, 1)
        seconds = min(clock.lap(work, 1).seconds for _ in range(LAPS))
        if 2 * size**3 / seconds > best:
            best, best_size = 2 * size**3 / seconds, size
        if seconds * NEXT_LAP > LONGEST_LAP_SECONDS:
            break
    return best, best_size


def sizes_for(device: torch.device) -> list[int]:
    """Those of `SIZES` whose matrices, six float32 ones at most, find room in the memory that is free."""
    cuda = device.type == "cuda"
    free = torch.cuda.mem_get_info(device)[0] if cuda else psutil.virtual_memory().available
    return [size for size in SIZES if 6 * 4 * size**2 <= free]


def product(device: torch.device, dtype: torch.dtype, size: int) -> Work:
    """Multiplies two matrices of random numbers; zeros would draw less power and run faster on a GPU."""
    # A generator of its own: a timing leaves the caller's random numbers as they are.
    generator = torch.Generator(device).manual_seed(0)
    left, right = torch.rand(2, size, size, device=device, generator=generator).to(dtype)
    out = torch.empty_like(left)
    return functools.partial(torch.mm, left, right, out=out)


def tf32_allowed(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a float32 convolution may be computed as TF32 on `device` as torch is set now."""
    if device.type != "cuda" or dtype != torch.float32:
        return False
    return torch.backends.cudnn.conv.fp32_precision == "tf32"  # type: ignore[attr-defined]


@contextmanager
def matmul_precision(tf32: bool) -> Iterator[None]:
    """Matrix products on CUDA in TF32 or in full float32, the setting of before given back."""
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32" if tf32 else "ieee"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
