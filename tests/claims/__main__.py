"""Every number of README.md against a fresh run.

python -m tests.claims            all of them: about an hour on two cores
python -m tests.claims --quick    what takes minutes
python -m tests.claims --only set5 constants
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.claims import readme, verdicts
from tests.claims.runs import CommandFailed
from tests.claims.sources import SOURCES, Source
from tests.claims.table import claims
from tests.claims.verdicts import Line

WIDEST = {"claim": verdicts.SHOWN, "README.md says": 34, "fresh": 34, "verdict": 60}
MACHINE = "Intel Xeon 2.50GHz, 2 cores"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="nox -s claims --", description="Every number of README.md against a fresh run."
    )
    p.add_argument("--quick", action="store_true", help="leave out what takes more than a few minutes")
    p.add_argument("--only", nargs="+", metavar="SOURCE", choices=SOURCES, help=f"of: {', '.join(SOURCES)}")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write the verdicts")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """0 where nothing is contradicted and nothing failed, else 1."""
    args = parser().parse_args(argv)
    text = readme.read()
    chosen = [claim for claim in claims(text) if claim.sources]
    needed = [name for name in SOURCES if any(name in claim.sources for claim in chosen)]
    absent = {name: why for name in needed if (why := left_out(SOURCES[name], args.quick, args.only))}
    with tempfile.TemporaryDirectory(prefix="claims-") as folder:
        results, failed = run([name for name in needed if name not in absent], Path(folder))
    lines = [verdicts.judge(claim, text, results, absent | failed) for claim in chosen]
    print_table(lines)
    if args.json:
        args.json.write_text(verdicts.to_json(lines), encoding="utf-8")
    return int(any(line.fails for line in lines))


def left_out(source: Source, quick: bool, only: Sequence[str] | None) -> str:
    """Why a source is not run; empty for one that is."""
    reasons: Iterator[tuple[object, str]] = iter(
        (
            (source.unable, source.unable),
            (only and source.name not in only, "not asked for"),
            (quick and source.cost == "long", "takes long: without --quick"),
            (source.data and not os.environ.get("PERCEPTUAL_BENCH_DATA"), "needs PERCEPTUAL_BENCH_DATA"),
            (source.timed and not is_the_machine(), "other machine"),
        )
    )
    return next((reason for condition, reason in reasons if condition), "")


def is_the_machine() -> bool:
    """Whether times can be compared with those in README.md."""
    from bench.environment import environment, summary

    return summary(environment()).startswith(MACHINE)


def run(names: Sequence[str], folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Results by source, and the reasons of those that failed; each in a folder of its own."""
    results: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name in names:
        print(f"{name}: {SOURCES[name].about}", flush=True)
        place = folder / name.replace(" ", "-")
        place.mkdir()
        try:
            results[name] = SOURCES[name].run(place)
        except (CommandFailed, OSError, LookupError, ValueError) as error:
            failed[name] = f"{verdicts.FAILED}{type(error).__name__}: {error}"
        except KeyboardInterrupt:  # what was measured until then is judged all the same
            return results, failed | {
                each: "interrupted" for each in names if each not in {*results, *failed}
            }
    return results, failed


def print_table(lines: Sequence[Line]) -> None:
    """What contradicts stands last, where it is seen."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("claim", "README.md says", "fresh", "verdict"):
        table.add_column(column, overflow="fold", no_wrap=column == "claim", max_width=WIDEST[column])
    for row in verdicts.rows(sorted(lines, key=lambda line: line.fails)):
        table.add_row(*row)
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 190)
    console.print("", table, "", verdicts.summary(lines), sep="\n", soft_wrap=True)


if __name__ == "__main__":
    raise SystemExit(main())
