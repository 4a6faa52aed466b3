"""Whether an error says that memory ran out."""

from __future__ import annotations

# What torch's CPU allocator says; a CUDA device has an exception of its own.
CPU_WORDS = ("can't allocate memory", "not enough memory")


def out_of_memory(error: BaseException) -> bool:
    """True for what Python, a CUDA device and torch's CPU allocator raise."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in CPU_WORDS)
