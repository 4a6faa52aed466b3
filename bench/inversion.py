"""What a layer keeps: images from the features of contents and from the Gram matrices of styles (Figures 3 and 4).

python -m bench.inversion contents --size 256
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.data.styles import LOSS_WEIGHTS

EXAMPLES = """examples:
  python -m bench.inversion contents --size 256
  python -m bench.inversion --styles starry_night la_muse --size 256
  python -m bench.inversion photo.jpg photos/ --layers relu1_1 relu3_1 --loss-network vgg19-conv3_1 --iterations 100

Each image begins as white noise. Interrupted runs resume: repeat the command.
exit status: 0 done, 1 of some layer there is no image at all, 2 bad usage, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.inversion",
        description="Images from the features of contents (Figure 3) and from the Gram matrices of styles (Figure 4), "
        "layer by layer.",
        epilog=EXAMPLES,
    )
    p.add_argument(
        "contents", nargs="*", metavar="CONTENT", help="an image, a folder of images, or a data set"
    )
    p.add_argument("--styles", nargs="+", default=[], metavar="NAME", help="style images: names, or files")
    add_objective(p)
    p.add_argument(
        "--iterations", type=arguments.count, default=500, metavar="N", help="of L-BFGS (default: 500)"
    )
    p.add_argument("--seed", type=arguments.seed, default=0, metavar="N", help="of the noise (default: 0)")
    p.add_argument(
        "--limit", type=arguments.count, metavar="N", help="only the first N images of each data set"
    )
    p.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    p.add_argument(
        "--db",
        type=Path,
        default=Path("results.db"),
        metavar="FILE",
        help="the results file (default: results.db)",
    )
    p.add_argument(
        "--save-images",
        type=Path,
        default=Path("results/inversion"),
        metavar="DIR",
        help="where the PNG files go (default: results/inversion)",
    )
    arguments.aliases(p, pictures="--save-images")
    p.add_argument("--force", action="store_true", help="make again what the results file already has")
    return with_config(p)


def add_objective(p: argparse.ArgumentParser) -> None:
    """What is minimised."""
    p.add_argument("--layers", nargs="+", metavar="NAME", help="for contents (default: those of Figure 3)")
    p.add_argument(
        "--style-layers", nargs="+", metavar="NAME", help="for styles (default: those of Figure 4)"
    )
    p.add_argument(
        "--loss-network", choices=tuple(LOSS_WEIGHTS), default="vgg16", help="whose features are inverted"
    )
    p.add_argument(
        "--tv-weight",
        type=float,
        metavar="X",
        help="of the total variation (default: one that suits each layer)",
    )
    p.add_argument(
        "--size", type=arguments.side, default=256, metavar="N", help="side of the images (default: 256)"
    )
    p.add_argument(
        "--style-size",
        type=arguments.side,
        metavar="N",
        help="longer side of a style image (default: as --size)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; see :data:`EXAMPLES`."""
    p = parser()
    args, command = parse(p, argv)
    if not args.contents and not args.styles:
        p.error("name at least one CONTENT, or --styles with a style image")

    def body() -> int:
        with loading("PyTorch"):
            from bench.commands.inversion import run

        return run(args, command)

    return guard(body)


if __name__ == "__main__":
    raise SystemExit(main())
