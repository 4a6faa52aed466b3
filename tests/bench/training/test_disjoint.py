"""No training image is a test image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from bench.data import images, manifest
from bench.data.datasets import samples_folder
from bench.training.data import hashes_of_test_images

DIFFERENT = 100  # of 480 bits; the nearest pair is 123 apart
GRID = 16


def ids(group: str) -> set[str]:
    """File names without suffix of a group: the ids of the photographs in BSDS500 and in MS-COCO."""
    return {PurePosixPath(file.name).stem for file in manifest.group(group).files}


def fingerprint(pixels: UInt8[np.ndarray, "h w c"]) -> Bool[np.ndarray, " bits"]:
    """480 bits of what an image looks like: whether each cell of a 16x16 grid is darker than the next.

    Scaling, compression and a change of contrast leave most of them as they are; a crop does not. Two
    unrelated photographs differ in about half.
    """
    grey = torch.from_numpy(pixels.mean(-1, dtype=np.float32))[None]
    cells = F.adaptive_avg_pool2d(grey, (GRID, GRID))[0].numpy()
    return np.concatenate([(cells[:, 1:] > cells[:, :-1]).ravel(), (cells[1:] > cells[:-1]).ravel()])


def distances(
    a: Sequence[Bool[np.ndarray, " bits"]], b: Sequence[Bool[np.ndarray, " bits"]]
) -> Int[np.ndarray, "a b"]:
    """In how many bits each fingerprint of `a` differs from each of `b`."""
    left, right = np.stack(a).astype(np.int32), np.stack(b).astype(np.int32)
    # 1 against 0 and 0 against 1, counted by two products for all pairs at once.
    return left @ (1 - right).T + (1 - left) @ right.T


def test_no_pinned_training_file_is_a_test_image_by_bytes_or_id() -> None:
    tests = hashes_of_test_images()
    for group in ("train-bsds500", "train-coco"):
        assert not {file.sha256 for file in manifest.group(group).files} & tests.keys()
    assert not ids("train-bsds500") & ids("bsd100")
    assert not ids("train-coco") & ids("coco50")


def test_a_fingerprint_survives_scaling_and_compression_but_not_another_image() -> None:
    with (
        Image.open(samples_folder() / "chelsea.png") as cat,
        Image.open(samples_folder() / "rocket.jpg") as other,
    ):
        prints = [fingerprint(np.array(x)) for x in (cat, cat.resize((150, 100)), other)]
    near = distances(prints[:1], prints[1:])[0]
    assert near[0] < DIFFERENT / 4
    assert near[1] > DIFFERENT


def test_no_training_image_looks_like_a_test_image(real_data: Path) -> None:
    def prints(folders: list[str]) -> dict[str, np.ndarray]:
        files = [file for folder in folders for file in sorted((real_data / folder).iterdir())]
        return {str(file.relative_to(real_data)): fingerprint(images.read(file)) for file in files}

    tests = prints(["data/set5", "data/set14", "data/bsd100", "data/coco50", "data/contents"])
    training = prints(["train/bsds500", "train/coco", "train/imagenet-sample"])
    apart = distances(list(training.values()), list(tests.values()))
    i, j = np.unravel_index(apart.argmin(), apart.shape)
    assert apart.min() > DIFFERENT, (list(training)[i], list(tests)[j])
