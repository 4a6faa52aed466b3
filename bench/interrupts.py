"""How the process of a program ends.

By Ctrl-C, from its first line on: one message, exit status 130, and never a traceback or a run that goes on. Python
runs a signal's handler between two of its own instructions in the main thread, where an exception may be lost (in a
callback of the garbage collector), and not at all during a native call. So a thread waits for the signal itself: it
gives the program `GRACE_SECONDS` to close its files, then ends the process; a second signal ends it at once. Results
files outlive that, as they outlive a kill.

With its own status: as any Python process, but without the deallocation of every object (0.3 s once torch is loaded).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Literal, NoReturn

from bench.text import one_line

GRACE_SECONDS = 1.5
SAME_SECONDS = 0.05  # `timeout -s INT` signals a process and then its group
STATUS = 130
SHOW_CURSOR = b"\r\x1b[K\x1b[?25h"
RESUMES = "stopped: repeat the same command to resume"
DONE_BEFORE = "what is there already is not done again"


@dataclass
class Process:
    """What became of this process.

    Attributes:
        state: `elsewhere` where no program began it, then `starting`, `running`, `ended`.
        interrupted: whether it was, whatever became of the exception.
        said: the message is out.
        raised: the exception is on its way.
        kept: what is there already when the program is started again.
        status: the exit status that the program has come to.
    """

    state: Literal["elsewhere", "starting", "running", "ended"] = "elsewhere"
    interrupted: bool = False
    said: bool = False
    raised: bool = False
    kept: str = DONE_BEFORE
    status: int | None = None


process = Process()


def install() -> None:
    """Say that this process was started for a program (`bench/__init__.py`), and take SIGINT for it; in the main thread.

    SIGINT that is ignored from outside stays ignored. A second call does nothing.
    """
    if process.state != "elsewhere":
        return
    process.state = "starting"
    atexit.register(_skip_deallocation)  # the first that is registered is the last that is called
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    reader, writer = os.pipe()
    # set_wakeup_fd refuses a descriptor that could block inside a signal handler.
    os.set_blocking(writer, False)
    signal.signal(signal.SIGINT, _handle)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if hasattr(os, "register_at_fork"):  # a child's signals are not this process's
        os.register_at_fork(after_in_child=_in_child)
    threading.Thread(target=_watch, args=(reader,), name="interrupts", daemon=True).start()


def run(body: Callable[[], int]) -> int:
    """Run a program's body: an interrupt is a `KeyboardInterrupt` in it. A process started for it is over after it."""
    if process.state == "starting":
        process.state = "running"
    try:
        status = body()
    except KeyboardInterrupt:
        return over()
    if process.state == "running":
        process.state, process.status = "ended", status
    return over() if process.interrupted else status  # the exception was lost in a callback


def keeps(what: str) -> None:
    """What an interrupted run has not to do again when its command is repeated: `scores are kept in results.db`."""
    process.kept = one_line(what)


def log() -> None:
    """The message, once, and how to go on."""
    if process.said:
        return
    process.said = True
    how = f"{RESUMES}\n{process.kept}\n" if process.state != "elsewhere" else ""
    text = f"{how}error: interrupted\n"
    try:
        if sys.stderr is not None and process.state == "elsewhere":
            sys.stderr.write(text)
            process.said = False  # of a program that is called again in this process
        else:
            # Past sys.stderr: the interrupted code may be in the middle of writing to it.
            os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + text.encode())
    except (OSError, ValueError):  # closed
        return


def over() -> int:
    """After the program's own files are closed: the message, and the end of a process that was started for it.

    The exit status is 130, which is not left to Python: it waits for threads that have an image in work, and ends by
    the signal itself where the exception went through a library's C code.
    """
    if process.state == "running":
        process.state = "ended"
    log()
    if process.state == "ended":
        _end(STATUS)
    return STATUS


def _end(status: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _skip_deallocation() -> None:
    """The last of the functions that Python calls when it ends, after threads and what libraries have asked for."""
    if process.status is not None:
        _end(process.status)


def leave() -> None:
    """End the process now."""
    log()
    os._exit(STATUS)


def _handle(number: int, frame: FrameType | None) -> None:
    """In the main thread; from the second time on the watching thread does what is to be done."""
    # No program's code runs yet, or no longer: nobody would answer an exception.
    if process.state in {"starting", "ended"}:
        leave()
    if process.state == "running" and not process.raised:
        process.interrupted = process.raised = True
        raise KeyboardInterrupt


def _watch(reader: int) -> None:
    deadline: float | None = None
    while True:
        left = None if deadline is None else max(deadline - time.monotonic(), 0)
        ready, _, _ = select.select([reader], [], [], left)
        if not ready:
            leave()
        # One byte for each signal that came, whichever it was.
        if signal.SIGINT not in os.read(reader, 64):
            continue
        now = time.monotonic()
        if deadline is None:
            process.interrupted = True
            deadline = now + GRACE_SECONDS
        elif now > deadline - GRACE_SECONDS + SAME_SECONDS:
            leave()


def _in_child() -> None:
    # Signals can be set in the main thread alone; a child forked from another one keeps what it has.
    if threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(-1)
        if signal.getsignal(signal.SIGINT) is _handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)
