"""`bench.perturb` from its command line to its exit status: images shifted and with noise."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.cli import DONE, FAILED, Reporter, progress
from bench.datasets import dataset
from bench.errors import UserError
from bench.executor import read_ahead
from bench.images import write
from bench.records import Dataset

KIND = re.compile(r"(shift|noise)-(\d{1,3})")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What `bench.perturb` was told; each field is the option of its name."""

    hr: str
    out: Path
    kinds: Sequence[str]


def run(args: argparse.Namespace) -> int:
    """Write every copy and print the command that scores them."""
    config = Config(**vars(args))
    kinds = {name: parsed(name) for name in config.kinds}
    folder = Path(config.hr)  # links stay
    data = dataset(os.path.abspath(folder) if folder.is_dir() else config.hr)  # noqa: PTH100
    for name in kinds:  # a folder that exists may hold the inputs, or copies of other images
        if (config.out / name).exists():
            raise UserError(
                f"{str(config.out / name)!r} exists already; name another OUT_FOLDER, or remove it"
            )
    with progress("perturb", len(data.images)) as reporter:
        failed = _write_all(data, config.out, kinds, reporter)
    print(
        f"{len(data.images) - failed} of {len(data.images)} images written to {config.out}, as {', '.join(kinds)}"
    )
    folders = " ".join(str(config.out / name) for name in kinds)
    print(f"Run: python -m bench.sr_quality {config.hr} --models bicubic {folders} --db perturbed.db")
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
    if kind == "shift":
        if amount >= pixels.shape[1]:
            raise ValueError(
                f"image is {pixels.shape[1]} pixels wide, must be wider than the shift of {amount}"
            )
        return np.pad(pixels, ((0, 0), (amount, 0), (0, 0)), mode="edge")[:, : pixels.shape[1]]
    noise = np.random.default_rng(seed).normal(scale=amount, size=pixels.shape)
    return np.floor(pixels + noise + 0.5).clip(0, 255).astype(np.uint8)


def _write_all(data: Dataset, out: Path, kinds: dict[str, tuple[str, int]], reporter: Reporter) -> int:
    failed = 0
    for image, loaded in read_ahead(data.images):
        try:
            if isinstance(loaded, Exception):
                raise loaded
            for name, (kind, amount) in kinds.items():
                copy = perturbed(loaded.pixels, kind, amount, seed=int(loaded.sha256[:8], 16))
                write(out / name / f"{image.stem}.png", copy)
        except (ValueError, OSError) as error:
            failed += 1
            reporter.note(f"{image.stem}: not written: {error}")
        reporter.advance(image.stem)
    return failed
