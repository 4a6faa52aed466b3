"""The details that the paper's Figures 8 and 9 show, cut from the pictures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.atomic import atomic_write

FOLDER = "crops"
"""Beside the models' folders, so that no model can be called so."""
ENLARGED = 3
GAP, TEXT = 8, 16  # pixels between columns, and of a name's height above them


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of an image of a data set, in hr pixels from the top left corner."""

    dataset: str
    scale: int
    image: str
    left: int
    top: int
    side: int


CROPS = (
    Crop(dataset="set5", scale=4, image="baby", left=56, top=84, side=144),
    Crop(dataset="set14", scale=4, image="comic", left=60, top=96, side=96),
    Crop(dataset="bsd100", scale=8, image="361010", left=188, top=56, side=96),  # the polo riders
)


def write_crops(folder: Path, dataset: str, scale: int, models: Sequence[str]) -> list[Path]:
    """A row of hr and each model, enlarged, for each crop of the data set: FOLDER/crops/IMAGE.png.

    Args:
        folder: that of a data set's pictures, one folder of PNG files per model.

    Returns:
        The files; none where the pictures of an image are not there.
    """
    from PIL import Image, ImageDraw

    made = []
    for crop in CROPS:
        names = ["hr", *models]
        files = [folder / name / f"{crop.image}.png" for name in names]
        if (crop.dataset, crop.scale) != (dataset, scale) or not all(file.is_file() for file in files):
            continue
        box = (crop.left, crop.top, crop.left + crop.side, crop.top + crop.side)
        side = crop.side * ENLARGED
        sheet = Image.new("RGB", (len(names) * (side + GAP) - GAP, side + TEXT + GAP), "white")
        pen = ImageDraw.Draw(sheet)
        for column, (name, file) in enumerate(zip(names, files, strict=True)):
            left = column * (side + GAP)
            # PNG alone, which runs wrote: no other reader of Pillow's is ever tried. RGB, for hr may be grey.
            detail = Image.open(file, formats=["PNG"]).convert("RGB").crop(box)
            pen.text((left, 0), name, fill="black", font_size=TEXT)
            # without smoothing, so that every pixel is seen
            sheet.paste(detail.resize((side, side), Image.Resampling.NEAREST), (left, TEXT + GAP))
        target = folder / FOLDER / f"{crop.image}.png"
        with atomic_write(target) as part:
            sheet.save(part, format="PNG")
        made.append(target)
    return made
