"""The devices of this machine, by torch's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UserError

if TYPE_CHECKING:
    import torch


def find_device(device: str) -> torch.device:
    """The torch device called `device`: cpu, cuda, cuda:1, mps.

    Raises:
        UserError: the name is not one torch knows, or this machine has no such device.
    """
    import torch

    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"device is {device!r}; required one of: {', '.join(devices())}") from error
    if found.type == "cuda" and found.index is None and torch.cuda.is_available():
        found = torch.device("cuda", torch.cuda.current_device())
    if str(found) not in devices():
        raise UserError(f"device is {device!r}, which is not here; required one of: {', '.join(devices())}")
    return found


def devices() -> list[str]:
    """The devices of this machine by torch's name for them: cpu first."""
    import torch

    cuda = (
        [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]
