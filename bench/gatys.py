"""Stylize images by optimisation: the paper's baseline, for any style picture.

python -m bench.gatys photo.jpg --style starry_night.jpg --out stylized
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.data import styles

EXAMPLES = """examples:
  python -m bench.gatys photo.jpg --style starry_night.jpg --out stylized
  python -m bench.gatys photos/ --style the_wave.jpg --out stylized --size 256 --iterations 100
  python -m bench.gatys photo.jpg --style la_muse.jpg --out stylized --loss-network vgg19-conv3_1

An iteration at 512x512 takes 1 to 2 s on two CPU cores, half of that with units for bfloat16. Each output is a PNG
called like its input. One that is there already is kept where it was made of the same input and style with the same
options, which it says itself; any other is refused.
exit status: 0 done, 1 an image could not be done (the others are), 2 bad usage, 130 interrupted"""
SIZE = 512


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.gatys",
        description="Stylize by optimisation of the image (Gatys et al.), as the paper's baseline does.",
        epilog=EXAMPLES,
    )
    p.add_argument("inputs", nargs="+", metavar="CONTENT", help="an image, a folder of images, or a data set")
    p.add_argument("--style", required=True, metavar="IMAGE", help="a file, or the name of a style image")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the PNG files go")
    p.add_argument(
        "--name",
        default="{stem}",
        metavar="PATTERN",
        help="of an output, made of {stem} and {style}: '{stem}-{style}' keeps several styles' apart (default: {stem})",
    )
    p.add_argument(
        "--size", type=arguments.side, default=SIZE, metavar="N", help="longer side of result and style"
    )
    p.add_argument("--iterations", type=arguments.count, default=500, metavar="N", help="of the optimisation")
    p.add_argument("--method", choices=("lbfgs", "adam"), default="lbfgs", help="the optimiser")
    p.add_argument(
        "--initial", choices=tuple(styles.INITIAL), default="gaussian", help="the image it starts from"
    )
    p.add_argument("--style-weight", type=float, metavar="X", help="content's is 1 (default: the network's)")
    p.add_argument(
        "--tv-weight", type=float, metavar="X", help="of the total variation (default: the network's)"
    )
    p.add_argument(
        "--loss-network",
        choices=tuple(styles.LOSS_WEIGHTS),
        default="vgg16",
        help="whose features are compared",
    )
    for name in ("content", "style"):
        p.add_argument(
            f"--{name}-layers", nargs="+", metavar="NAME", help=f"of the {name} loss (default: the network's)"
        )
    words = (
        "of the loss network's layers; auto: bf16 on a CPU with units for it, else float32 (default: auto)"
    )
    p.add_argument("--precision", choices=("auto", "float32", "bf16"), default="auto", help=words)
    p.add_argument("--seed", type=arguments.seed, default=0, metavar="N", help="of the noise (default: 0)")
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    p.add_argument("--force", action="store_true", help="make outputs again that are there already")
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)

    def body() -> int:
        with loading("PyTorch"):
            from bench.commands.gatys import run

        return run(args)

    return guard(body)


if __name__ == "__main__":
    raise SystemExit(main())
