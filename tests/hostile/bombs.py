"""Each bomb decoded in a process of its own, whose memory is bounded; prints what came of it as JSON.

python -m tests.hostile.bombs FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hostile.archives import weight_bombs
from tests.hostile.hostile_images import bombs

ALLOWED_BYTES = 2**30


def main(folder: Path) -> list[dict[str, object]]:
    """Name, what was said, seconds and growth of memory in MiB of every bomb."""
    from bench.data.images import decode, read
    from bench.registry.adapters.checkpoint import read as read_weights

    decode(b"P5 1 1 255\n\0", "warm")  # what is loaded once does not count
    tasks: list[tuple[str, Callable[[], object]]] = []
    for name, make in bombs():
        file = folder / f"{name}.png"
        file.write_bytes(make())
        tasks.append((name, lambda file=file: read(file)))
    for file in weight_bombs(folder):
        tasks.append((file.name, lambda file=file: read_weights(file)))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ALLOWED_BYTES, resource.RLIM_INFINITY))
    return [dict(_run(name, task)) for name, task in tasks]


def _run(name: str, task: Callable[[], object]) -> Iterator[tuple[str, object]]:
    before, start = _peak(), time.perf_counter()
    yield "name", name
    try:
        task()
        yield "said", ""
    except ValueError as error:
        yield "said", str(error)
    yield "seconds", time.perf_counter() - start
    yield "mebibytes", _peak() - before


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
