"""Compare two results files, two runs or two models: differences, intervals, tests and verdicts.

python -m bench.compare before.db after.db
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.arguments import aliases
from bench.cli import guard
from bench.config_file import parse, with_config

CONDITIONS = ("worse", "different", "missing")
EXAMPLES = """A and B are each one of
  FILE             everything in a results file
  FILE@RUN         what run number RUN wrote into it
  FILE#MODEL       one model in it (quote the #); also FILE@RUN#MODEL
  MODEL or RUN     a model or a run number in the file of --db
Two models are matched by data set, protocol and metric; anything else by model too. Images are matched by name
and content, timings by variant, size and speed protocol.

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
    "alpha": "of the tests; intervals cover 1 - X (default: 0.05)",
    "holm": "adjust p values for their number (Holm 1979)",
    "allow-different-machines": "compare timings of different machines",
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
    p.add_argument("--alpha", type=share, default=0.05, metavar="X", help=HELP["alpha"])
    p.add_argument("--holm", action="store_true", help=HELP["holm"])
    p.add_argument("--allow-different-machines", action="store_true", help=HELP["allow-different-machines"])
    aliases(p, allow_unlike="--allow-different-machines")
    p.add_argument(
        "--fail-on",
        action="extend",
        type=conditions,
        default=[],
        metavar="CONDITION",
        help=HELP["fail-on"],
    )
    p.add_argument("--json", type=Path, metavar="FILE", help=HELP["json"])
    return with_config(p)


def tolerance(text: str) -> tuple[str, float]:
    """`psnr=0.01` as (name, value)."""
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    # NaN fails both comparisons.
    if not name or not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}, must be NAME=VALUE with a finite value of at least 0")
    return name, number


def share(text: str) -> float:
    """A number between 0 and 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1 (got {text!r})")
    return number


def conditions(text: str) -> list[str]:
    """`worse,missing` as a list."""
    names = text.split(",")
    for name in names:
        if name not in CONDITIONS:
            raise argparse.ArgumentTypeError(f"{name!r}, must be one of: {', '.join(CONDITIONS)}")
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, compare, print; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)
    options = vars(args)
    return guard(lambda: run(options))


def run(options: Mapping[str, Any]) -> int:
    """Compare."""
    from bench.commands.compare import run as engine

    return engine(options)


if __name__ == "__main__":
    raise SystemExit(main())
