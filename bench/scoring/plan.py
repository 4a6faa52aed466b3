"""What is to be scored, and what came of an image: the records that the engines pass around."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bench.datasets import LoadedImage
from bench.metrics import MetricEntry
from bench.records import HR, Dataset, Failure, KnownFile, Picture, Score, SRProtocol, untiled_hash
from bench.roles import Made, Metric, NoReferenceMetric, Upscaler

LARGE_PIXELS = 16_000_000
"""hr pixels above which an image is scored by :mod:`bench.large.planned`: elsewhere several float64 copies are made."""

LARGE_METRICS = ("psnr", "ssim")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An upscaler, or images that one made already, with its name and content hash.

    Attributes:
        variants: scores of images that memory had done in tiles are its scores too.
    """

    name: str
    hash: str
    upscaler: Upscaler | Made
    variants: bool = False

    def owns(self, model: str, model_hash: str) -> bool:
        """Whether what is stored under a name and a hash was made by it."""
        found = untiled_hash(model_hash) if self.variants else model_hash
        return (model, found) == (self.name, self.hash)


class NoUpscaler:
    """Of hr itself, which nothing makes."""

    def image(self, stem: str) -> Float[Tensor, "1 c h w"]:
        """hr is measured where it was prepared, not here."""
        raise ValueError(f"nothing makes hr of {stem}")


ORIGINAL = Subject(name=HR, hash="", upscaler=NoUpscaler())
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

    def fits(self, image: LoadedImage | KnownFile, protocol: SRProtocol) -> bool:
        """Whether the image is large enough for it, or must be tried because it was asked for."""
        if self.named:
            return True
        if large(image) and self.entry.name not in LARGE_METRICS:
            return False
        sides = (side - side % protocol.scale - 2 * protocol.shave for side in (image.height, image.width))
        return min(sides) >= self.entry.least


def large(image: LoadedImage | KnownFile) -> bool:
    """Whether an image is scored a strip at a time."""
    return image.height * image.width > LARGE_PIXELS


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One data set under one protocol: what is to be scored.

    Attributes:
        pictures: folder for hr, lr and sr as PNG; None writes none.
        lr_files: by stem, lr as it was given; empty where the protocol makes it.
        force: score again what the store already has.
        strict: stop at the first image that cannot be scored.
    """

    dataset: Dataset
    protocol: SRProtocol
    subjects: Sequence[Subject]
    metrics: Sequence[LoadedMetric]
    device: torch.device
    pictures: Path | None = None
    force: bool = False
    strict: bool = False
    lr_files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one image gave; its rows are stored in one transaction, its files written beside.

    Attributes:
        notes: by kind and model, what is odd about what was scored all the same.
    """

    scores: list[Score] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    files: list[tuple[Path, np.ndarray]] = field(default_factory=list)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)


Work = Sequence[tuple[Subject, Sequence[LoadedMetric]]]
