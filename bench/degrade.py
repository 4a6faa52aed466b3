"""Low-resolution images exactly as MATLAB's imresize makes them, for people without MATLAB."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from bench import arguments
from bench.cli import guard, loading
from bench.config_file import parse, with_config
from bench.errors import UserError
from bench.records import Arithmetic, Border, SRProtocol

LARGEST_SIGMA = 1000.0
EXAMPLES = """examples:
  python -m bench.degrade DIV2K_valid_HR lr/x4
  python -m bench.degrade set5 lr/x8 --scale 8 --border replicate
  python -m bench.degrade photographs lr/blurred --scale 4 --blur 1.0 --force

Each image is cropped to a multiple of the scale, blurred if asked for, resized, and written as an 8-bit PNG
of the same stem; one that is there is kept if it has these very pixels, and else refused. The default is what a
recent MATLAB makes of a uint8 image; see docs/imresize.md.
exit status: 0 done, 1 an image could not be read or written, 2 bad usage, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m bench.degrade",
        description="Make low-resolution images exactly as MATLAB's imresize (bicubic) does.",
        epilog=EXAMPLES,
    )
    p.add_argument("hr", metavar="IN_FOLDER", help="a folder of images, or the name of a data set")
    p.add_argument("lr", metavar="OUT_FOLDER", type=Path, help="where the PNGs go; made if it is not there")
    p.add_argument(
        "--scale", type=arguments.scale, default=4, metavar="N", help="upscaling factor (default: 4)"
    )
    p.add_argument(
        "--border",
        choices=get_args(Border),
        default="symmetric",
        help="beyond the edge: mirrored (recent MATLAB) or clamped (older MATLAB) (default: symmetric)",
    )
    p.add_argument(
        "--arithmetic",
        choices=get_args(Arithmetic),
        default="uint8",
        help="uint8 rounds after each pass, as MATLAB does; float only once, at the end (default: uint8)",
    )
    p.add_argument("--blur", type=float, default=0.0, metavar="SIGMA", help="blur first, sigma in hr pixels")
    p.add_argument("--force", action="store_true", help="write again what OUT_FOLDER already has")
    return with_config(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args, _ = parse(parser(), argv)
    options = vars(args)
    return guard(lambda: run(options))


def run(options: Mapping[str, Any]) -> int:
    """Check the options, then degrade."""
    rule = protocol(options)  # what is wrong with them is said before torch is loaded
    with loading("PyTorch"):
        from bench.commands.degrade import run as engine

    return engine(options["hr"], options["lr"], rule, force=options["force"])


def protocol(options: Mapping[str, Any]) -> SRProtocol:
    """How lr is made.

    Raises:
        UserError: scale or blur is out of range.
    """
    scale, sigma = options["scale"], options["blur"]
    if scale < 2:
        raise UserError(f"--scale is {scale}; must be an integer of at least 2")
    if not 0 <= sigma <= LARGEST_SIGMA:
        raise UserError(
            f"--blur is {sigma}; must be a sigma in pixels of at least 0 and at most {LARGEST_SIGMA:g}"
        )
    return SRProtocol(
        name="degrade",
        scale=scale,
        # Nothing is measured: of the record only what makes lr is used.
        shave=0,
        arithmetic=options["arithmetic"],
        border=options["border"],
        blur_sigma=sigma,
    )


if __name__ == "__main__":
    raise SystemExit(main())
