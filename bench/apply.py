"""Stylize or upscale images with any registered model.

python -m bench.apply style-johnson-candy photo.jpg --out stylized
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import arguments
from bench.applying.config import configure
from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.listings import list_applied

EXAMPLES = """examples:
  python -m bench.apply style-johnson-candy photo.jpg --out stylized
  python -m bench.apply style-johnson-mosaic photos/ --out stylized --size 1024 --median
  python -m bench.apply srcnn-955 small/ --out large --scale 3

Each output is a PNG called like its input. An input is never written to. An output that is there already is kept where
it was made of the same input by the same model with the same options, which it says itself; any other is refused.
exit status: 0 done, 1 an image could not be done (the others are), 2 bad usage, 130 interrupted"""
HELP = {
    "model": "a stylizer or upscaler of --list, or the path of one: see docs/models.md",
    "input": "an image, a folder of images, or a named data set",
    "name": "of an output, made of {stem} and {model}: '{stem}-{model}' keeps several models' apart (default: {stem})",
    "scale": "of an upscaler (default: its own where it has one, else 4)",
    "size": "resize first: longer side in pixels, for a stylizer",
    "median": "3x3 median filter afterwards, as the authors' release does; costs a pixel per side",
    "variant": "variant to run: auto, or steps of the sweep joined by +, such as channels_last+folded (default: "
    "auto: the fastest that `bench.speed --sweep` measured here, else a safe one)",
    "tile": "of an upscaler: lr pixels per side of a tile; auto: large images, as memory asks; or off (default: auto)",
    "self-ensemble": "of an upscaler: the mean over 8 flips and rotations",
    "device": "auto, cpu, cuda, cuda:N or mps (default: auto)",
    "db": "the results file with the measured variants (default: results.db)",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.apply",
        description="Stylize or upscale files and folders with any registered model.",
        epilog=EXAMPLES,
    )
    p.add_argument("model", metavar="MODEL", help=HELP["model"])
    p.add_argument("inputs", nargs="+", metavar="INPUT", help=HELP["input"])
    arguments.add_list(p, list_applied, "the names of models")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the PNG files go")
    p.add_argument("--name", default="{stem}", metavar="PATTERN", help=HELP["name"])
    p.add_argument("--scale", type=arguments.scale, metavar="N", help=HELP["scale"])
    p.add_argument("--size", type=arguments.side, metavar="N", help=HELP["size"])
    p.add_argument("--median", action="store_true", help=HELP["median"])
    p.add_argument("--variant", default="auto", metavar="NAME", help=HELP["variant"])
    arguments.aliases(p, rung="--variant")
    p.add_argument("--tile", default="auto", metavar="N", help=HELP["tile"])
    p.add_argument("--self-ensemble", action="store_true", help=HELP["self-ensemble"])
    p.add_argument("--device", default="auto", metavar="NAME", help=HELP["device"])
    p.add_argument("--db", type=Path, default=Path("results.db"), metavar="FILE", help=HELP["db"])
    p.add_argument("--force", action="store_true", help="make outputs again that are there already")
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Check the options, then do what is waiting."""
    config = configure(**vars(args))  # what is wrong with them is said before torch is loaded
    with loading("PyTorch"):
        from bench.commands.apply import apply_model

    return apply_model(config)


if __name__ == "__main__":
    raise SystemExit(main())
