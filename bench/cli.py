"""What every program shares: exit statuses, progress, the choice of a device."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bench import interrupts
from bench.errors import UserError
from bench.printable import one_line, printable, shortened

if TYPE_CHECKING:
    import torch

DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
VARIABLE = "PERCEPTUAL_BENCH_DATA"
PACKAGES = ("models", "baselines", "reports")
PLAIN_LINE_EVERY_SECONDS = 5.0
LARGE_BYTES = 5_000_000
LONGEST_MESSAGE = 4000


def guard(body: Callable[[], int]) -> int:
    """Run a program's body; turn whatever it raises into one message and an exit status.

    0 done, 1 a run that failed (disk full, a defect of ours), 2 bad usage, 130 interrupted. No traceback reaches
    the user; a defect's traceback is written to a file that the message names. The message is one line, with what a
    terminal would obey written out. Streams that are closed swallow what is printed.
    """
    try:
        _open_streams()
        _anchor_cache()
        interrupts.running()
        status = _guarded(body)
        interrupts.ended()
    except KeyboardInterrupt:
        return interrupts.over()
    return interrupts.over() if interrupts.seen() else status  # the exception was lost in a callback


def _guarded(body: Callable[[], int]) -> int:  # noqa: PLR0911 (one for each kind of error)
    try:
        status = body()
        sys.stdout.flush()
    except UserError as error:
        return _complain(str(error), error.exit_status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        return _complain(describe_os_error(error), FAILED)
    except ImportError as error:
        hidden = _hidden()
        return _complain(hidden, BAD_USAGE) if hidden else _complain(_not_loaded(error), FAILED)
    except Exception as error:
        if isinstance(error, MemoryError) or _out_of_memory(error):
            return _complain("out of memory; required a smaller size, image or batch, or more memory", FAILED)
        return _complain(_defect(error), FAILED)
    return status


def _open_streams() -> None:
    """Both streams take any letter; one that the shell closed (`2>&-`) leads nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):  # names may hold what the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")


def _anchor_cache() -> None:
    """The cache's folder stays where it is, wherever a model's code goes."""
    value = os.environ.get(VARIABLE)
    if value:
        os.environ[VARIABLE] = str(Path(value).expanduser().absolute())


def _not_loaded(error: ImportError) -> str:
    """A package that is there and cannot be loaded: no memory for a library, a part of it that is missing."""
    return (
        f"a package cannot be loaded: {error}; required the packages of this suite, and memory for their libraries "
        "(`ulimit -v`)"
    )


def _out_of_memory(error: Exception) -> bool:
    if "torch" not in sys.modules:
        return False
    from bench.out_of_memory import out_of_memory

    return out_of_memory(error)


def _hidden() -> str | None:
    """What to do about a module of the user's that has the name of a package of ours, where there is one."""
    for name in PACKAGES:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and Path(file).absolute().parents[1] != Path(__file__).absolute().parents[1]:
            return f"{file!r} hides the package {name} of this suite; run from another folder, or with python -P -m ..."
    return None


def _complain(message: str, status: int) -> int:
    text = one_line(message)
    print(f"error: {shortened(text, LONGEST_MESSAGE)}", file=sys.stderr)
    return status


def describe_os_error(error: OSError) -> str:
    """`No space left on device: 'results/x.png'`: the reason first, then the file."""
    file = f": {os.fspath(error.filename)!r}" if error.filename else ""
    return f"{error.strerror or error}{file}"


def _defect(error: Exception) -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="perceptual-bench-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        traceback.print_exception(error, file=log)
    return f"{type(error).__name__}: {error}. This is a defect of perceptual-bench; please report {log.name}"


class Reporter(Protocol):
    """Where a long run says how far it is."""

    def advance(self, label: str) -> None:
        """One more unit done; `label` says which."""

    def note(self, text: str) -> None:
        """A line that stays on the screen."""


class _Bar:
    """A progress bar on a terminal."""

    def __init__(self, bar: object, task: object) -> None:
        self.bar, self.task = bar, task

    def advance(self, label: str) -> None:
        self.bar.update(self.task, advance=1, description=one_line(label))  # type: ignore[attr-defined]

    def note(self, text: str) -> None:
        self.bar.console.print(printable(text), markup=False, highlight=False)  # type: ignore[attr-defined]


class _Lines:
    """Plain lines, one every few seconds, where there is no terminal."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0
        self.said = time.monotonic()

    def advance(self, label: str) -> None:
        self.done += 1
        if self.done == self.total or time.monotonic() - self.said >= PLAIN_LINE_EVERY_SECONDS:
            self.said = time.monotonic()
            self.note(f"{self.what}: {self.done}/{self.total} ({label})")

    def note(self, text: str) -> None:
        print(printable(text), file=sys.stderr, flush=True)


def say(text: str) -> None:
    """A line on standard error, above whatever bar is there."""
    print(printable(text), file=sys.stderr, flush=True)


class ByteBar:
    """How much of a large file has come: a bar on a terminal, a plain line every few seconds elsewhere.

    Nothing is shown before `total` is set, nor for a file below 5 MB, which is here before one could read it.
    """

    def __init__(self, what: str) -> None:
        self.what, self.done, self._total = what, 0, 0
        self.said = time.monotonic()
        self.screen: Any = None

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, count: int) -> None:
        self._total, self.said = count, time.monotonic()
        if count < LARGE_BYTES or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
        console = Console(stderr=True)
        self.screen = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.task = self.screen.add_task(self.what, total=count)
        self.screen.start()

    def update(self, count: int) -> None:
        """`count` more bytes have come."""
        self.done += count
        if self.screen is not None:
            self.screen.update(self.task, advance=count)
        elif self._total >= LARGE_BYTES and time.monotonic() - self.said >= PLAIN_LINE_EVERY_SECONDS:
            self.said = time.monotonic()
            say(f"{self.what}: {self.done / 1e6:.0f} of {self._total / 1e6:.0f} MB")

    def close(self) -> None:
        """Take it off the screen."""
        if self.screen is not None:
            self.screen.stop()
            self.screen = None


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


def device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; `auto` takes a GPU where there is one.

    Raises:
        UserError: this machine has no such device.
    """
    from bench.environment import devices, find_device

    return find_device(devices()[-1].partition(":")[0] if name == "auto" else name)


def writable_file(path: Path) -> Path:
    """`path`, absolute, after its folder was made; refuses a folder in its place before any work is done."""
    if path.is_dir():
        raise UserError(f"{str(path)!r} is a folder; required a file name")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.absolute()


def as_given(path: Path) -> Path:
    """An absolute path for people: below the working directory without what every path there begins with."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def refuse_replaced(stores: Sequence[Path], files: Sequence[Path], replaced: Sequence[Path]) -> None:
    """Refuse to replace files and folders of an earlier output that what is read is, or lies in.

    Args:
        stores: results files that are read; `files` all else that is.

    Raises:
        UserError: names both.
    """
    from bench.files.outputs import refuse_clashes, store_files

    refuse_clashes(
        reads=[
            *(each for store in stores for each in store_files("the results file", store)),
            *(("the file", file) for file in files),
        ],
        replaced=[("an earlier output's", path) for path in replaced],
    )
