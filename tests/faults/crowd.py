"""Processes that do one thing at one moment: `python -m tests.faults.crowd open|replace FOLDER`; no torch is loaded."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.atomic import atomic_write
from bench.records import Environment, Run
from bench.storage.store import Store, now

PROCESSES, ROUNDS = 6, 8
RUNS, LINES = 3, 500


def at_once(work: Callable[[int], None]) -> int:
    """How many of the processes failed; each is told its number."""
    start = time.monotonic() + 0.05
    children = [os.fork() or _child(work, number, start) for number in range(PROCESSES)]
    return sum(os.waitpid(pid, 0)[1] != 0 for pid in children)


def _child(work: Callable[[int], None], number: int, start: float) -> int:
    status = 1
    try:
        time.sleep(max(0.0, start - time.monotonic()))
        work(number)
        status = 0
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    finally:
        os._exit(status)


def open_new(file: Path) -> None:
    """Runs in a store that others make at the same moment, whose log comes and goes."""
    for _ in range(RUNS):
        with Store(file) as store:
            environment = Environment(facts={})
            store.finish(store.start(Run(program="t", command=(), started=now(), environment=environment)))
        with Store(file, read_only=True) as store:
            store.table("runs")


def replace(file: Path, number: int) -> None:
    """The file, again and again, with what can be told from a mixture of two; one process is killed in between."""
    for _ in range(ROUNDS):
        with atomic_write(file) as part, part.open("w", encoding="utf-8") as stream:
            for line in range(LINES):
                stream.write(f"{number} {line}\n")
                if number == 0 and line == LINES // 2 and random.random() < 0.5:
                    stream.flush()
                    os.kill(os.getpid(), signal.SIGKILL)


def main(what: str, folder: Path) -> int:
    """How many failed, those that were killed skipped."""
    if what == "open":
        return sum(
            at_once(lambda _, index=index: open_new(folder / f"{index}.db")) for index in range(ROUNDS)
        )
    failed = 0
    for _ in range(ROUNDS):
        failed += max(0, at_once(lambda number: replace(folder / "file", number)) - 1)
        lines = (folder / "file").read_text(encoding="utf-8").splitlines()
        failed += lines != [f"{lines[0].split()[0]} {line}" for line in range(LINES)]
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2])))
