"""Own functions that run: `python -m tests.trace bench.sr_quality ARGUMENT...` lists those of a program, by file.

Imports nothing of this project by itself, so that what runs at import counts too.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]
OURS = tuple(str(ROOT / layer) + "/" for layer in ("bench", "baselines", "models"))
NO_FUNCTIONS = {"<module>", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>"}
IS_FUNCTION = 1  # of co_flags: a class body has it not


def functions_of(run: Callable[[], object]) -> set[tuple[str, str]]:
    """File and name of each of this project's functions that run, in any thread."""
    seen: set[tuple[str, str]] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        ours = code.co_filename.startswith(OURS) and code.co_name not in NO_FUNCTIONS
        if event == "call" and ours and code.co_flags & IS_FUNCTION:
            seen.add((code.co_filename[len(str(ROOT)) + 1 :], code.co_qualname))

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return seen


def listing(found: Iterable[tuple[str, str]]) -> str:
    """A line for each file: its name, and its functions behind a tab."""
    names: dict[str, list[str]] = {}
    for file, name in sorted(found):
        names.setdefault(file, []).append(name)
    return "\n".join(f"{file}\t{', '.join(functions)}" for file, functions in names.items())


if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    statuses: list[int] = []
    print(listing(functions_of(lambda: statuses.append(importlib.import_module(program).main(arguments)))))
    raise SystemExit(statuses[0])
