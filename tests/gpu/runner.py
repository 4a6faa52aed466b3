"""Runs parts one after the other, each in a process that is stopped at its limit, and says what became of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tests.gpu.asked import DONE, FAILED, ROOT, SKIPPED, Asked
from tests.gpu.parts import Part
from tests.gpu.record import FILE, append, read

LEAST_SECONDS = 5.0
"""A part that has less than this left is not begun."""
Status = Literal["done", "failed", "timed out", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a part.

    Attributes:
        results: lines that it wrote, comparisons within or beyond their limit among them.
        left_out: items that it could not do here.
    """

    name: str
    status: Status
    reason: str
    seconds: float
    results: int = 0
    left_out: int = 0

    def __str__(self) -> str:
        what = f"{self.results} results" + (f", {self.left_out} skipped" if self.left_out else "")
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.name:<12} {self.status:<10} {self.seconds:6.1f} s  {what}{reason}"


def run(parts: Sequence[Part], asked: Asked, *, seconds: float) -> int:
    """Run them all; the folder `asked.out` has the results of each as soon as there are any.

    Args:
        seconds: of all parts together; those that are left then are skipped.

    Returns:
        0 all done, 1 one failed or ran out of its time, 3 none did but one was skipped.
    """
    (asked.out / "logs").mkdir(parents=True, exist_ok=True)
    (asked.out / FILE).unlink(missing_ok=True)
    end = time.monotonic() + seconds
    outcomes: list[Outcome] = []
    for part in parts:
        left = end - time.monotonic()
        found = one(part, asked, left) if left > LEAST_SECONDS else no_time(part, asked)
        outcomes.append(found)
        print(found, flush=True)
        write_summary(asked.out, outcomes, parts[len(outcomes) :])
    return status_of(outcomes)


def one(part: Part, asked: Asked, left: float) -> Outcome:
    """A part in a process, stopped with all that it started when its time or that of the run is up."""
    limit = min(part.smoke_seconds if asked.smoke else part.seconds, left)
    started = time.monotonic()
    command = [sys.executable, "-m", "tests.gpu.child", part.name, part.target, asked.to_json()]
    with (asked.out / "logs" / f"{part.name}.txt").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(asked),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            stop(process)
    return outcome(part, asked, code, time.monotonic() - started, limit)


def environment(asked: Asked) -> dict[str, str]:
    """Of a part's process: our own packages before any that is installed; in a dry run one thread."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    # Threads that wait for each other on a machine that others use take many times as long as one.
    threads = {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"} if asked.smoke else {}
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **threads}


def stop(process: subprocess.Popen[bytes]) -> None:
    """The process and every one that it started; nothing where they have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def outcome(part: Part, asked: Asked, code: int | None, seconds: float, limit: float) -> Outcome:
    """From the lines that the part wrote; one that could not say how it ended gets such a line here."""
    lines = [line for line in read(asked.out / FILE) if line.get("part") == part.name]
    said = next((line for line in lines if "end" in line), None)
    if code is None:
        status, reason = "timed out", f"stopped after {limit:.0f} s"
    elif said is None:
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        status, reason = "failed", f"ended with {how}; logs/{part.name}.txt has what it printed"
    else:
        status, reason = said["end"], said["reason"]
    if said is None or code is None:
        append(asked.out / FILE, {"part": part.name, "end": status, "reason": reason})
    items = [line for line in lines if "item" in line]
    left_out = sum("left_out" in line for line in items)
    return Outcome(
        name=part.name,
        status=status,
        reason=reason,
        seconds=seconds,
        results=len(items) - left_out,
        left_out=left_out,
    )


def no_time(part: Part, asked: Asked) -> Outcome:
    reason = "no time was left for it"
    append(asked.out / FILE, {"part": part.name, "end": "skipped", "reason": reason})
    return Outcome(name=part.name, status="skipped", reason=reason, seconds=0.0)


def status_of(outcomes: Iterable[Outcome]) -> int:
    """The exit status."""
    found = {each.status for each in outcomes}
    if found & {"failed", "timed out"}:
        return FAILED
    return SKIPPED if "skipped" in found else DONE


def write_summary(out: Path, outcomes: Sequence[Outcome], pending: Sequence[Part]) -> None:
    """As text and as JSON, anew after each part, and whole whenever the run is cut."""
    lines = [*map(str, outcomes), *(f"{part.name:<12} pending" for part in pending)]
    lines += ["", "beyond their limit:", *beyond(read(out / FILE))]
    content: dict[str, Any] = {
        "parts": [asdict(each) for each in outcomes],
        "pending": [part.name for part in pending],
        "exit_status": status_of(outcomes),
    }
    replace(out / "summary.txt", "\n".join(lines) + "\n")
    replace(out / "summary.json", json.dumps(content, indent=1) + "\n")


def beyond(lines: Iterable[dict[str, Any]]) -> list[str]:
    """Each comparison that failed; "none" where none did."""
    return [
        f"  {line['part']}: {line['item']} is {line['value']}, must be at most {line['limit']}"
        for line in lines
        if line.get("ok") is False
    ] or ["  none"]


def replace(file: Path, text: str) -> None:
    """The whole file or the old one."""
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
