"""Explain a number: one pair of images, or two folders, under every convention that is in use.

python -m bench.explain SR HR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.explaining.config import Config
from bench.explaining.library_presets import LIBRARIES

EXAMPLES = """SR and HR are two images, or two folders whose images are paired by name; HR may be a data set's name, too.

examples:
  python -m bench.explain out/baby.png data/baby.png
  python -m bench.explain out/set5 set5 --scale 4 --match 32.46 0.8968
  python -m bench.explain out/set5 set5 --like basicsr
  python -m bench.explain --db results.db --dataset set5 --model srcnn-955
  python -m bench.explain --kernels set5

exit status: 0 done, 1 no convention gives the number of --match, 2 bad usage or nothing to measure, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.explain",
        description="PSNR and SSIM of the same pixels under every convention in use, and which library prints which.",
        epilog=EXAMPLES,
    )
    p.add_argument(
        "images", nargs="*", metavar="SR HR", help="two images or two folders; with --kernels HR alone"
    )
    p.add_argument(
        "--scale",
        type=arguments.scale,
        default=4,
        metavar="N",
        help="upscaling factor, and the border crop in pixels (default: 4)",
    )
    p.add_argument(
        "--pattern",
        metavar="TEXT",
        help="how SR's files are called, as {stem}_RCAN_BIX4 (default: found out)",
    )
    p.add_argument("--like", metavar="LIBRARY", help=f"only what this one prints: {', '.join(LIBRARIES)}")
    p.add_argument(
        "--match", nargs="+", metavar="NUMBER", help="name the conventions that give it, as 32.46 or 0.8968"
    )
    p.add_argument(
        "--tolerance", type=float, metavar="X", help="of --match (default: half of its last digit)"
    )
    p.add_argument("--all", action="store_true", help="show every convention, not only those in use")
    p.add_argument("--kernels", action="store_true", help="HR alone: the scores of three bicubic kernels")
    p.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON")
    stored = p.add_argument_group("a stored result, instead of SR and HR")
    stored.add_argument("--db", type=Path, metavar="FILE", help="a results file with its images")
    stored.add_argument("--dataset", metavar="NAME", help="of --db")
    stored.add_argument("--model", metavar="NAME", help="of --db")
    stored.add_argument(
        "--protocol", default="johnson2016", metavar="NAME", help="of --db (default: johnson2016)"
    )
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    p = parser()
    args, _ = parse(p, argv)
    if args.db and (args.images or args.kernels or not (args.dataset and args.model)):
        p.error("--db goes with --dataset and --model, without SR and HR")
    if not args.db and (args.dataset or args.model):
        p.error("--dataset and --model go with --db")
    if not args.db and len(args.images) != (1 if args.kernels else 2):
        p.error(
            f"{len(args.images)} paths are given; must be {'HR' if args.kernels else 'SR and HR, or --db'}"
        )
    if args.scale < 1:
        p.error(f"--scale must be at least 1 (got {args.scale})")
    return guard(lambda: run(vars(args)))


def run(options: Mapping[str, Any]) -> int:
    """Check the options, then measure."""
    config = Config.of(options)  # what is wrong with them is said before torch is loaded
    with loading("PyTorch"):
        from bench.commands.explain import run as engine

    return engine(config)


if __name__ == "__main__":
    sys.exit(main())
