"""What `bench.merge` does once its options are parsed: join results files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.cli import DONE
from bench.errors import UserError
from bench.outputs import same_path
from bench.printable import printable
from bench.store import Store


def run(into: Path, files: Sequence[Path]) -> int:
    """Join, file after file, each whole or not at all.

    Raises:
        UserError: a file is the results file itself.
        StoreError: a file is missing or is no results file.
    """
    for file in files:
        if same_path(file, into):
            raise UserError(f"{str(file)!r} is to be joined into itself; required other files")
        Store(file, read_only=True).close()
    with Store(into) as store:
        for file in files:
            merged = store.merge(file)
            runs = f"{merged.runs} run{'' if merged.runs == 1 else 's'}"
            print(f"{printable(str(file))}: {merged.scores} scores, {runs} not here yet")
            if merged.others:
                print(f"  {merged.others} scores were here with another value; those of this file are kept")
    return DONE
