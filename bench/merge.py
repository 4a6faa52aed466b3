"""Join results files, such as those of the parts that `--shard` makes.

python -m bench.merge results.db part1.db part2.db
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.cli import guard
from bench.config_file import parse, with_config

EXAMPLES = """examples:
  python -m bench.sr_quality my_images/ --shard 1/2 --db part1.db
  python -m bench.sr_quality my_images/ --shard 2/2 --db part2.db
  python -m bench.merge results.db part1.db part2.db
  python -m bench.merge results.db from_a.db from_b.db --contributor "Lab A" "Lab B"
  python -m bench.sr_quality my_images/ --db results.db

A file that was joined before can be joined again: nothing is there twice. The files that are joined stay as they are.
The last command prints the whole table and scores nothing.
exit status: 0 done, 2 a file cannot be joined, 130 interrupted"""

CONTRIBUTOR_HELP = (
    "who made the runs of each FILE, in the order of the files, or one name for all; kept with each run beside its "
    "machine. A run that has a name keeps it"
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.merge",
        description="Join results files into one; it is made where it does not exist.",
        epilog=EXAMPLES,
    )
    p.add_argument(
        "into", type=Path, metavar="RESULTS.db", help="the results file that everything comes into"
    )
    p.add_argument("files", nargs="+", type=Path, metavar="FILE", help="results files to join, in this order")
    p.add_argument("--contributor", nargs="+", default=[], metavar="NAME", help=CONTRIBUTOR_HELP)
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, join, say what came; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)
    return guard(lambda: run(args.into, args.files, args.contributor))


def run(into: Path, files: Sequence[Path], contributors: Sequence[str] = ()) -> int:
    """Join, file after file."""
    from bench.commands.merge import run as engine

    return engine(into, files, contributors)


if __name__ == "__main__":
    raise SystemExit(main())
