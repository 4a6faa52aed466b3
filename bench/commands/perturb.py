"""What `bench.perturb` does once its options are parsed: write images shifted and with noise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.cli import DONE, FAILED, Reporter, progress
from bench.data.datasets import dataset
from bench.data.images import write
from bench.errors import UserError, out_of_memory
from bench.executor import read_ahead
from bench.records import Dataset


def run(hr: str, out: Path, kinds: Mapping[str, tuple[str, int]]) -> int:
    """Write every copy and print the command that scores them.

    Args:
        hr: a folder, or the name of a data set.
        kinds: `shift-2` -> ("shift", 2).
    """
    data = dataset(os.path.abspath(hr) if Path(hr).is_dir() else hr)  # noqa: PTH100 (links stay)
    for name in kinds:  # a folder that exists may hold the inputs, or copies of other images
        if (out / name).exists():
            raise UserError(f"{str(out / name)!r} exists already; name another OUT_FOLDER, or remove it")
    with progress("perturb", len(data.images)) as reporter:
        failed = _write_all(data, out, kinds, reporter)
    print(f"{len(data.images) - failed} of {len(data.images)} images written to {out}, as {', '.join(kinds)}")
    folders = " ".join(str(out / name) for name in kinds)
    print(f"Run: python -m bench.sr_quality {hr} --models bicubic {folders} --db perturbed.db")
    if failed:
        print(f"{failed} failed, see above")
    return FAILED if failed else DONE


def perturbed(pixels: np.ndarray, kind: str, amount: int, *, seed: int) -> np.ndarray:
    """uint8 pixels (h w c), shifted to the right by `amount` pixels, or with noise of `amount` levels.

    Raises:
        ValueError: a shift by the whole width or more.
    """
    if kind == "shift":
        if amount >= pixels.shape[1]:
            raise ValueError(
                f"image is {pixels.shape[1]} pixels wide, must be wider than the shift of {amount}"
            )
        return np.pad(pixels, ((0, 0), (amount, 0), (0, 0)), mode="edge")[:, : pixels.shape[1]]
    noise = np.random.default_rng(seed).normal(scale=amount, size=pixels.shape)
    # Rounded half up and clipped, as sr is.
    return np.floor(pixels + noise + 0.5).clip(0, 255).astype(np.uint8)


def _write_all(data: Dataset, out: Path, kinds: Mapping[str, tuple[str, int]], reporter: Reporter) -> int:
    failed = 0
    for image, loaded in read_ahead(data.images):
        reporter.begin(image.stem)
        try:
            if isinstance(loaded, Exception):
                raise loaded
            for name, (kind, amount) in kinds.items():
                # Seeded by the file's bytes: the same copies on every machine, whatever an image is called.
                copy = perturbed(loaded.pixels, kind, amount, seed=int(loaded.sha256[:8], 16))
                write(out / name / f"{image.stem}.png", copy)
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            no_memory = out_of_memory(error)
            if isinstance(error, RuntimeError) and not no_memory:
                raise  # a defect
            failed += 1
            reporter.note(f"{image.stem}: not written: {'out of memory' if no_memory else error}")
        reporter.advance(image.stem)
    return failed
