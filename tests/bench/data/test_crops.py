"""The details of Figures 8 and 9 are cut where the table says, for the sets and scales of the paper alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.crops import CROPS, ENLARGED, GAP, TEXT, write_crops

BABY = CROPS[0]


def pictures(folder: Path, *models: str) -> Path:
    rng = np.random.default_rng(0)
    for model in models:
        (folder / model).mkdir()
        Image.fromarray(rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)).save(folder / model / "baby.png")
    return folder


def test_a_crop_is_the_pixels_of_the_box_enlarged(tmp_path: Path) -> None:
    folder = pictures(tmp_path, "hr", "bicubic")
    assert write_crops(folder, "set5", 4, ["bicubic"]) == [folder / "crops" / "baby.png"]
    row = np.asarray(Image.open(folder / "crops" / "baby.png"))
    side = BABY.side * ENLARGED
    second = row[TEXT + GAP :, side + GAP :][::ENLARGED, ::ENLARGED]
    whole = np.asarray(Image.open(folder / "bicubic" / "baby.png"))
    assert row.shape == (side + TEXT + GAP, 2 * side + GAP, 3)
    assert np.array_equal(second, whole[84 : 84 + 144, 56 : 56 + 144])


def test_nothing_is_cut_for_other_sets_scales_or_missing_pictures(tmp_path: Path) -> None:
    folder = pictures(tmp_path, "hr")
    assert write_crops(folder, "set5", 8, []) == []
    assert write_crops(folder, "mine", 4, []) == []
    assert write_crops(folder, "set5", 4, ["bicubic"]) == []
