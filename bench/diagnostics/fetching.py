"""Many files into the cache, several at a time; progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from bench import cli
from bench.data import cache, manifest
from bench.errors import MissingFile, UserError

AT_ONCE = 6


class OnFinished(Protocol):
    """Told of each file that no more will come of."""

    def __call__(self, name: str, *, failed: bool) -> None: ...


def fetch(names: Sequence[str]) -> tuple[str, ...]:
    """Download those of the manifest's files that are missing or damaged.

    Returns:
        For each file that could not be had, why.
    """
    stop = threading.Event()
    with _display(names) as (advance, screen), ThreadPoolExecutor(AT_ONCE, "fetch") as pool:
        futures = [pool.submit(_fetch_one, name, Transfer(name, stop, screen)) for name in names]
        try:
            return tuple(_failures(futures, advance))
        except BaseException:
            stop.set()
            # Not waited for: each download under way sees `stop` with its next bytes.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class Transfer:
    """A file under way, as :class:`bench.data.download.Bar`.

    Attributes:
        total: bytes that the server announced; setting it puts the file on the screen.
    """

    def __init__(self, name: str, stop: threading.Event, screen: Progress | None) -> None:
        self.name, self.stop, self.screen = name, stop, screen
        self.task: TaskID | None = None

    @property
    def total(self) -> int:
        # A download sets it and never reads it.
        return 0

    @total.setter
    def total(self, count: int) -> None:
        if self.screen is not None:
            self.task = self.screen.add_task(self.name, total=count or None)

    def update(self, count: int) -> None:
        """`count` more bytes have come. Raises CancelledError once `stop` is set, which ends the download."""
        if self.stop.is_set():
            raise CancelledError
        if self.screen is not None and self.task is not None:
            self.screen.update(self.task, advance=count)

    def close(self) -> None:
        """Take the file off the screen."""
        if self.screen is not None and self.task is not None:
            self.screen.remove_task(self.task)
            self.task = None


def _fetch_one(name: str, transfer: Transfer) -> tuple[str, str]:
    """The name, and why the file could not be had; empty if it is here."""
    try:
        cache.fetch(name, bar=transfer)
    except UserError as error:
        return name, error.what if isinstance(error, MissingFile) else str(error)
    finally:
        transfer.close()
    return name, ""


def _failures(futures: Sequence[Future[tuple[str, str]]], advance: OnFinished) -> Iterator[str]:
    for future in as_completed(futures):
        name, reason = future.result()
        advance(name, failed=bool(reason))
        if reason:
            yield reason


@contextmanager
def _display(names: Sequence[str]) -> Iterator[tuple[OnFinished, Progress | None]]:
    """What is told that a file is done, and the screen for the bytes of those under way, if there is one."""
    if not sys.stderr.isatty():
        with cli.progress("fetching", len(names)) as reporter:

            def done(name: str, *, failed: bool) -> None:
                reporter.advance(f"{name}: failed" if failed else name)

            yield done, None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    sizes = {name: manifest.file(name).bytes or 0 for name in names}  # 0: of a size that is not pinned
    with Progress(*columns, console=Console(stderr=True), transient=True) as screen:
        whole = screen.add_task(f"0 of {len(names)} files", total=sum(sizes.values()) or None)
        ends: list[bool] = []

        def advance(name: str, *, failed: bool) -> None:
            ends.append(failed)
            text = f"{len(ends)} of {len(names)} files" + (f", {sum(ends)} failed" if any(ends) else "")
            screen.update(whole, advance=sizes[name], description=text)

        yield advance, screen
