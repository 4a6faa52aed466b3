"""A leaderboard: many models under one protocol and one stopwatch, named in one file, measured and reported.

python -m bench.leaderboard reports/leaderboards/efficient_sr/leaderboard.toml
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import Command, parse, with_config
from bench.leaderboards import STEPS

EXAMPLES = """examples:
  python -m bench.leaderboard leaderboard.toml --db results.db --out leaderboard
  python -m bench.leaderboard leaderboard.toml --only quality
  python -m bench.leaderboard leaderboard.toml --only quality --limit 2

The file is described in docs/leaderboard.md. Interrupted runs resume: repeat the command. What is
wrong with a key, a model or a metric is said with its place, and everything else is done.
exit status: 0 done, 1 something of it could not be measured, 2 bad usage, 130 interrupted"""
HELP = {
    "file": "a TOML file: models, data sets, scales, metrics, protocol, sizes",
    "db": "the results file (default: results.db)",
    "out": "folder of the report, and of leaderboard.json (default: leaderboard)",
    "only": "quality (scores), speed (times and cards), report: some of the steps (default: all)",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "shard": arguments.SHARD_HELP,
    "limit": "only the first N images of each data set",
    "force": "measure again what the results file already has",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.leaderboard",
        description="Measure the models of a file, quality and speed, and write the report.",
        epilog=EXAMPLES,
    )
    p.add_argument("file", type=Path, metavar="FILE", help=HELP["file"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--out", type=Path, default=Path("leaderboard"), metavar="DIR", help=HELP["out"])
    p.add_argument("--only", nargs="+", choices=STEPS, default=[*STEPS], metavar="STEP", help=HELP["only"])
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    arguments.add_engine_options(p)
    p.add_argument("--shard", metavar="I/N", help=HELP["shard"])
    p.add_argument("--limit", type=arguments.count, metavar="N", help=HELP["limit"])
    p.add_argument("--force", action="store_true", help=HELP["force"])
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, report; see :data:`EXAMPLES`."""
    args, command = parse(parser(), argv)
    return guard(lambda: run(args, command))


def run(args: argparse.Namespace, command: Command) -> int:
    """Check the file, then measure."""
    from bench.leaderboards.config import Config, read

    config = Config(**{**vars(args), "only": tuple(args.only)})
    board = read(config.file)  # what is wrong with it is said before torch is loaded
    with loading("PyTorch"):
        from bench.commands.leaderboard import leaderboard

    return leaderboard(config, board, command)


if __name__ == "__main__":
    raise SystemExit(main())
