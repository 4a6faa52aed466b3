"""Compare two results files, two runs or two models: differences, intervals, tests and verdicts.

python -m bench.compare before.db after.db
"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import DONE, FAILED, guard, writable_file

if TYPE_CHECKING:
    from bench.comparing.records import Comparison, Options, Row
    from bench.comparing.request import Side

CONDITIONS = ("worse", "different", "missing")
EXAMPLES = """A and B are each one of
  FILE             everything in a results file
  FILE@RUN         what run number RUN wrote into it
  FILE#MODEL       one model in it (quote the #); also FILE@RUN#MODEL
  MODEL or RUN     a model or a run number in the file of --db
Two models are matched by data set, protocol and metric; anything else by model too. Images are matched by name
and content, timings by form, size and speed protocol.

examples:
  python -m bench.compare bicubic srcnn-955 --db results.db
  python -m bench.compare before.db after.db --fail-on worse,missing --tolerance psnr=0.01
  python -m bench.compare results.db@3 results.db@7 --metrics psnr ssim --json difference.json

verdicts on B: SAME, BETTER, WORSE, UNCLEAR; docs/compare.md defines them
exit status: 0 done, 1 a condition of --fail-on holds or a file cannot be read, 2 bad usage, 130 interrupted"""
HELP = {
    "db": "where bare names and numbers are looked up (default: results.db)",
    "metrics": "only these; `seconds` for timings (default: all)",
    "datasets": "only these, and no timings (default: all)",
    "tolerance": "a difference of the mean up to VALUE is SAME: psnr=0.01 dB, or seconds=0.02 of the median; may be "
    "repeated (default: 0, for seconds 0.05)",
    "alpha": "of the tests; intervals cover 1 - ALPHA (default: 0.05)",
    "holm": "adjust p values for their number (Holm 1979)",
    "allow-unlike": "compare timings of unlike machines",
    "fail-on": "exit with 1 if any row is WORSE; is `different`, anything but SAME; or if something is `missing`: a "
    "result or an image without its counterpart. Separate by commas, or repeat",
    "json": "also write everything, unrounded, as JSON",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.compare",
        description="Compare two results files, two runs or two models: is B better than A, and how sure is that?",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("a", metavar="A", help="the reference")
    p.add_argument("b", metavar="B", help="what is compared with it")
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--metrics", nargs="+", metavar="NAME", help=HELP["metrics"])
    p.add_argument("--datasets", nargs="+", metavar="NAME", help=HELP["datasets"])
    p.add_argument(
        "--tolerance",
        action="append",
        type=tolerance,
        default=[],
        metavar="NAME=VALUE",
        help=HELP["tolerance"],
    )
    p.add_argument("--alpha", type=share, default=0.05, metavar="ALPHA", help=HELP["alpha"])
    p.add_argument("--holm", action="store_true", help=HELP["holm"])
    p.add_argument("--allow-unlike", action="store_true", help=HELP["allow-unlike"])
    p.add_argument(
        "--fail-on",
        action="extend",
        type=conditions,
        default=[],
        metavar="CONDITION",
        help=HELP["fail-on"],
    )
    p.add_argument("--json", type=Path, metavar="FILE", help=HELP["json"])
    return p


def tolerance(text: str) -> tuple[str, float]:
    """`psnr=0.01` as (name, value)."""
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not name or not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}, required NAME=VALUE with a finite value of at least 0")
    return name, number


def share(text: str) -> float:
    """A number between 0 and 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, required a number between 0 and 1")
    return number


def conditions(text: str) -> list[str]:
    """`worse,missing` as a list."""
    names = text.split(",")
    for name in names:
        if name not in CONDITIONS:
            raise argparse.ArgumentTypeError(f"{name!r}, required one of: {', '.join(CONDITIONS)}")
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, compare, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Compare and print."""
    json_file = writable_file(args.json) if args.json else None
    from bench.comparing.records import Options
    from bench.comparing.request import sides
    from bench.comparing.run import compare
    from bench.contents import read
    from bench.outputs import refuse_clashes, store_files

    options = Options(
        metrics=args.metrics and tuple(args.metrics),
        datasets=args.datasets and tuple(args.datasets),
        tolerances=dict(args.tolerance),
        alpha=args.alpha,
        holm=args.holm,
        allow_unlike=args.allow_unlike,
    )
    a, b = sides(args.a, args.b, args.db, functools.cache(lambda file: read([file])))
    refuse_clashes(
        reads=[*store_files("A", a.reading.store), *store_files("B", b.reading.store)],
        writes=[("--json", json_file)] if json_file else [],
    )
    comparison = compare(a, b, options)
    report(comparison, a, b, options)
    if json_file:
        write(json_file, comparison, a, b, options)
    held = [name for name in dict.fromkeys(args.fail_on) if holds(name, comparison)]
    if held:
        print(f"failed: {', '.join(held)} (--fail-on)")
    return FAILED if held else DONE


def report(comparison: Comparison, a: Side, b: Side, options: Options) -> None:
    """Print the tables and what must be known of them."""
    from rich.console import Console

    from bench.comparing.table import closing, remarks, tables
    from bench.printable import printable

    console = Console()
    for side in (a, b):
        print(f"{side.name} is {printable(str(side.reading))}")
    for titled in tables(comparison.rows, options.confidence):
        console.print()
        if titled.title:
            console.print(titled.title, markup=False, highlight=False, style="bold", soft_wrap=True)
        console.print(titled.table)
    print(f"\n{closing(comparison, holm=options.holm, alpha=options.alpha)}")
    for remark in remarks(comparison):
        print(f"- {printable(remark)}")


def write(file: Path, comparison: Comparison, a: Side, b: Side, options: Options) -> None:
    """Everything as JSON."""
    from bench.comparing.to_json import to_json
    from bench.files.replacing import replacing

    with replacing(file) as part:
        part.write_text(to_json(comparison, a, b, options), encoding="utf-8")


def holds(condition: str, comparison: Comparison) -> bool:
    """Whether a condition of `--fail-on` is met."""
    rows: Sequence[Row] = comparison.rows
    if condition == "worse":
        return any(row.verdict == "WORSE" for row in rows)
    if condition == "different":
        return any(row.verdict != "SAME" for row in rows)
    return bool(comparison.left_out) or any(row.effect.unmatched for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
