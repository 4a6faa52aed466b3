"""degrade -> upscale -> prepare -> measure: the one way that every image goes, wherever it comes from.

Files, lr files that came with them and stored images feed it (:mod:`bench.quality.engine`, :mod:`bench.quality.stored`);
threads and cluster nodes run it. The four steps are those of :class:`bench.quality.whole.WholeImage`, or of
:class:`bench.quality.large.LargeImage`, which does the same in strips.
"""

from __future__ import annotations

import typing as tp
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from bench.errors import out_of_memory
from bench.quality.large import LargeImage
from bench.quality.plan import ImageJob, LoadedMetric, Model, Outcome, Plan, is_in_strips
from bench.quality.whole import WholeImage
from bench.records import HR, LR
from bench.tiling.tiles import hash_done


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

    def measure(self, metric: LoadedMetric, sr: tp.Any) -> float:
        """One metric of one prepared sr against hr."""

    def local_error(self, metric: LoadedMetric, sr: tp.Any) -> UInt8[np.ndarray, "h w 1"] | None:
        """Where one prepared sr differs from hr by one metric that measured it; None of a metric that cannot say."""

    def to_pixels(self, image: tp.Any) -> UInt8[np.ndarray, "h w c"]:
        """hr, lr or sr as it is written."""


@torch.inference_mode()
def score_image(plan: Plan, job: ImageJob) -> Outcome:
    """Score one image: every pending metric of every pending model.

    Never raises for what is wrong with the image or with a model: an image that cannot be used costs itself, a model
    that fails on it costs itself, and so does a metric that cannot measure it.
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
            image = steps.of(pixels, plan)
            lr = image.degrade(job.lr_file) if job.needs_lr else None
        except Exception as error:
            # anything else is a defect of this suite and ends the run, as in the loop over metrics below
            if not isinstance(error, ValueError | OSError) and not out_of_memory(error):
                raise
            return outcome.add_failure(error)
        if plan.images:
            # a job without lr (stored images) comes from a plan that writes no images
            outcome.add_image(HR, "", image.to_pixels(image.hr))
            outcome.add_image(LR, "", image.to_pixels(lr))
        for planned, metrics in job.pending:
            try:
                sr = image.hr if planned.name == HR else image.upscale(planned, lr, job.image.stem)
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
                    outcome.add_score(model, metric.entry, image.measure(metric, prepared))
                    measured.append(metric)
                except Exception as error:
                    if not isinstance(error, ValueError) and not out_of_memory(error):
                        raise
                    outcome.add_failure(error, model=model.name, metric=metric.entry.name)
            if written is not None:
                outcome.add_image(model.name, model.hash, written)
                if plan.maps:
                    _add_maps(outcome, image, measured, prepared)
    return outcome


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
