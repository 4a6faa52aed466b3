"""One part in this process: `python -m tests.gpu.child NAME TARGET ASKED`, started by :mod:`tests.gpu.runner`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence

from tests.gpu.asked import DONE, FAILED, SKIPPED, Asked, Skip
from tests.gpu.record import FILE, Record

LONGEST_REASON = 300


def main(argv: Sequence[str]) -> int:
    """0 done, 1 it failed or a comparison did, 3 it cannot run here; the record says why."""
    name, target, text = argv
    follow_the_runner()
    asked = Asked.from_json(text)
    record = Record(file=asked.out / FILE, part=name)
    module, _, function = target.partition(":")
    try:
        getattr(importlib.import_module(module), function)(asked, record)
    except Skip as reason:
        record.end("skipped", str(reason))
        return SKIPPED
    except Exception as error:  # whatever goes wrong in a part is its result, and the next part is run
        traceback.print_exc()
        record.end("failed", f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST_REASON])
        return FAILED
    if record.beyond:
        many = ", ".join(record.beyond)
        record.end("failed", f"{len(record.beyond)} beyond their limit: {many}"[:LONGEST_REASON])
        return FAILED
    record.end("done")
    return DONE


def follow_the_runner() -> None:
    """End with the runner, however it ends: this process leads a session of its own, which nobody else would stop."""
    runner = os.getppid()

    def watch() -> None:
        while os.getppid() == runner:
            time.sleep(0.5)
        os.killpg(0, signal.SIGKILL)

    if os.getpgid(0) == os.getpid():
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
