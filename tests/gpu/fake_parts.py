"""Parts that do what can go wrong, for the tests of the runner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests.gpu.asked import Asked, Skip
from tests.gpu.record import Record

LONG = 60.0


def good(asked: Asked, record: Record) -> None:
    """Two results within their limits."""
    record.write("device", name=asked.device, smoke=asked.smoke)
    record.compare("small", 0.5, 1.0)


def beyond(asked: Asked, record: Record) -> None:
    """A comparison that fails, and one after it that does not."""
    record.compare("not a number", float("nan"), 1.0)
    record.compare("small", 0.5, 1.0)


def raises(asked: Asked, record: Record) -> None:
    """A result, then an error."""
    record.write("before", value=1)
    raise RuntimeError("invented")


def lacks(asked: Asked, record: Record) -> None:
    """Says what it lacks."""
    raise Skip("no such file here")


def crashes(asked: Asked, record: Record) -> None:
    """Ends as a fault in a driver would end it."""
    record.write("before", value=1)
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(asked: Asked, record: Record) -> None:
    """A result, then nothing for long, with a child that would outlive it."""
    child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({LONG})"])
    record.write("before", child=child.pid)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    time.sleep(LONG)
