"""Programs that start at once and may be killed: a process that has torch loaded forks one child for each run.

`python -m tests.faults.forks` is that process: requests come as lines of JSON, answers go back as lines of JSON. It
computes nothing itself, so that a child finds no threads missing.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# A loaded machine may take long; nothing here is expected to take a tenth of it.
PATIENCE_SECONDS = 240.0
PRELOADED = (
    "torch",
    "bench.quality.engine",
    "bench.commands.sr_quality",
    "bench.quality.loading",
    "bench.quality.summary",
    "bench.environment",
    "bench.devices",
    "bench.quality.lint",
    "bench.metrics.psnr",
    "bench.metrics.ssim",
    "bench.styling.engine",
    "bench.styling.table",
    "bench.data.crops",
    "rich.console",
    "scipy.ndimage",
    "tests.faults.sabotage",
)


@dataclass(kw_only=True)
class Child:
    """A run of a program in a process of its own.

    Attributes:
        log: file with all that it printed.
    """

    pid: int
    log: Path
    server: Forks

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def alive(self) -> bool:
        """A child that has ended stays a zombie until :meth:`wait`, so the number is never another's."""
        state = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state not in "ZX"

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for a state of the run; fails if the run ends before it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert self.alive() or reached(), f"the run ended too early:\n{self.said}"
            assert time.monotonic() < deadline, f"waited too long:\n{self.said}"
            time.sleep(0.001)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Exit status; of a killed run minus the signal's number."""
        return int(self.server.ask({"wait": self.pid})["status"])


class Forks:
    """The process that forks; a context manager. Its end is that of every child."""

    def __init__(self) -> None:
        environment = os.environ | {
            "OMP_NUM_THREADS": "2",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{json.dumps(request)}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(
        self, program: str, arguments: Sequence[str], folder: Path, *, sabotage: Sequence[Sequence[Any]] = ()
    ) -> Child:
        """Start `python -m bench.PROGRAM` in a folder.

        Args:
            sabotage: names of functions of :mod:`tests.faults.sabotage`, each with its arguments, called before.
        """
        log = folder.parent / f"{folder.name}-{time.monotonic_ns()}.log"
        request = {
            "program": program,
            "arguments": list(arguments),
            "folder": str(folder),
            "log": str(log),
            "sabotage": [list(one) for one in sabotage],
        }
        return Child(pid=int(self.ask(request)["pid"]), log=log, server=self)

    def run(
        self, program: str, arguments: Sequence[str], folder: Path, *, sabotage: Sequence[Sequence[Any]] = ()
    ) -> tuple[int, str]:
        """The same to its end: exit status and all that was printed."""
        child = self.start(program, arguments, folder, sabotage=sabotage)
        return child.wait(), child.said


def serve() -> None:
    """Answer until there are no more requests, then end what still runs."""
    for name in PRELOADED:
        importlib.import_module(name)
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = {"status": os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])}
            children.discard(request["wait"])
        else:
            answer = {"pid": _fork(request)}
            children.add(answer["pid"])
        print(json.dumps(answer), flush=True)
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork(request: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        status = _child(request)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 71
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _child(request: Mapping[str, Any]) -> int:
    from tests.faults import sabotage

    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(here, there)
    os.chdir(request["folder"])
    for name, *arguments in request["sabotage"]:
        getattr(sabotage, name)(*arguments)
    return int(importlib.import_module(f"bench.{request['program']}").main(request["arguments"]))


if __name__ == "__main__":
    serve()
