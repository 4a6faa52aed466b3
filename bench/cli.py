"""What every program shares: exit statuses, progress, the choice of a device."""

from __future__ import annotations

import gc
import io
import os
import shlex
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench import interrupts
from bench.devices import devices, find_device
from bench.errors import UserError, describe_os_error, out_of_memory
from bench.streams import PipeSafeStream
from bench.text import PLAIN_LINE_EVERY_SECONDS, escape_control_chars, fitted, log, one_line, shortened, show

if TYPE_CHECKING:
    import torch
    from rich.progress import Progress, TaskID

DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
VARIABLE = "PERCEPTUAL_BENCH_DATA"
PACKAGES = ("models", "baselines", "reports")
LONGEST_MESSAGE = 4000
NAMED_FAILURES = 10


def guard(body: Callable[[], int]) -> int:
    """Run a program's body; turn whatever it raises into one message and an exit status.

    0 done, 1 a run that failed (disk full, a defect of ours), 2 bad usage, 130 interrupted. No traceback reaches
    the user; a defect's traceback is written to a file that the message names. The message is one line, with what a
    terminal would obey written out. Streams that are closed swallow what is printed.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:  # by the shell, as in `2>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):  # names may hold what the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
            if interrupts.process.state != "elsewhere":
                setattr(sys, name, PipeSafeStream(stream))
    if folder := os.environ.get(VARIABLE):  # the cache stays where it is, wherever a model's code goes
        os.environ[VARIABLE] = str(Path(folder).expanduser().absolute())
    return interrupts.run(partial(_guarded, body))


def _guarded(body: Callable[[], int]) -> int:
    try:
        status = body()
        # Here, where a full disk is still answered with one message.
        sys.stdout.flush()
    except UserError as error:
        return _complain(str(error), error.exit_status)
    except OSError as error:
        return _complain(describe_os_error(error), FAILED)
    except ImportError as error:
        hidden = _hidden()
        return _complain(hidden, BAD_USAGE) if hidden else _complain(_not_loaded(error), FAILED)
    except Exception as error:
        # A program that never loaded torch does not load it to name an error.
        if isinstance(error, MemoryError) or ("torch" in sys.modules and out_of_memory(error)):
            return _complain("out of memory; give it a smaller size, image or batch, or more memory", FAILED)
        return _complain(_defect(error), FAILED)
    return status


def _not_loaded(error: ImportError) -> str:
    """A package that is there and cannot be loaded: no memory for a library, a part of it that is missing."""
    return (
        f"a package cannot be loaded: {error}; needs the packages of this suite, and memory for their libraries "
        "(`ulimit -v`)"
    )


def _hidden() -> str | None:
    """What to do about a module of the user's that has the name of a package of ours, where there is one."""
    for name in PACKAGES:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).absolute().parents[1] != Path(__file__).absolute().parents[1]:
            return f"{file!r} hides the package {name} of this suite; run from another folder, or with python -P -m ..."
    return None


def _complain(message: str, status: int) -> int:
    text = shortened(one_line(message), LONGEST_MESSAGE)
    print(fitted(f"error: {text}", sys.stderr), file=sys.stderr)
    return status


def _defect(error: Exception) -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="perceptual-bench-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        traceback.print_exception(error, file=log)
    return f"{type(error).__name__}: {error}. This is a defect of perceptual-bench; please report {log.name}"


class Reporter(Protocol):
    """Where a long run says how far it is, and what it is at.

    `begin` and `advance` may be called by different threads.
    """

    def begin(self, label: str) -> None:
        """What `label` names is being worked on from now on; several may be."""

    def advance(self, label: str) -> None:
        """One more unit done; `label` says which, and is not being worked on any more."""

    def note(self, text: str) -> None:
        """A line that stays on the screen."""


class Silent:
    """A reporter that shows nothing, and keeps its lines."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def begin(self, label: str) -> None:
        """Nothing to show."""

    def advance(self, label: str) -> None:
        """Nothing to show."""

    def note(self, text: str) -> None:
        """Kept."""
        self.notes.append(text)


@dataclass
class _Running:
    """What is being worked on, the oldest first."""

    labels: dict[str, None] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, label: str) -> None:
        with self.lock:
            self.labels[label] = None

    def end(self, label: str) -> None:
        with self.lock:
            self.labels.pop(label, None)

    def text(self, done: str) -> str:
        """`set5 x4 baby and 1 more`; what was done last where nothing says that it has begun."""
        with self.lock:
            labels = list(self.labels)
        more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
        return f"{labels[0]}{more}" if labels else done


class _Bar:
    """A progress bar on a terminal."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self.bar, self.task, self.running = bar, task, _Running()

    def begin(self, label: str) -> None:
        self.running.begin(label)
        self._describe(label)

    def advance(self, label: str) -> None:
        self.running.end(label)
        self.bar.update(self.task, advance=1)
        self._describe(label)

    def note(self, text: str) -> None:
        self.bar.console.print(fitted(escape_control_chars(text), sys.stderr), markup=False, highlight=False)

    def _describe(self, label: str) -> None:
        # no more of the line than leaves the bar and the numbers their place
        text = shortened(one_line(self.running.text(label)), max(self.bar.console.width - 50, 16))
        self.bar.update(self.task, description=text)


@dataclass
class _Lines:
    """Plain lines, one every few seconds, where there is no terminal."""

    what: str
    total: int
    done: int = 0
    printed: float = field(default_factory=time.monotonic)
    running: _Running = field(default_factory=_Running)

    def begin(self, label: str) -> None:
        self.running.begin(label)

    def advance(self, label: str) -> None:
        self.done += 1
        self.running.end(label)
        if self.done == self.total or time.monotonic() - self.printed >= PLAIN_LINE_EVERY_SECONDS:
            self.printed = time.monotonic()
            self.note(f"{self.what}: {self.done}/{self.total} ({self.running.text(label)})")

    note = staticmethod(log)


@contextmanager
def progress(what: str, total: int) -> Iterator[Reporter]:
    """A reporter for `total` units of work: a bar on a terminal, plain lines elsewhere; both on standard error."""
    if not sys.stderr.isatty():
        yield _Lines(what, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, bar.add_task(what, total=total))


@contextmanager
def working(what: str) -> Iterator[None]:
    """Around work that says nothing itself: a line that names it, at once on a terminal, elsewhere after some seconds.

    Args:
        what: as in `loading PyTorch`.
    """
    if sys.stderr.isatty():
        log(f"{what} ...")
        yield
        return
    timer = threading.Timer(PLAIN_LINE_EVERY_SECONDS, log, (f"{what} ...",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def loading(what: str) -> Iterator[None]:
    """Around the import of large packages: as :func:`working`, without garbage collection meanwhile (a tenth of the time).

    What a program has loaded stays until its end, so that no later collection looks there either.

    Args:
        what: as in `PyTorch`.
    """
    with working(f"loading {what}"):
        if interrupts.process.state == "elsewhere":
            yield
            return
        gc.disable()
        try:
            yield
        finally:
            gc.freeze()
            gc.enable()


def next_step(*results: Path) -> None:
    """After a run that wrote results files: the command that makes the report of them."""
    print(f"report:  python -m reports {shlex.join(str(as_given(each)) for each in results)}")


def device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; `auto` takes a GPU where there is one.

    Raises:
        UserError: this machine has no such device.
    """
    # The last one listed is a GPU where there is any; without its number, so that CUDA's current device is taken.
    return find_device(devices()[-1].partition(":")[0] if name == "auto" else name)


def writable_file(path: Path) -> Path:
    """`path`, absolute, after its folder was made; refuses a folder in its place before any work is done."""
    if path.is_dir():
        raise UserError(f"{str(path)!r} is a folder; must be a file name")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.absolute()


def as_given(path: Path) -> Path:
    """An absolute path for people: below the working directory without what every path there begins with."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def print_missing(what: str, lines: Sequence[str]) -> None:
    """What the tables lack; each was named when it happened, this stays at the end of a long run.

    Args:
        what: as in `a stored image could not be scored`.
        lines: one for each time; nothing is printed without any.
    """
    if lines:
        print()
        show(f"{len(lines)} time{'' if len(lines) == 1 else 's'} {what}:")
    for line in lines[:NAMED_FAILURES]:
        show(f"  {line}")
    if len(lines) > NAMED_FAILURES:
        show(f"  and {len(lines) - NAMED_FAILURES} more; the reasons are above and in the results file")
