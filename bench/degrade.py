"""Low-resolution images exactly as MATLAB's imresize makes them, for people without MATLAB."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from bench import arguments
from bench.cli import DONE, FAILED, Reporter, guard, progress
from bench.errors import UserError
from bench.printable import printable
from bench.records import Arithmetic, Border, Dataset, ImageFile, SRProtocol

if TYPE_CHECKING:
    import numpy as np

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
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("hr", metavar="IN_FOLDER", help="a folder of images, or the name of a data set")
    p.add_argument("lr", metavar="OUT_FOLDER", type=Path, help="where the PNGs go; made if it is not there")
    p.add_argument(
        "--scale", type=arguments.scale, default=4, metavar="N", help="hr size over lr size (default: 4)"
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
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Degrade every image that OUT_FOLDER lacks, and print what became of them."""
    from bench.datasets import left_out

    protocol = _protocol(args)
    data = _dataset(args.hr, args.scale)
    for line in left_out(data):
        print(printable(line), file=sys.stderr)
    _refuse_folder(args.lr, data)
    with progress("degrade", len(data.images)) as reporter:
        written, kept, failed = _degrade_all(data.images, args.lr, protocol, reporter, force=args.force)
    print(f"{written} of {len(data.images)} images written to {args.lr} ({_describe(protocol)})")
    if kept:
        print(f"left as they were: {kept} that {args.lr} already has (--force writes them again)")
    if failed:
        print(f"{failed} failed, see above")
    return FAILED if failed else DONE


def _protocol(args: argparse.Namespace) -> SRProtocol:
    if args.scale < 2:
        raise UserError(f"--scale is {args.scale}; required an integer of at least 2")
    if not 0 <= args.blur <= LARGEST_SIGMA:
        raise UserError(
            f"--blur is {args.blur}; required a sigma in pixels of at least 0 and at most {LARGEST_SIGMA:g}"
        )
    return SRProtocol(
        name="degrade",
        scale=args.scale,
        shave=0,
        arithmetic=args.arithmetic,
        border=args.border,
        blur_sigma=args.blur,
    )


def _dataset(folder_or_name: str, scale: int) -> Dataset:
    from bench.datasets import dataset

    # a folder called like a named set is still the folder that was asked for
    folder = Path(folder_or_name)
    name = os.path.abspath(folder) if folder.is_dir() else folder_or_name  # noqa: PTH100
    return dataset(name, scale=scale)


def _refuse_folder(out: Path, data: Dataset) -> None:
    from bench.outputs import image_files, image_folders, refuse_clashes, same_path

    if out.exists() and not out.is_dir():
        raise UserError(f"OUT_FOLDER {str(out)!r} is a file; required a folder")
    if any(same_path(out, folder) for _, folder in image_folders([data])):
        raise UserError(f"OUT_FOLDER {str(out)!r} is where the hr images are; required another folder")
    targets = [("an lr image", _target(out, image)) for image in data.images]
    refuse_clashes(reads=image_files([data]), writes=targets)


def _target(out: Path, image: ImageFile) -> Path:
    return out / f"{image.stem}.png"


def _degrade_all(
    todo: Sequence[ImageFile], out: Path, protocol: SRProtocol, reporter: Reporter, *, force: bool
) -> tuple[int, int, int]:
    """Write lr of each image; returns how many were written, kept, and could not be made, each reported by name.

    A file that is there is kept if it has the pixels that would be written, and else is left and counted as failed:
    it may be lr of another scale, or of another image. That is found out by making them, which takes little time.
    """
    from bench import images
    from bench.executor import read_ahead

    written = kept = failed = 0
    for image, loaded in read_ahead(todo):
        try:
            if isinstance(loaded, Exception):
                raise loaded
            pixels = degraded(loaded.pixels, protocol)
        except (ValueError, OSError) as error:
            failed += 1
            reporter.note(f"{image.stem}: not degraded: {error}")
        else:
            target = _target(out, image)
            if force or not target.exists():
                images.write(target, pixels)
                written += 1
            elif _holds(target, pixels):
                kept += 1
            else:
                failed += 1
                reporter.note(
                    f"{image.stem}: not degraded: {str(target)!r} is there and is another image; required another "
                    "folder, or --force to write it again"
                )
        reporter.advance(image.stem)
    return written, kept, failed


def _holds(file: Path, pixels: np.ndarray) -> bool:
    """Whether an image file has these pixels."""
    import numpy as np

    from bench import images

    try:
        return np.array_equal(images.read(file), pixels)
    except ValueError:
        return False


def degraded(pixels: np.ndarray, protocol: SRProtocol) -> np.ndarray:
    """uint8 pixels (h w c) to the uint8 pixels of lr, computed in float64.

    Raises:
        ValueError: a side is shorter than the scale.
    """
    from bench.images import to_array, to_tensor
    from bench.lr import degrade
    from bench.prepare import modcrop, quantize, size

    whole = quantize(to_tensor(pixels).double())
    hr = modcrop(whole, protocol.scale)
    if not hr.numel():
        raise ValueError(f"image is {size(whole)}, required at least {protocol.scale} pixels per side")
    return to_array(degrade(hr, protocol))


def _describe(protocol: SRProtocol) -> str:
    blur = f"blur {protocol.blur_sigma:g}" if protocol.blur_sigma else "no blur"
    return f"x{protocol.scale}, {protocol.arithmetic} arithmetic, {protocol.border} border, {blur}"


if __name__ == "__main__":
    raise SystemExit(main())
