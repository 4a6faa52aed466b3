"""What `bench.degrade` does once its options are parsed: write lr of each image into a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.cli import DONE, FAILED, Reporter, progress
from bench.data.datasets import dataset, left_out
from bench.data.images import read, to_array, to_tensor, write
from bench.errors import UserError, out_of_memory
from bench.executor import read_ahead
from bench.lr import degrade
from bench.outputs import check_clashes, image_files, image_folders, same_path
from bench.prepare import modcrop, quantize, size
from bench.records import Dataset, ImageFile, SRProtocol
from bench.text import escape_control_chars


def run(hr: str, lr: Path, protocol: SRProtocol, *, force: bool) -> int:
    """Degrade every image that OUT_FOLDER lacks, and print what became of them.

    Args:
        hr: a folder, or the name of a data set.
        force: write again what `lr` already has.
    """
    # a folder called like a named set is still the folder that was asked for
    name = os.path.abspath(hr) if Path(hr).is_dir() else hr  # noqa: PTH100
    data = dataset(name, scale=protocol.scale)
    for line in left_out(data):
        print(escape_control_chars(line), file=sys.stderr)
    _check_folder(lr, data)
    with progress("degrade", len(data.images)) as reporter:
        written, kept, failed = _degrade_all(data.images, lr, protocol, reporter, force=force)
    print(f"{written} of {len(data.images)} images written to {lr} ({_describe(protocol)})")
    if kept:
        print(f"left as they were: {kept} that {lr} already has (--force writes them again)")
    if failed:
        print(f"{failed} failed, see above")
    return FAILED if failed else DONE


def _check_folder(out: Path, data: Dataset) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"OUT_FOLDER {str(out)!r} is a file; must be a folder")
    if any(same_path(out, folder) for _, folder in image_folders([data])):
        raise UserError(f"OUT_FOLDER {str(out)!r} is where the hr images are; use another folder")
    targets = [("an lr image", _target(out, image)) for image in data.images]
    check_clashes(reads=image_files([data]), writes=targets)


def _target(out: Path, image: ImageFile) -> Path:
    return out / f"{image.stem}.png"


def _degrade_all(
    todo: Sequence[ImageFile], out: Path, protocol: SRProtocol, reporter: Reporter, *, force: bool
) -> tuple[int, int, int]:
    """Write lr of each image; returns how many were written, kept, and could not be made, each reported by name.

    A file that is there is kept if it has the pixels that would be written, and else is left and counted as failed:
    it may be lr of another scale, or of another image. That is found out by making them, which takes little time.
    """
    written = kept = failed = 0
    for image, loaded in read_ahead(todo):
        reporter.begin(image.stem)
        try:
            if isinstance(loaded, Exception):
                raise loaded
            pixels = degraded(loaded.pixels, protocol)
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            no_memory = out_of_memory(error)
            if isinstance(error, RuntimeError) and not no_memory:
                raise  # a defect
            failed += 1
            reporter.note(f"{image.stem}: not degraded: {'out of memory' if no_memory else error}")
        else:
            target = _target(out, image)
            if force or not target.exists():
                write(target, pixels)
                written += 1
            elif _holds(target, pixels):
                kept += 1
            else:
                failed += 1
                reporter.note(
                    f"{image.stem}: not degraded: {str(target)!r} is there and is another image; use another "
                    "folder, or --force to write it again"
                )
        reporter.advance(image.stem)
    return written, kept, failed


def _holds(file: Path, pixels: np.ndarray) -> bool:
    """Whether an image file has these pixels."""
    try:
        return np.array_equal(read(file), pixels)
    except ValueError:
        return False


def degraded(pixels: np.ndarray, protocol: SRProtocol) -> np.ndarray:
    """uint8 pixels (h w c) to the uint8 pixels of lr, computed in float64.

    Raises:
        ValueError: a side is shorter than the scale.
    """
    # k/255 again, in float64: that of float32 is off in its last digits.
    whole = quantize(to_tensor(pixels).double())
    hr = modcrop(whole, protocol.scale)
    if not hr.numel():
        raise ValueError(f"image must be at least {protocol.scale} pixels per side (got {size(whole)})")
    return to_array(degrade(hr, protocol))


def _describe(protocol: SRProtocol) -> str:
    blur = f"blur {protocol.blur_sigma:g}" if protocol.blur_sigma else "no blur"
    return f"x{protocol.scale}, {protocol.arithmetic} arithmetic, {protocol.border} border, {blur}"
