"""What is done to a run, in its own process, before it starts: moments to be killed at, and faults."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn

MARK = "reached"
"""File that appears in the run's folder at the moment."""


def wait_forever() -> None:
    Path(MARK).touch()
    threading.Event().wait()


def at_moment(moment: str, count: int = 1) -> None:
    """Stop for good at the `count`-th time that a moment is reached; see :data:`MOMENTS`."""
    MOMENTS[moment](Countdown(count))


class Countdown:
    """True when it is asked for the `count`-th time."""

    def __init__(self, count: int) -> None:
        self.left, self.lock = count, threading.Lock()

    def __call__(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left == 0


def _before(owner: object, name: str, now: Callable[..., bool]) -> None:
    real = getattr(owner, name)

    def stopping(*arguments: Any, **named: Any) -> Any:
        if now(*arguments):
            wait_forever()
        return real(*arguments, **named)

    setattr(owner, name, stopping)


def _after(owner: type, name: str, now: Callable[[], bool]) -> None:
    real = getattr(owner, name)

    def stopping(*arguments: Any, **named: Any) -> Any:
        result = real(*arguments, **named)
        if now():
            wait_forever()
        return result

    setattr(owner, name, stopping)


def _opening(now: Countdown) -> None:
    from bench.storage.store import Store

    _before(Store, "_open", lambda *_: now())


def _making(now: Countdown) -> None:
    """In the transaction that makes the tables."""
    from bench.storage.store import Store

    _before(Store, "_pragma", lambda self, _: self._db.in_transaction and now())


def _half_a_picture(now: Countdown) -> None:
    real = Image.Image.save

    def save(self: Image.Image, file: Any, format: str | None = None, **options: Any) -> None:
        if not now():
            return real(self, file, format=format, **options)
        whole = io.BytesIO()
        real(self, whole, format=format, **options)
        Path(file).write_bytes(whole.getvalue()[: whole.tell() // 2])
        return wait_forever()

    Image.Image.save = save  # type: ignore[method-assign, assignment]


def _pictures_without_rows(now: Countdown) -> None:
    from bench.storage.store import Store

    _before(Store, "add", lambda *_: now())


def _half_a_transaction(now: Countdown) -> None:
    """Some of what goes with an image is inserted."""
    from bench.storage import saved_images

    _before(saved_images, "insert", lambda *_: now())  # scores are in, failures are not


def _rows_stored(now: Countdown) -> None:
    from bench.storage.store import Store

    _after(Store, "add", now)


def _finishing(now: Countdown) -> None:
    from bench.storage.store import Store

    _before(Store, "finish", lambda *_: now())


def _finished(now: Countdown) -> None:
    from bench.storage.store import Store

    _before(Store, "__exit__", lambda *_: now())


def _half_an_export(now: Countdown) -> None:
    real = Path.write_text

    def write_text(self: Path, text: str, *arguments: Any, **named: Any) -> int:
        if now():
            real(self, text[: len(text) // 2], *arguments, **named)
            wait_forever()
        return real(self, text, *arguments, **named)

    Path.write_text = write_text  # type: ignore[method-assign, assignment]


def _optimising(now: Countdown) -> None:
    from bench.styling.methods import Optimisation

    _before(Optimisation, "make", lambda *_: now())


MOMENTS: dict[str, Callable[[Countdown], None]] = {
    "the store is opened": _opening,
    "the tables are made": _making,
    "half a picture": _half_a_picture,
    "pictures without rows": _pictures_without_rows,
    "half a transaction": _half_a_transaction,
    "rows stored": _rows_stored,
    "about to finish": _finishing,
    "finished, store open": _finished,
    "half an export": _half_an_export,
    "an optimisation begins": _optimising,
}


def impatient(seconds: float) -> None:
    """A locked store is given up after `seconds`."""
    from bench.storage import store

    store.BUSY_SECONDS = seconds  # type: ignore[attr-defined]


def no_file_above(count: int) -> None:
    """The operating system refuses to let a file grow beyond `count` bytes."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, resource.RLIM_INFINITY))


class Swapped(nn.Module):
    """A style network of a kind: red and blue change places."""

    def forward(self, content: Tensor) -> Tensor:
        return content.flip(1)


def small_style() -> None:
    """Style networks and a loss network that need no file."""
    import torch

    from bench import loss_networks
    from bench.registry import stylizers
    from bench.registry.stylizers import StylizerEntry
    from models.vgg import LossNetwork, random_loss_network

    def load(name: str, layers: Sequence[str]) -> LossNetwork:
        return random_loss_network(name, layers)

    torch.set_num_threads(1)
    entry = StylizerEntry(
        name="swapped", about="", hash_id="test", target=f"{__name__}:Swapped", style="mine", loss_network=""
    )
    stylizers.STYLIZERS = {"swapped": entry}  # type: ignore[assignment]
    loss_networks.load = load  # type: ignore[assignment]


def no_room_for_the_log(count: int) -> None:
    """Once the run has begun, the operating system lets no file grow larger than the store's log and `count` bytes."""
    from bench.storage.integrity import log_of
    from bench.storage.store import Store

    real = Store.start

    def start(self: Store, *arguments: Any) -> int:
        number = real(self, *arguments)
        no_file_above(log_of(self.file).stat().st_size + count)
        return number

    Store.start = start  # type: ignore[method-assign]


def few_pages(count: int) -> None:
    """SQLite finds the disk full when the results file would have `count` pages more than empty tables have."""
    from bench.storage.store import Store

    real = Store._open

    def opened(self: Store, read_only: bool) -> None:
        real(self, read_only)
        self._db.execute(f"pragma max_page_count = {self._pragma('page_count') + count}")

    Store._open = opened  # type: ignore[method-assign]
