"""The paper's Figures 8 and 9, and the like for any other data set: which images, which details, which models."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.data.crops import CROPS, Crop
from bench.records import HR
from reports.figures.crop_panels import Blocks, Box, ShownCrop, opened
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.text import drawable, listed
from reports.load.results import Group, Results
from reports.parts import Figure

PAPERS = ("bicubic", "sr-pixel", "srcnn-955", "sr-feature", "sr-feature+match")
PROTOCOL = "johnson2016"
MOST_OTHERS, SIDE = 5, 96

FIGURES = {"figure8": 4, "figure9": 8}  # scale


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """Figures 8 and 9, then one for each data set that the paper does not have."""
    for name, scale in FIGURES.items():
        crops = [crop for crop in CROPS if crop.scale == scale]
        shown = [_paper_example(results, crop) for crop in crops]
        yield _paper_figure(name, scale, crops, [found for found in shown if found])
    papers = {crop.dataset for crop in CROPS}
    for group in results.groups:
        found = None if group.dataset in papers else _telling(group)
        if found:
            title = f"Where the methods differ most: {drawable(group.title)}"
            yield _drawing(f"crops-{group.id}", title, [found])


def _drawing(name: str, title: str, shown: Sequence[ShownCrop]) -> Drawing:
    blocks = Blocks(title=title, shown=shown)
    return drawing(name, blocks, wide=blocks.width > 4)


def _paper_example(results: Results, crop: Crop) -> ShownCrop | None:
    wanted = (crop.dataset, crop.scale, PROTOCOL)
    groups = [g for g in results.groups if (g.dataset, g.scale, g.protocol.name) == wanted]
    box = Box(left=crop.left, top=crop.top, side=crop.side)
    return _shown(groups[0], crop.image, box, PAPERS) if groups else None


def _paper_figure(
    name: str, scale: int, crops: Sequence[Crop], shown: Sequence[ShownCrop]
) -> Drawing | Figure:
    title = f"Super-resolution x{scale}, as in the paper's Figure {name.removeprefix('figure')}"
    if shown:
        return _drawing(name, title, shown)
    datasets = [crop.dataset for crop in crops]
    # SRCNN has no weights for x8.
    models = [model for model in PAPERS if scale == 4 or not model.startswith("srcnn")]
    wanted = listed(f"{crop.image} of {crop.dataset}" for crop in crops)
    command = ["python", "-m", "bench.sr_quality", *datasets, "--scales", str(scale), "--models", *models]
    return missing(
        name,
        title,
        f"needs {wanted} at x{scale} under {PROTOCOL} (HR and at least one model)",
        shlex.join(command),
    )


def _shown(group: Group, image: str, box: Box, models: Sequence[str]) -> ShownCrop | None:
    """None where hr or every model is missing."""
    size = _size(group, image, HR)
    if size is None:
        return None
    scored = [model for model in models if model in group.models]
    # A picture of another size was made from other pixels: its crop would be another place.
    there = tuple(model for model in scored if _size(group, image, model) == size)
    absent = tuple(model for model in scored if model not in there)
    fitted = _fit(box, size)
    return (
        ShownCrop(group=group, image=image, box=fitted, models=(*there, HR), absent=absent) if there else None
    )


def _size(group: Group, image: str, model: str) -> tuple[int, int] | None:
    """Of a picture; None where there is none that can be read."""
    from PIL import Image, UnidentifiedImageError

    file = group.pictures.get((image, model))
    if file is None:
        return None
    try:
        with Image.open(file) as picture:
            # A header alone may be sound: what is cut short fails only when it is decoded.
            picture.load()
            return picture.size
    except (OSError, UnidentifiedImageError):
        return None


def _fit(box: Box, size: tuple[int, int]) -> Box:
    """Moved, and made smaller if it must be, so that it lies in the image."""
    side = min(box.side, *size)
    return Box(left=min(box.left, size[0] - side), top=min(box.top, size[1] - side), side=side)


def _telling(group: Group) -> ShownCrop | None:
    """The image whose PSNR differs most among the best models, at the place where their pictures differ most."""
    # The best are last.
    models = [model for model in group.models if len(group.column(model, "psnr"))][-MOST_OTHERS:]
    complete = [i for i in group.images if all((i, m) in group.pictures for m in (*models, HR))]
    if len(models) < 2 or not complete:
        return None
    finite = group.values.replace(float("inf"), float("nan"))
    psnr = finite.reindex(columns=[(model, "psnr") for model in models]).loc[complete]
    image = str((psnr.max(axis=1) - psnr.min(axis=1)).fillna(0).idxmax())
    found = _shown(group, image, Box(left=0, top=0, side=SIDE), models)
    if found is None:
        return None
    return replace(found, box=_most_textured(found))


def _most_textured(shown: ShownCrop) -> Box:
    """Where the models' pictures vary most."""
    import numpy as np

    # Without hr.
    stack = [np.asarray(opened(shown, model).convert("L"), dtype=float) for model in shown.models[:-1]]
    # A summed-area table: the sum over any square is four look-ups.
    padded = np.pad(np.var(stack, axis=0).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    s = shown.box.side
    sums = padded[s:, s:] - padded[:-s, s:] - padded[s:, :-s] + padded[:-s, :-s]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return Box(left=int(left), top=int(top), side=s)
