"""The details that the paper's Figures 8 and 9 show, cut from the pictures of a run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.files.replacing import replacing

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER = "crops"
"""Beside the models' folders, so that no model can be called so."""
ENLARGED = 3
GAP, TEXT = 8, 16


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of an image of a data set, in hr pixels from the top left corner."""

    dataset: str
    scale: int
    image: str
    left: int
    top: int
    side: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.left + self.side, self.top + self.side


CROPS = (
    Crop(dataset="set5", scale=4, image="baby", left=56, top=84, side=144),
    Crop(dataset="set14", scale=4, image="comic", left=60, top=96, side=96),
    Crop(dataset="bsd100", scale=8, image="361010", left=188, top=56, side=96),  # the polo riders
)


def write_crops(folder: Path, dataset: str, scale: int, models: Sequence[str]) -> list[Path]:
    """A row of hr and each model for each crop of the data set: FOLDER/crops/IMAGE.png.

    Args:
        folder: that of a data set's pictures, one folder of PNG files per model.

    Returns:
        The files; none where the pictures of an image are not there.
    """
    from PIL import Image

    made = []
    for crop in CROPS:
        names = ["hr", *models]
        files = [folder / name / f"{crop.image}.png" for name in names]
        if (crop.dataset, crop.scale) != (dataset, scale) or not all(file.is_file() for file in files):
            continue
        details = [Image.open(file, formats=["PNG"]).convert("RGB").crop(crop.box) for file in files]
        file = folder / FOLDER / f"{crop.image}.png"
        with replacing(file) as part:
            row(details, names).save(part, format="PNG")
        made.append(file)
    return made


def row(details: Sequence[Image], names: Sequence[str]) -> Image:
    """The details side by side, enlarged without smoothing, each with its name above it."""
    from PIL import Image, ImageDraw

    side = details[0].width * ENLARGED
    page = Image.new("RGB", (len(details) * (side + GAP) - GAP, side + TEXT + GAP), "white")
    pen = ImageDraw.Draw(page)
    for left, detail, name in zip(itertools.count(0, side + GAP), details, names, strict=False):
        pen.text((left, 0), name, fill="black", font_size=TEXT)
        page.paste(detail.resize((side, side), Image.Resampling.NEAREST), (left, TEXT + GAP))
    return page
