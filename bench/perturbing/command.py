"""`bench.perturb` from its command line to its exit status: images shifted and with noise."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bench.cli import DONE, FAILED, Reporter, progress
from bench.datasets import dataset
from bench.errors import UserError
from bench.executor import read_ahead
from bench.images import write
from bench.perturbing.config import Config
from bench.records import Dataset


def run(config: Config) -> int:
    """Write every copy and print the command that scores them."""
    folder = Path(config.hr)  # links stay
    data = dataset(os.path.abspath(folder) if folder.is_dir() else config.hr)  # noqa: PTH100
    for name in config.kinds:  # a folder that exists may hold the inputs, or copies of other images
        if (config.out / name).exists():
            raise UserError(
                f"{str(config.out / name)!r} exists already; name another OUT_FOLDER, or remove it"
            )
    with progress("perturb", len(data.images)) as reporter:
        failed = _write_all(data, config, reporter)
    print(
        f"{len(data.images) - failed} of {len(data.images)} images written to {config.out}, as {', '.join(config.kinds)}"
    )
    folders = " ".join(str(config.out / name) for name in config.kinds)
    print(f"Run: python -m bench.sr_quality {config.hr} --models bicubic {folders} --db perturbed.db")
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
    return np.floor(pixels + noise + 0.5).clip(0, 255).astype(np.uint8)


def _write_all(data: Dataset, config: Config, reporter: Reporter) -> int:
    failed = 0
    for image, loaded in read_ahead(data.images):
        try:
            if isinstance(loaded, Exception):
                raise loaded
            for name, (kind, amount) in config.kinds.items():
                copy = perturbed(loaded.pixels, kind, amount, seed=int(loaded.sha256[:8], 16))
                write(config.out / name / f"{image.stem}.png", copy)
        except (ValueError, OSError) as error:
            failed += 1
            reporter.note(f"{image.stem}: not written: {error}")
        reporter.advance(image.stem)
    return failed
