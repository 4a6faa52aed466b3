"""The records of a run: what is to be scored, one image on its way, and what came of it."""

from __future__ import annotations

import typing as tp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from bench.data import images
from bench.data.datasets import LoadedImage
from bench.errors import reason
from bench.interfaces import Metric, NoReferenceMetric, PrecomputedImages, Upscaler
from bench.metrics import MetricEntry
from bench.metrics.pair import numbers
from bench.records import (
    HR,
    CachedFileHash,
    Dataset,
    Failure,
    ImageFile,
    SavedImage,
    Score,
    SRProtocol,
    map_file,
    untiled_hash,
)

LARGE_PIXELS = 16_000_000
"""hr pixels above which an image is scored in strips (:mod:`bench.quality.large`): several float64 copies are made else."""

# Means over pixels or windows, whose sums over strips add up; values of networks and of an image's statistics do not.
LARGE_METRICS = ("psnr", "ssim")


def is_in_strips(height: int, width: int) -> bool:
    """Whether an image of so many hr pixels per side is scored in strips."""
    return height * width > LARGE_PIXELS


@dataclass(frozen=True, kw_only=True)
class Model:
    """An upscaler, or images that one made already, with its name and content hash.

    Attributes:
        upscaler: None for hr itself, and where no image is made any more.
        variants: scores of images that memory had done in tiles are its scores too.
        validated: its images passed the sanity checks when they were scored first.
    """

    name: str
    hash: str
    upscaler: Upscaler | PrecomputedImages | None
    variants: bool = False
    validated: bool = False

    def owns(self, model: str, model_hash: str) -> bool:
        """Whether what is stored under a name and a hash was made by it."""
        found = untiled_hash(model_hash) if self.variants else model_hash
        return (model, found) == (self.name, self.hash)


ORIGINAL = Model(name=HR, hash="", upscaler=None)
"""hr itself, for metrics without a reference alone: no model, but stored as one, under a name that no model may have."""


@dataclass(frozen=True, kw_only=True)
class LoadedMetric:
    """A metric with its entry in the table.

    Attributes:
        named: it was asked for by name, so that an image which is too small for it is a failure.
    """

    entry: MetricEntry
    metric: Metric | NoReferenceMetric
    named: bool = True

    def fits(self, image: LoadedImage | CachedFileHash, protocol: SRProtocol) -> bool:
        """Whether the image is large enough for it, or must be tried because it was asked for."""
        if self.named:
            return True
        if is_in_strips(image.height, image.width) and self.entry.name not in LARGE_METRICS:
            return False
        # as cropping to a multiple of the scale and the border crop will leave it
        sides = (side - side % protocol.scale - 2 * protocol.shave for side in (image.height, image.width))
        return min(sides) >= self.entry.least


Pending = Sequence[tuple[Model, Sequence[LoadedMetric]]]
"""The models that an image misses scores of, each with those metrics."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One data set under one protocol: what is to be scored.

    Attributes:
        images: folder for hr, lr and sr as PNG; None writes none.
        maps: beside them, where each sr differs from hr.
        lr_files: by stem, lr as it was given; empty where the protocol makes it.
        force: score again what the store already has.
        strict: stop at the first image that cannot be scored.
        image_count: where the data set does not list its images; 0 where it does.
    """

    dataset: Dataset
    protocol: SRProtocol
    models: Sequence[Model]
    metrics: Sequence[LoadedMetric]
    device: torch.device
    images: Path | None = None
    maps: bool = False
    lr_files: Mapping[str, Path] = field(default_factory=dict)
    force: bool = False
    strict: bool = False
    image_count: int = 0

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.dataset.name} x{self.protocol.scale}"

    @property
    def images_folder(self) -> Path | None:
        """Of the data set under its protocol, a folder per model in it: FOLDER/DATASET/x4-johnson2016."""
        if self.images is None:
            return None
        # sr of lr files that were given must not replace sr of the lr that the protocol makes
        given = f"-lr-{self.protocol.lr_sha256[:8]}" if self.protocol.lr_sha256 else ""
        return self.images / self.dataset.name / f"x{self.protocol.scale}-{self.protocol.name}{given}"


@dataclass(kw_only=True)
class ImageJob:
    """One image on its way through a run: all that is known of it.

    Attributes:
        hr: its pixels and the hash of its file; None before it was read. Stored images are read by whoever works on them.
        pending: what the store misses of it.
        lr_file: lr as it was given.
        needs_lr: false where sr is stored, so that nothing is upscaled.
        path: of its file, as it is stored.
        cached: to be remembered of its file, so that it need not be read again.
    """

    image: ImageFile
    hr: HrImage | None = None
    pending: Pending = ()
    lr_file: Path | None = None
    needs_lr: bool = True
    fingerprint: str | None = None
    path: str = ""
    cached: CachedFileHash | None = None


class HrImage(tp.Protocol):
    """The pixels of an image and the SHA-256 of the file that they came from.

    Raises, when asked for pixels:
        ValueError, OSError: they cannot be had.
    """

    @property
    def pixels(self) -> UInt8[np.ndarray, "h w c"]: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class ImageKey:
    """What the rows of one image have in common.

    Attributes:
        folder: of its images, a folder per model in it; None for none.
    """

    dataset: str
    scale: int
    protocol: str
    protocol_hash: str
    image: str
    image_sha256: str
    folder: Path | None


@dataclass(kw_only=True)
class Outcome:
    """What one image gave; its rows are stored in one transaction, its files written beside.

    Attributes:
        maps: where sr differs from hr, to be written: file, pixels, and what they are of.
        notes: by kind and model, what is odd about what was scored all the same.
        write_error: a file could not be written.
    """

    key: ImageKey
    scores: list[Score] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    pictures: list[SavedImage] = field(default_factory=list)
    files: list[tuple[Path, np.ndarray]] = field(default_factory=list)
    maps: list[tuple[Path, np.ndarray, Mapping[str, str]]] = field(default_factory=list)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    write_error: OSError | None = None

    @staticmethod
    def of(plan: Plan, job: ImageJob) -> Outcome:
        """Nothing yet."""
        return Outcome(
            key=ImageKey(
                dataset=plan.dataset.name,
                scale=plan.protocol.scale,
                protocol=plan.protocol.name,
                protocol_hash=plan.protocol.hash,
                image=job.image.stem,
                # empty for a file that could not be read: only a failure is stored of it
                image_sha256=job.hr.sha256 if job.hr else "",
                folder=plan.images_folder,
            )
        )

    def add_scores(self, values: Sequence[tuple[Model, MetricEntry, Tensor | float]]) -> None:
        """Values as the store keeps them; together, since of a GPU each transfer waits for all that it was given."""
        key = self.key
        found = numbers(*(value for _, _, value in values))
        for (model, metric, _), value in zip(values, found, strict=True):
            self.scores.append(
                Score(
                    model=model.name,
                    model_hash=model.hash,
                    dataset=key.dataset,
                    image=key.image,
                    image_sha256=key.image_sha256,
                    scale=key.scale,
                    protocol=key.protocol,
                    protocol_hash=key.protocol_hash,
                    metric=metric.name,
                    metric_version=metric.version,
                    value=value,
                )
            )

    def add_failure(self, error: Exception, *, model: str = "", metric: str = "") -> Outcome:
        """Why there is no value, as the store keeps it; the metric's name stands before it, but only once."""
        key, why = self.key, reason(error)
        prefix = f"{metric}: " if metric and not why.startswith(f"{metric}:") else ""
        self.failures.append(
            Failure(
                dataset=key.dataset, image=key.image, model=model, scale=key.scale, reason=f"{prefix}{why}"
            )
        )
        return self

    def add_image(self, model: str, model_hash: str, pixels: UInt8[np.ndarray, "h w c"]) -> None:
        """An image to be written, FOLDER/MODEL/STEM.png, and its row."""
        key = self.key
        assert key.folder is not None
        file = key.folder / model / f"{key.image}.png"
        self.files.append((file, pixels))
        self.pictures.append(
            SavedImage(
                dataset=key.dataset,
                protocol_hash=key.protocol_hash,
                image=key.image,
                image_sha256=key.image_sha256,
                model=model,
                model_hash=model_hash,
                file=str(file),
                pixels_sha256=images.pixels_sha256(pixels),
            )
        )

    def add_map(self, metric: MetricEntry, pixels: UInt8[np.ndarray, "h w 1"]) -> None:
        """Where the image that was added last differs from hr, which was added first; see :mod:`bench.quality.maps`."""
        original, *_, saved_image = self.pictures
        about = {"metric": metric.name, "sr": saved_image.pixels_sha256, "hr": original.pixels_sha256}
        self.maps.append((map_file(Path(saved_image.file), metric.name), pixels, about))
