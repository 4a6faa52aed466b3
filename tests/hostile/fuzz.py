"""Fuzz a target, guided by what its code does; what comes out is a file that repeats what was found.

python -m tests.hostile.fuzz images --seconds 600

Needs atheris (`pip install atheris`), which no test depends on. Bytes that begin with a zero byte are taken as the seed
of the target's own mutators, so that those are guided as well.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

LIMITS = ("-rss_limit_mb=4096", "-timeout=30", "-max_len=65536", "-verbosity=0", "-artifact_prefix=hostile-")
COVERED = ("bench", "reports", "PIL")


def main(argv: Sequence[str] | None = None) -> int:
    """Run until the time or the cases are used up, or a case fails."""
    args = parser().parse_args(argv)
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=list(COVERED)):
        from tests.hostile.reading import folder
        from tests.hostile.targets import TARGETS
    if args.target not in TARGETS:
        print(f"no target is called {args.target!r}; there are: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    target = TARGETS[args.target]
    count, last = 0, time.monotonic() + args.seconds

    def one(content: bytes) -> None:
        nonlocal count
        count += 1
        seeded = content[:1] == b"\0"
        target.check(target.cases(random.Random(content)) if seeded else content)
        if count == args.cases or time.monotonic() > last:
            print(f"{args.target}: {count} cases, none failed", flush=True)
            shutil.rmtree(folder(), ignore_errors=True)
            os._exit(0)  # libFuzzer ends by itself without a word on how many there were

    with tempfile.TemporaryDirectory() as corpus:
        for number, content in enumerate((*target.sound(), *(bytes([0, n]) for n in range(32)))):
            (Path(corpus) / str(number)).write_bytes(content)
        atheris.Setup([sys.argv[0], *LIMITS, corpus], one)
        atheris.Fuzz()
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m tests.hostile.fuzz", description=(__doc__ or "").splitlines()[0]
    )
    p.add_argument("target", help="images, manifest, paper, options, weights, store or preference")
    p.add_argument("--seconds", type=int, default=60, metavar="N", help="default: 60")
    p.add_argument("--cases", type=int, default=0, metavar="N", help="end after so many (default: no end)")
    return p


if __name__ == "__main__":
    raise SystemExit(main())
