"""Shifted and noisy copies of a data set's images, to see what each metric makes of errors whose size is known.

python -m bench.perturb set5 perturbed
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import DONE, FAILED, Reporter, guard, progress
from bench.errors import UserError
from bench.records import Dataset, ImageFile

if TYPE_CHECKING:
    import numpy as np

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
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("hr", metavar="IN_FOLDER", help="a folder of images, or the name of a data set")
    p.add_argument("out", metavar="OUT_FOLDER", type=Path, help="gets a folder for each kind")
    words = f"shift-N (pixels) or noise-N (levels of 255) (default: {' '.join(KINDS)})"
    p.add_argument("--kinds", nargs="+", default=list(KINDS), metavar="KIND", help=words)
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; see :data:`EXAMPLES`."""
    args = parser().parse_args(argv)
    return guard(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Write every copy and print the command that scores them."""
    kinds = {name: parsed(name) for name in args.kinds}
    data = _dataset(args.hr)
    _refuse_existing(args.out, kinds)
    with progress("perturb", len(data.images)) as reporter:
        failed = _write_all(data, args.out, kinds, reporter)
    print(
        f"{len(data.images) - failed} of {len(data.images)} images written to {args.out}, as {', '.join(kinds)}"
    )
    folders = " ".join(str(args.out / name) for name in kinds)
    print(f"Run: python -m bench.sr_quality {args.hr} --models bicubic {folders} --db perturbed.db")
    if failed:
        print(f"{failed} failed, see above")
    return FAILED if failed else DONE


def parsed(kind: str) -> tuple[str, int]:
    """`shift-2` as ("shift", 2).

    Raises:
        UserError: it is neither shift-N nor noise-N.
    """
    found = KIND.fullmatch(kind)
    if found is None:
        raise UserError(f"a kind must be shift-N or noise-N, N from 0 to 999 (got {kind!r})")
    return found[1], int(found[2])


def perturbed(pixels: np.ndarray, kind: str, amount: int, *, seed: int) -> np.ndarray:
    """uint8 pixels (h w c), shifted to the right by `amount` pixels, or with noise of `amount` levels.

    Raises:
        ValueError: a shift by the whole width or more.
    """
    import numpy as np

    if kind == "shift":
        if amount >= pixels.shape[1]:
            raise ValueError(
                f"image is {pixels.shape[1]} pixels wide, must be wider than the shift of {amount}"
            )
        return np.pad(pixels, ((0, 0), (amount, 0), (0, 0)), mode="edge")[:, : pixels.shape[1]]
    noise = np.random.default_rng(seed).normal(scale=amount, size=pixels.shape)
    return np.floor(pixels + noise + 0.5).clip(0, 255).astype(np.uint8)


def _dataset(folder_or_name: str) -> Dataset:
    from bench.datasets import dataset

    folder = Path(folder_or_name)
    return dataset(os.path.abspath(folder) if folder.is_dir() else folder_or_name)  # noqa: PTH100 (links stay)


def _refuse_existing(out: Path, kinds: Sequence[str] | dict[str, tuple[str, int]]) -> None:
    """A folder that exists may hold the inputs, or copies of other images."""
    for name in kinds:
        if (out / name).exists():
            raise UserError(f"{str(out / name)!r} exists already; name another OUT_FOLDER, or remove it")


def _write_all(data: Dataset, out: Path, kinds: dict[str, tuple[str, int]], reporter: Reporter) -> int:
    from bench import images
    from bench.executor import read_ahead

    failed = 0
    for image, loaded in read_ahead(data.images):
        try:
            if isinstance(loaded, Exception):
                raise loaded
            for name, copy in _copies(image, loaded.pixels, kinds, seed=int(loaded.sha256[:8], 16)):
                images.write(out / name / f"{image.stem}.png", copy)
        except (ValueError, OSError) as error:
            failed += 1
            reporter.note(f"{image.stem}: not written: {error}")
        reporter.advance(image.stem)
    return failed


def _copies(
    image: ImageFile, pixels: np.ndarray, kinds: dict[str, tuple[str, int]], *, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    for name, (kind, amount) in kinds.items():
        yield name, perturbed(pixels, kind, amount, seed=seed)


if __name__ == "__main__":
    raise SystemExit(main())
