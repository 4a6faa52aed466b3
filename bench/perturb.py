"""Shifted and noisy copies of a data set's images, to see what each metric makes of errors whose size is known.

python -m bench.perturb set5 perturbed
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.errors import UserError

EXAMPLES = """examples:
  python -m bench.perturb set5 perturbed
  python -m bench.sr_quality set5 --models bicubic perturbed/shift-1 perturbed/noise-5 --db perturbed.db
  python -m bench.perturb photographs perturbed --kinds shift-1 shift-3 noise-12

shift-N: the image N pixels to the right, its left column repeated. noise-N: Gaussian noise, standard deviation N
levels of 255, rounded to 8 bits, seeded by the file hash. Each kind is a folder of PNG files named like the images.
exit status: 0 done, 1 an image could not be read or written, 2 bad usage, 130 interrupted"""
KINDS = ("shift-0", "shift-1", "shift-2", "noise-2", "noise-5", "noise-10")
KIND = re.compile(r"(shift|noise)-(\d{1,3})")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.perturb",
        description="Write shifted and noisy copies of images, to be scored like the images of a model.",
        epilog=EXAMPLES,
    )
    p.add_argument("hr", metavar="IN_FOLDER", help="a folder of images, or the name of a data set")
    p.add_argument("out", metavar="OUT_FOLDER", type=Path, help="gets a folder for each kind")
    words = f"shift-N (pixels) or noise-N (levels of 255) (default: {' '.join(KINDS)})"
    p.add_argument("--kinds", nargs="+", default=list(KINDS), metavar="KIND", help=words)
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)
    options = vars(args)
    return guard(lambda: run(options))


def run(options: Mapping[str, Any]) -> int:
    """Check the options, then write."""
    kinds = {name: parsed(name) for name in options["kinds"]}  # wrong ones are named before torch is loaded
    with loading("PyTorch"):
        from bench.commands.perturb import run as engine

    return engine(options["hr"], options["out"], kinds)


def parsed(kind: str) -> tuple[str, int]:
    """`shift-2` as ("shift", 2).

    Raises:
        UserError: it is neither shift-N nor noise-N.
    """
    found = KIND.fullmatch(kind)
    if found is None:
        raise UserError(f"a kind must be shift-N or noise-N, N from 0 to 999 (got {kind!r})")
    return found[1], int(found[2])


if __name__ == "__main__":
    raise SystemExit(main())
