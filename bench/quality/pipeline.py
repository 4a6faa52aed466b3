"""degrade -> upscale -> prepare -> measure: the one way that every image goes, wherever it comes from.

Files, lr files that came with them and stored images feed it (:mod:`bench.quality.engine`, :mod:`bench.quality.stored`);
threads and cluster nodes run it. The four steps are those of :class:`bench.quality.whole.WholeImage`, or of
:class:`bench.quality.large.LargeImage`, which does the same in strips.
"""

from __future__ import annotations

import typing as tp
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from bench.errors import out_of_memory
from bench.interfaces import UpscalerWrapper, requirements
from bench.metrics import MetricEntry
from bench.quality.large import LargeImage
from bench.quality.plan import ImageJob, LoadedMetric, Model, Outcome, Plan, is_in_strips
from bench.quality.whole import WholeImage
from bench.records import HR, LR
from bench.tiling.tiles import hash_done, tiled_inside


class Steps(tp.Protocol):
    """hr of one image, and the steps on it. What an image is (a tensor, an array) each implementation knows alone."""

    turn: tp.ClassVar[AbstractContextManager[tp.Any]]
    """Held while one image is done."""
    hr: tp.Any

    @staticmethod
    def of(pixels: UInt8[np.ndarray, "h w c"], plan: Plan) -> Steps:
        """hr as it is compared: cropped to multiples of the scale, luma where the protocol is luma first."""

    def degrade(self, lr_file: Path | None) -> tp.Any:
        """lr as the protocol makes it, or as it was given."""

    def upscale(self, model: Model, lr: tp.Any, stem: str) -> tp.Any:
        """sr."""

    def check(self, model: Model, sr: tp.Any) -> dict[tuple[str, str], str]:
        """What is odd about sr, by its kind and the model's name; raises ValueError for what cannot be measured."""

    def prepare(self, sr: tp.Any) -> tp.Any:
        """sr as metrics see it: rounded, border cropped, luma."""

    def measure(self, metric: LoadedMetric, sr: tp.Any) -> Tensor | float:
        """One metric of one prepared sr against hr; on a GPU it is still being computed."""

    def local_error(self, metric: LoadedMetric, sr: tp.Any) -> UInt8[np.ndarray, "h w 1"] | None:
        """Where one prepared sr differs from hr by one metric that measured it; None of a metric that cannot say."""

    def to_pixels(self, image: tp.Any) -> UInt8[np.ndarray, "h w c"]:
        """hr, lr or sr as it is written."""


class Begun(tp.NamedTuple):
    """An image of a batch: its lr, and by model's name the sr that was made with the others'."""

    image: Steps
    lr: tp.Any
    sr: dict[str, Tensor]


@torch.inference_mode()
def score_image(plan: Plan, job: ImageJob, begun: Begun | None = None) -> Outcome:
    """Score one image: every pending metric of every pending model.

    Never raises for what is wrong with the image or with a model: an image that cannot be used costs itself, a model
    that fails on it costs itself, and so does a metric that cannot measure it.

    Args:
        begun: what was made of it in a batch.
    """
    outcome = Outcome.of(plan, job)
    # a file that was read to learn its hash and misses nothing: the writer stores the hash
    if not job.pending:
        return outcome
    assert job.hr is not None
    try:
        # of a stored image the file is read here, in the worker, and compared with its hash
        pixels = job.hr.pixels
    except (ValueError, OSError, MemoryError) as error:
        return outcome.add_failure(error)
    steps: type[Steps] = LargeImage if is_in_strips(*pixels.shape[:2]) else WholeImage
    with steps.turn:
        try:
            image = begun.image if begun else steps.of(pixels, plan)
            lr = begun.lr if begun else image.degrade(job.lr_file) if job.needs_lr else None
        except Exception as error:
            # anything else is a defect of this suite and ends the run, as in the loop over metrics below
            if not isinstance(error, ValueError | OSError) and not out_of_memory(error):
                raise
            return outcome.add_failure(error)
        if plan.images:
            # a job without lr (stored images) comes from a plan that writes no images
            outcome.add_image(HR, "", image.to_pixels(image.hr))
            outcome.add_image(LR, "", image.to_pixels(lr))
        values: list[tuple[Model, MetricEntry, Tensor | float]] = []
        for planned, metrics in job.pending:
            try:
                made = begun.sr.get(planned.name) if begun else None
                sr = image.hr if planned.name == HR else made
                sr = image.upscale(planned, lr, job.image.stem) if sr is None else sr
                # where memory asked for tiles, the tile becomes part of what the scores are of
                model = replace(planned, hash=hash_done(planned.hash, planned.upscaler))
                outcome.notes.update(image.check(model, sr))
                prepared = image.prepare(sr)
                # inside the try: NaN, which is no pixel, is the model's failure
                written = image.to_pixels(sr) if plan.images and model.name != HR else None
            except Exception as error:  # whatever a model does wrong costs it this image, not the run
                outcome.add_failure(error, model=planned.name)
                continue
            measured = []
            for metric in metrics:
                try:
                    values.append((model, metric.entry, image.measure(metric, prepared)))
                    measured.append(metric)
                except Exception as error:
                    if not isinstance(error, ValueError) and not out_of_memory(error):
                        raise
                    outcome.add_failure(error, model=model.name, metric=metric.entry.name)
            if written is not None:
                outcome.add_image(model.name, model.hash, written)
                if plan.maps:
                    _add_maps(outcome, image, measured, prepared)
        outcome.add_scores(values)
    return outcome


@torch.inference_mode()
def score_images(plan: Plan, jobs: tp.Sequence[ImageJob]) -> list[Outcome]:
    """As :func:`score_image` of each, all of one size; a network that takes several images at a time is given them all."""
    begun: list[Begun | None] = []
    for job in jobs:
        # whatever is wrong with an image is found again, and said, where it is scored alone
        try:
            assert job.hr is not None
            image = WholeImage.of(job.hr.pixels, plan)
            begun.append(Begun(image, image.degrade(job.lr_file), {}))
        except Exception:
            begun.append(None)
    models = {model.name: model for job in jobs for model, _ in job.pending if takes_batches(model.upscaler)}
    for model in models.values():
        together = [
            one
            for one, job in zip(begun, jobs, strict=True)
            if one and any(m is model for m, _ in job.pending)
        ]
        # What fails together is done alone: it may be memory, or one image of the batch.
        with suppress(Exception):
            sr = together[0].image.upscale(model, torch.cat([one.lr for one in together]), "")
            tiles = tiled_inside(model.upscaler)
            # memory may have asked for tiles that no image needs by itself
            if tiles is None or tiles.last is None or tiles.last.tile is None:
                for one, part in zip(together, sr.split(1), strict=True):
                    one.sr[model.name] = part
    return [score_image(plan, job, one) for job, one in zip(jobs, begun, strict=True)]


def takes_batches(upscaler: tp.Any) -> bool:
    """Whether a model, or the one inside of tiles and flips, is known to do each image of a batch as it does it alone."""
    while isinstance(upscaler, UpscalerWrapper):
        upscaler = upscaler.upscaler
    return requirements(upscaler).batch


def _add_maps(outcome: Outcome, image: Steps, metrics: tp.Sequence[LoadedMetric], sr: tp.Any) -> None:
    """Where the image that was added last differs from hr; what memory has no room for costs the map alone."""
    for metric in metrics:
        try:
            pixels = image.local_error(metric, sr)
        except Exception as error:
            if not out_of_memory(error):
                raise
            continue
        if pixels is not None:
            outcome.add_map(metric.entry, pixels)
