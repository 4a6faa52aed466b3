"""What the page's pixel viewer needs: which pictures there are, copies of them, and each image's values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.load.results import SOURCES, Group, Results

MOST_IMAGES = 2000
EXTRA_DECIMALS = 2  # beyond those printed: enough to sort images by


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """A group whose pictures are shown.

    Attributes:
        images: those that have a picture, at most :data:`MOST_IMAGES`; the position of one names its files.
        sources: `hr`, `lr` and the models that have a picture, each with the name of its folder: names of models
            may hold anything, so they do not become names of files.
    """

    group: Group
    images: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]


def galleries(results: Results) -> tuple[Gallery, ...]:
    """Of the groups that have pictures, in their order."""
    found = (_gallery(group) for group in results.groups)
    return tuple(gallery for gallery in found if gallery.images)


def _gallery(group: Group) -> Gallery:
    with_pictures = {image for image, _ in group.pictures}
    images = [image for image in group.images if image in with_pictures][:MOST_IMAGES]
    drawn = {
        model
        for model in (*SOURCES, *group.models)
        if any((image, model) in group.pictures for image in images)
    }
    folders = [(name, name) for name in SOURCES]
    folders += [(model, f"m{position}") for position, model in enumerate(group.models)]
    return Gallery(
        group=group,
        images=tuple(images),
        sources=tuple((name, folder) for name, folder in folders if name in drawn),
    )


def viewer_data(shown: Sequence[Gallery]) -> dict[str, Any] | None:
    """JSON for the page; None where no group has pictures."""
    return {"groups": [_data(gallery) for gallery in shown]} if shown else None


def _data(gallery: Gallery) -> dict[str, Any]:
    group = gallery.group
    return {
        "id": group.id,
        "title": group.title,
        "scale": group.scale,
        "images": gallery.images,
        "sources": [
            {"name": name, "folder": folder, "has": _presence(gallery, name)}
            for name, folder in gallery.sources
        ],
        "models": group.models,
        "maps": [
            {"metric": metric, "has": dict(_mapped(gallery, metric))} for metric in mapped_metrics(gallery)
        ],
        "hr": [
            list(_rounded(group.of_hr.get(metric.name, {}), gallery.images, metric.decimals))
            for metric in group.metrics
        ],
        "metrics": [
            {"name": m.name, "unit": m.unit, "decimals": m.decimals, "higher": m.higher_is_better}
            for m in group.metrics
        ],
        "values": [
            [list(_values(gallery, model, metric.name, metric.decimals)) for metric in group.metrics]
            for model in group.models
        ],
        "certificates": [
            [_provenance(group, model, metric.name) for metric in group.metrics] for model in group.models
        ],
    }


def _presence(gallery: Gallery, source: str) -> bool | str:
    """True where every image has the picture, else a 1 or 0 for each."""
    return _marks((image, source) in gallery.group.pictures for image in gallery.images)


def mapped_metrics(gallery: Gallery) -> list[str]:
    """Those that have a map of a picture that is shown, in the order of the group's."""
    shown = set(gallery.images)
    found = {metric for image, _, metric in gallery.group.maps if image in shown}
    return [metric.name for metric in gallery.group.metrics if metric.name in found]


def _mapped(gallery: Gallery, metric: str) -> Iterator[tuple[str, bool | str]]:
    """By the source's folder: a picture's map."""
    for name, folder in gallery.sources:
        marks = _marks((image, name, metric) in gallery.group.maps for image in gallery.images)
        if marks is True or "1" in str(marks):
            yield folder, marks


def _marks(there: Iterable[bool]) -> bool | str:
    """True where every image has it, else a 1 or 0 for each."""
    marks = "".join("01"[one] for one in there)
    return "0" not in marks or marks


def _values(gallery: Gallery, model: str, metric: str, decimals: int) -> Iterator[float | str | None]:
    """By image."""
    return _rounded(gallery.group.column(model, metric).to_dict(), gallery.images, decimals)


def _rounded(
    column: Mapping[str, float], images: Sequence[str], decimals: int
) -> Iterator[float | str | None]:
    """JSON has no infinity: the PSNR of identical images is the string "inf"."""
    for image in images:
        value = column.get(image)
        if value is None:
            yield None
        else:
            yield round(value, decimals + EXTRA_DECIMALS) if math.isfinite(value) else str(value)


def _provenance(group: Group, model: str, metric: str) -> str:
    found = group.provenance.get((model, metric))
    return found.id if found else ""


def missing_images(results: Results, shown: Sequence[Gallery]) -> tuple[str, ...]:
    """A sentence for each group of which the viewer shows less than was scored."""
    visible = {gallery.group.id: len(gallery.images) for gallery in shown}
    return tuple(
        sentence for group in results.groups for sentence in _missing(group, visible.get(group.id, 0))
    )


def _missing(group: Group, visible: int) -> Iterator[str]:
    total, stored = len(group.images), len({image for image, _ in group.pictures})
    if stored == 0:
        yield f"{group.title}: no images were stored, so there are only numbers."
    elif stored > visible:
        yield f"{group.title}: the first {visible} of {stored} stored images are shown."
    elif total > stored:
        yield f"{group.title}: {stored} of {total} images are stored."
    if group.lost_images:
        yield f"{group.title}: {group.lost_images} image files named in the results file are missing."
