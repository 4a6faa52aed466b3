"""Memory that the C library keeps for the next tensor: glibc's alone, elsewhere nothing happens."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

REUSED_BYTES, KEPT_BYTES = 256 << 20, 1 << 30
"""What is kept: at most in one piece (larger ones come from the system), and in all."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of mallopt(3)


def reuse_memory() -> None:
    """What a tensor gave back is the next one's, in every thread of this process, where the C library is glibc.

    Left alone, it takes each activation of a network from the system and gives it back, and the system clears every page
    anew: a fifth of the time of `sr-pixel` on a CPU. No value changes.
    """
    if mallopt := _of_glibc("mallopt"):
        # One arena: one for each thread could keep no piece above 64 MiB, and none for another thread.
        for option, value in (
            (M_ARENA_MAX, 1),
            (M_MMAP_THRESHOLD, REUSED_BYTES),
            (M_TRIM_THRESHOLD, KEPT_BYTES),
        ):
            mallopt(option, value)


def release_memory() -> None:
    """Give what is kept back to the system, once: a resident set then holds what is in use."""
    if malloc_trim := _of_glibc("malloc_trim"):
        malloc_trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    """A function that glibc alone has: musl, macOS and Windows do not."""
    return getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
