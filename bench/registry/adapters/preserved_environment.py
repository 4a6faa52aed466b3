"""A callable may do what it likes: what it changes of the process is put back when it returns.

That is: working directory, standard streams, environment variables, handlers of signals, the random states of Python,
NumPy and torch, and torch's default dtype and device, number of threads, gradient mode and settings of precision and
determinism. What a callable allocates, imports or starts stays. Several models may be at work in threads: everything is
put back to what it was before the first of them began.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import numpy as np
import torch

Kept: TypeAlias = dict[str, tuple[Callable[[], Any], Callable[[Any], None]]]
"""How each is looked at, and put back."""

# Guards `_at_work`, and the process while it is looked at or put back: no two threads do that at once.
_lock = threading.RLock()
# Whether this thread is in a block already, as a network that is called while its factory is looked at.
_inside = threading.local()
_at_work: list[dict[str, Any]] = []
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def preserved_environment() -> Iterator[None]:
    """External code runs in the block; afterwards the process is as it was.

    Inside of another one only what takes no time is put back at once, so that a stopwatch around many calls does not
    time it.
    """
    if getattr(_inside, "yes", False):
        before = {name: look() for name, (look, _) in QUICK.items()}
        try:
            yield
        finally:
            _put_back(QUICK, before)
        return
    with _lock:
        # the first one's: the state of now may hold what a callable in another thread has changed
        _at_work.append(_at_work[0] if _at_work else _of_the_process())
    mine = _of_the_thread()
    _inside.yes = True
    try:
        yield
    finally:
        _inside.yes = False
        with _lock:
            # all entries are one and the same, so that any of them may go
            _put_back(PROCESS, _at_work.pop())
        _put_back(THREAD, mine)


def _put_back(kept: Kept, before: dict[str, Any]) -> None:
    for name, (_, put_back) in kept.items():
        with suppress(Exception):  # what cannot be put back is not what the run is stopped for
            put_back(before[name])


def _of_the_process() -> dict[str, Any]:
    return {name: look() for name, (look, _) in PROCESS.items()}


def _of_the_thread() -> dict[str, Any]:
    return {name: look() for name, (look, _) in THREAD.items()}


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 (called with every image)
    except OSError:  # removed
        return None


def _into(folder: str | None) -> None:
    if folder is not None and _folder() != folder:
        os.chdir(folder)


def _put_streams(streams: tuple[Any, Any, Any]) -> None:
    for number, (name, stream) in enumerate(zip(("stdin", "stdout", "stderr"), streams, strict=True)):
        if stream is not None and stream.closed:
            # closing Python's object leaves the system's stream open
            stream = open(number, "r" if number == 0 else "w", closefd=False, errors="backslashreplace")  # noqa: PLW2901, SIM115
        setattr(sys, name, stream)


def _variables() -> dict[Any, Any]:
    return dict(os.environ._data)  # type: ignore[attr-defined]  # undecoded, which is 100 times faster


def _put_variables(variables: dict[Any, Any]) -> None:
    if os.environ._data == variables:  # type: ignore[attr-defined]
        return
    decode = os.environ.decodevalue
    for name in set(os.environ) - {decode(name) for name in variables}:
        del os.environ[name]
    os.environ.update({decode(name): decode(value) for name, value in variables.items()})


def _handlers() -> dict[signal.Signals, Any]:
    return {number: signal.getsignal(number) for number in SIGNALS}


def _put_handlers(handlers: dict[signal.Signals, Any]) -> None:
    # Python sets handlers in the main thread alone
    if threading.current_thread() is not threading.main_thread():
        return
    for number, handler in handlers.items():
        # None: installed by something that is not Python, which cannot be put back from here
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _random_states() -> tuple[Any, Any, Any]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _put_random_states(before: tuple[Any, Any, Any]) -> None:
    now = _random_states()
    if now[0] != before[0]:
        random.setstate(before[0])
    if any(np.any(a != b) for a, b in zip(now[1], before[1], strict=True)):
        np.random.set_state(before[1])
    if not torch.equal(now[2], before[2]):
        torch.set_rng_state(before[2])


def _settings() -> tuple[Any, ...]:
    backends = torch.backends
    return (
        torch.get_default_dtype(),
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        backends.cudnn.enabled,
        backends.cudnn.benchmark,
        backends.cudnn.deterministic,
        backends.mkldnn.matmul.fp32_precision,  # type: ignore[attr-defined]
        backends.mkldnn.conv.fp32_precision,  # type: ignore[attr-defined]
        torch.is_autocast_enabled("cpu"),
    )


def _put_settings(before: tuple[Any, ...]) -> None:
    if _settings() == before:
        return
    dtype, matmul, deterministic, warn_only, cudnn, benchmark, cudnn_deterministic, own, conv, autocast = (
        before
    )
    torch.set_default_dtype(dtype)
    # before mkldnn's own setting below, which it sets as well
    torch.set_float32_matmul_precision(matmul)
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    torch.backends.cudnn.enabled = cudnn
    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cudnn.deterministic = cudnn_deterministic
    torch.backends.mkldnn.matmul.fp32_precision = own  # type: ignore[attr-defined]
    torch.backends.mkldnn.conv.fp32_precision = conv  # type: ignore[attr-defined]
    torch.set_autocast_enabled("cpu", autocast)


def _put_threads(count: int) -> None:
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def _put_gradient_mode(mode: bool) -> None:
    torch.set_grad_enabled(mode)


def _device() -> Any:
    # private, since torch.get_default_device does not tell "none was set" from the CPU
    return getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)


def _put_device(context: Any) -> None:
    if _device() is not context:
        torch.set_default_device(None if context is None else context.device)


PROCESS: Kept = {
    "working directory": (_folder, _into),
    "streams": (lambda: (sys.stdin, sys.stdout, sys.stderr), _put_streams),
    "variables": (_variables, _put_variables),
    "handlers": (_handlers, _put_handlers),
    "random states": (_random_states, _put_random_states),
    "settings of torch": (_settings, _put_settings),
}
THREAD: Kept = {
    "threads": (torch.get_num_threads, _put_threads),
    "gradient mode": (torch.is_grad_enabled, _put_gradient_mode),
    "default device": (_device, _put_device),
}
# Cheap to read: a call that is timed pays for these alone.
QUICK: Kept = {
    **THREAD,
    "working directory": PROCESS["working directory"],
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
}
