"""Results as lines of JSON, on the disk as soon as they are made; what a cut run has written stays."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "results.jsonl"


@dataclass(kw_only=True)
class Record:
    """Where a part writes what it finds.

    Attributes:
        file: that lines are appended to.
        beyond: names of comparisons that were beyond their limit.
    """

    file: Path
    part: str
    started: float = field(default_factory=time.monotonic)
    beyond: list[str] = field(default_factory=list)

    def write(self, item: str, **values: Any) -> None:
        """One result."""
        self._line({"item": item, **values})

    def compare(self, item: str, value: float, limit: float, **values: Any) -> None:
        """A number that must be at most `limit`; NaN is beyond any. The part goes on, and fails in the end."""
        ok = bool(value <= limit)
        if not ok:
            self.beyond.append(item)
        self._line({"item": item, "value": value, "limit": limit, "ok": ok, **values})

    def left_out(self, item: str, reason: str) -> None:
        """Something within the part that cannot be done here."""
        self._line({"item": item, "left_out": reason})
        print(f"skipped: {item}: {reason}", flush=True)

    def end(self, status: str, reason: str = "") -> None:
        """What became of the part."""
        self._line({"end": status, "reason": reason})

    def _line(self, values: dict[str, Any]) -> None:
        seconds = round(time.monotonic() - self.started, 3)
        append(self.file, {"part": self.part, "at": seconds, **values})


def append(file: Path, values: dict[str, Any]) -> None:
    """One line, forced to the disk."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(plain(values), allow_nan=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def plain(value: Any) -> Any:
    """As JSON takes it: a number that is not finite, a path or anything else becomes text."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def read(file: Path) -> list[dict[str, Any]]:
    """Every whole line; one that was cut off is skipped."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found
