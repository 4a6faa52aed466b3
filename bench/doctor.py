"""What this machine is, and which data files are present, missing or damaged.

python -m bench.doctor --fetch set5
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.diagnostics.config import Config

EXAMPLES = """examples:
  python -m bench.doctor                      which files are present, by size
  python -m bench.doctor --verify             which files are present, by sha256
  python -m bench.doctor --fetch              download everything (1.6 GB)
  python -m bench.doctor --fetch set5 vgg16   download two groups
  python -m bench.doctor --json doctor.json   the same for a program
  python -m bench.doctor --report             a block to paste into an issue, without names, paths and tokens
  python -m bench.doctor --report --db results.db   the last runs and failures too

Files lie in $PERCEPTUAL_BENCH_DATA, or in perceptual-bench in the user's cache directory.
exit status: 0 nothing is damaged, 1 a file is damaged or could not be downloaded, 2 bad usage, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.doctor",
        description="Show the machine, the versions, which data files are present, missing or damaged, and what can run.",
        epilog=EXAMPLES,
    )
    p.add_argument(
        "--fetch",
        nargs="*",
        metavar="GROUP",
        help="download what is missing or damaged: of these groups, or everything",
    )
    p.add_argument("--verify", action="store_true", help="check the hash of every file instead of its size")
    p.add_argument(
        "--verbose", action="store_true", help="name every missing file; with --fetch show everything, too"
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="also write the findings as JSON")
    p.add_argument("--report", action="store_true", help="print only a block to paste into an issue")
    p.add_argument(
        "--db",
        type=Path,
        metavar="FILE",
        help="with --report: a results file, whose last runs and failures are listed",
    )
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, fetch, examine, print; see :data:`EXAMPLES`."""
    p = parser()
    args, _ = parse(p, argv)
    if args.db and not args.report:
        p.error("--db goes with --report")
    if args.report and (args.json or args.fetch is not None):
        p.error("--report goes with --db and --verify only")
    return guard(lambda: run(Config(**vars(args))))


def run(config: Config) -> int:
    """Examine this machine."""
    with loading("PyTorch"):
        from bench.commands.doctor import run as engine

    return engine(config)


if __name__ == "__main__":
    raise SystemExit(main())
