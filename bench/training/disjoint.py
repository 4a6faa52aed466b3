"""No training image is a test image: by the file's bytes, by its id, and by what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int, UInt8

from bench.data import manifest
from bench.data.datasets import SAMPLES
from bench.errors import UserError

TEST_GROUPS = ("set5", "set14", "bsd100", "coco50", "contents")
GRID = 16


def hashes_of_test_images() -> dict[str, str]:
    """SHA-256 to name, for every test image: those of the manifest and scikit-image's."""
    pinned = {file.sha256: file.name for group in TEST_GROUPS for file in manifest.group(group).files}
    return pinned | {sha256: f"samples/{name}" for name, sha256 in SAMPLES.items()}


def refuse_test_images(files: Mapping[str, str]) -> None:
    """Refuse training files (SHA-256 to path) that are test images.

    Raises:
        UserError: names the first, and which test image it is.
    """
    known = hashes_of_test_images()
    for sha256, file in files.items():
        if sha256 in known:
            raise UserError(f"{file!r} is the test image {known[sha256]}; must be images that are not")


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
