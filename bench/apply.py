"""Stylize or upscale images with any registered model.

python -m bench.apply style-johnson-candy photo.jpg --out stylized
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import arguments
from bench.cli import DONE, FAILED, device, guard, progress
from bench.printable import printable

if TYPE_CHECKING:
    from bench.applying.request import Request

EXAMPLES = """examples:
  python -m bench.apply style-johnson-candy photo.jpg --out stylized
  python -m bench.apply style-johnson-mosaic photos/ --out stylized --size 1024 --median
  python -m bench.apply srcnn-955 small/ --out large --scale 3

Each output is a PNG called like its input. An input is never written to. An output that is there already is kept where
it was made of the same input by the same model with the same options, which it says itself; any other is refused.
exit status: 0 done, 1 an image could not be done (the others are), 2 bad usage, 130 interrupted"""
HELP = {
    "model": "a registered stylizer or upscaler (a wrong name prints them all), or the path of one: see docs/models.md",
    "input": "an image, a folder of images, or a named data set",
    "name": "of an output, made of {stem} and {model}: '{stem}-{model}' keeps several models' apart (default: {stem})",
    "scale": "of an upscaler (default: its own where it has one, else 4)",
    "size": "resize first: longer side in pixels, for a stylizer",
    "median": "3x3 median filter afterwards, as the authors' release does; costs a pixel per side",
    "rung": "form to run in: auto, or words of the ladder joined by +, such as channels_last+folded (default: auto, "
    "which takes the fastest that `bench.speed --ladder` measured here, else a safe one)",
    "tile": "of an upscaler: lr pixels per side of a tile; auto: large images, as memory asks; or off (default: auto)",
    "self-ensemble": "of an upscaler: the mean over 8 flips and rotations",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "db": "where measured rungs are looked for (default: results.db)",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.apply",
        description="Stylize or upscale files and folders with any registered model.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("model", metavar="MODEL", help=HELP["model"])
    p.add_argument("inputs", nargs="+", metavar="INPUT", help=HELP["input"])
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the PNG files go")
    p.add_argument("--name", default="{stem}", metavar="PATTERN", help=HELP["name"])
    p.add_argument("--scale", type=arguments.scale, metavar="N", help=HELP["scale"])
    p.add_argument("--size", type=arguments.side, metavar="N", help=HELP["size"])
    p.add_argument("--median", action="store_true", help=HELP["median"])
    p.add_argument("--rung", default="auto", metavar="NAME", help=HELP["rung"])
    p.add_argument("--tile", default="auto", metavar="N", help=HELP["tile"])
    p.add_argument("--self-ensemble", action="store_true", help=HELP["self-ensemble"])
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--force", action="store_true", help="make outputs again that are there already")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Do every image; a broken one is named and the others are done."""
    from bench.applying.request import request

    asked = request(
        model=args.model,
        inputs=args.inputs,
        out=args.out,
        scale=args.scale,
        size=args.size,
        median=args.median,
        rung=args.rung,
        force=args.force,
        db=args.db,
        tile=args.tile,
        self_ensemble=args.self_ensemble,
        name=args.name,
    )
    for line in asked.left_out:
        print(printable(line), file=sys.stderr)
    kept = len(asked.images) - len(asked.waiting)
    done, failed = work(asked, args.device) if asked.waiting else (0, 0)
    print(f"{done} image{'s' if done != 1 else ''} written to {args.out}")
    if kept:
        print(f"{kept} there already and kept; --force makes them again")
    if failed:
        print(f"{failed} could not be done, see above")
    return FAILED if failed else DONE


def work(asked: Request, device_name: str) -> tuple[int, int]:
    """Load the model and do what is waiting; returns how many were done and how many failed."""
    from bench import participants
    from bench.applying.images import apply
    from bench.forms.choose import settle
    from bench.forms.form import exact_float32

    exact_float32()
    participant = participants.load(asked.model, scale=asked.scale, device=device(device_name))
    runner, waiting, why = settle(asked, participant)
    print(f"{asked.model} on {participant.device}, {runner.form.name}: {why}")
    with progress("apply", len(waiting)) as reporter:
        failed = apply(asked, waiting, runner, reporter)
    return len(waiting) - failed, failed


if __name__ == "__main__":
    raise SystemExit(main())
