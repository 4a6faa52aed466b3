"""How much memory an upscaler takes for each pixel, and how large a tile may be."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import psutil
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.interfaces import Upscaler
from bench.tiling.grid import up_to

PROBE = 64  # lr pixels per side
# Of an upscaler that keeps its memory from torch: four arrays of 64 features in float32, as large as sr.
UNSEEN_BYTES_PER_SR_PIXEL = 4 * 64 * 4
UNSEEN_BELOW = 4  # times its output: what torch sees of a call that computes elsewhere is little more than sr
SCRATCH = 1.5  # what a library takes beside the arrays: reordered copies, padding
# A larger tile on a CPU is hardly faster; other images may be in work at the same time.
CPU_SHARE, CPU_MOST = 0.25, 1 << 30
GPU_SHARE = 0.5
CGROUP = Path("/sys/fs/cgroup")


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the arrays that torch's operations make, while they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self.known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        # weights and lr were there before the call
        for tensor in _tensors((args, given)):
            self.known.add(tensor.untyped_storage())
        out = func(*args, **given)
        for tensor in _tensors(out):
            self._count(tensor.untyped_storage())
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        # a view or the result of an operation in place is no new memory
        if storage in self.known:
            return
        self.known.add(storage)
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._release, size)

    def _release(self, size: int) -> None:
        self.now -= size


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


@torch.no_grad()
def bytes_per_pixel(
    upscaler: Upscaler, like: Float[Tensor, "n c h w"], *, multiple: int = 1, minimum: int = 1
) -> float:
    """Bytes that one call takes for each pixel of lr, from a call on 64 x 64 of them, with room for scratch.

    On a CPU the arrays that torch's operations make are counted. An upscaler of which torch sees next to nothing
    (ONNX Runtime, NumPy) is taken to need 1024 bytes for each pixel of sr.

    Args:
        like: the number of channels, dtype and device are its.

    Raises:
        Exception: whatever the upscaler raises.
    """
    side = up_to(max(PROBE, minimum), multiple)
    lr = torch.full((1, like.shape[1], side, side), 0.5, dtype=like.dtype, device=like.device)
    peak, output = _peak(upscaler, lr)
    if peak < UNSEEN_BELOW * output:
        return max(UNSEEN_BYTES_PER_SR_PIXEL * float(upscaler.scale) ** 2, peak / side**2)
    return SCRATCH * peak / side**2


def _peak(upscaler: Upscaler, lr: Tensor) -> tuple[int, int]:
    if lr.device.type != "cuda":
        with LiveBytes() as live:
            output = upscaler(lr)
        return live.peak, output.nbytes
    torch.cuda.synchronize(lr.device)
    # weights are allocated already: the peak is of the call alone
    before = torch.cuda.memory_allocated(lr.device)
    torch.cuda.reset_peak_memory_stats(lr.device)
    output = upscaler(lr)
    return torch.cuda.max_memory_allocated(lr.device) - before, output.nbytes


def budget(device: torch.device) -> float:
    """Bytes that a tile may take: a quarter of what is free on a CPU and 1 GiB at most, half of it on a GPU."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # held by torch's allocator, which gives it to the next tensor
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return GPU_SHARE * (free + cached)
    return min(CPU_SHARE * free_bytes(), CPU_MOST)


def free_bytes() -> int:
    """Memory that is free on this machine, or in this container, whichever is less."""
    free = int(psutil.virtual_memory().available)
    try:
        most, now = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free
    # `max` stands where a container has no limit
    return min(free, max(int(most) - int(now), 0)) if most.isdigit() and now.isdigit() else free
