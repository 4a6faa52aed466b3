"""No reduced precision inside a metric, whatever is switched on around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

DEVICES = ("cpu", "cuda", "mps")
FULL = "highest"


class _Switch:
    """Torch's switch for products of float32, which is the process's: held while any thread is inside a metric."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = FULL

    def hold(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = torch.get_float32_matmul_precision()
                if self._before != FULL:
                    torch.set_float32_matmul_precision(FULL)
            # counted, since threads leave in any order: the last one puts the switch back
            self._inside += 1

    def release(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._before != FULL:
                torch.set_float32_matmul_precision(self._before)


_switch = _Switch()


@contextmanager
def full_precision() -> Iterator[None]:
    """Without autocast, and without bfloat16 or TF32 in the place of float32 (`torch.set_float32_matmul_precision`)."""
    _switch.hold()
    try:
        with ExitStack() as stack:
            for device in DEVICES:
                if torch.is_autocast_enabled(device):
                    stack.enter_context(torch.autocast(device, enabled=False))
            yield
    finally:
        _switch.release()
