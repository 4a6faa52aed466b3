"""What `bench.merge` does once its options are parsed: join results files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.cli import DONE, next_step
from bench.data.untrusted import short_repr
from bench.errors import UserError
from bench.outputs import same_path
from bench.storage.store import Store
from bench.text import escape_control_chars

LONGEST_NAME = 200


def run(into: Path, files: Sequence[Path], contributors: Sequence[str] = ()) -> int:
    """Join, file after file, each whole or not at all.

    Args:
        contributors: who made the runs of each file; one for all of them, or none.

    Raises:
        UserError: a file is the results file itself, or contributors are not as many as files.
        StoreError: a file is missing or is no results file.
    """
    if len(contributors) not in {0, 1, len(files)}:
        raise UserError(
            f"--contributor has {len(contributors)} names for {len(files)} files; must be one for each, or one for all"
        )
    for name in contributors:
        if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
            raise UserError(
                f"--contributor is {short_repr(name)}; must be a name of 1 to {LONGEST_NAME} printable characters"
            )
    names = list(contributors) * (len(files) if len(contributors) == 1 else 1) or [""] * len(files)
    for file in files:
        if same_path(file, into):
            raise UserError(f"{str(file)!r} is to be joined into itself; must be other files")
        # All are opened before the first is joined: a wrong name as the last of ten changes nothing.
        Store(file, read_only=True).close()
    with Store(into) as store:
        for file, name in zip(files, names, strict=True):
            merged = store.merge(file, contributor=name)
            runs = f"{merged.runs} run{'' if merged.runs == 1 else 's'}"
            joined = escape_control_chars(str(file))
            print(f"{joined}: {merged.scores} scores, {runs} not here yet")
            if merged.others:
                print(
                    f"  {merged.others} scores were here with another value and are replaced by those of {joined}"
                )
    next_step(into)
    return DONE
