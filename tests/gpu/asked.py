"""What a run was asked for, and what a part may raise; imports nothing that needs more than Python."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DONE, FAILED, SKIPPED = 0, 1, 3


class Skip(Exception):
    """A part that cannot run here; the message says what it lacks."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One run.

    Attributes:
        out: the folder of the results.
        device: `cuda`, or `cpu` for a dry run.
        smoke: the same functions on images so small, and so few times, that it takes seconds.
        crops: what :mod:`tests.gpu.pack` wrote; None for none.
    """

    out: Path
    device: str
    smoke: bool = False
    crops: Path | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Asked:
        found = json.loads(text)
        crops = found.pop("crops")
        return cls(**{**found, "out": Path(found["out"])}, crops=None if crops is None else Path(crops))
