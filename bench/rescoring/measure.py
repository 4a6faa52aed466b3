"""One image from its stored pictures: hr prepared once, then each model's sr, each as its run wrote it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from bench import images
from bench.errors import ImageError
from bench.large.metrics import psnr_ssim
from bench.prepare import prepare_one
from bench.records import ImageFile, Picture
from bench.scoring.one_image import SSIM_WINDOW, Source, measure_each
from bench.scoring.plan import LARGE_METRICS, LARGE_PIXELS, LoadedMetric, Outcome, Plan, Subject
from bench.scoring.rows import failed, failure, score_row

Pixels = UInt8[np.ndarray, "h w c"]
AGAIN = "repeat the command of bench.sr_quality, which makes it again"
_one_large_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A picture that a run wrote; `trust` says that one without a hash of its pixels is taken as it is."""

    picture: Picture
    file: Path
    trust: bool

    def pixels(self) -> Pixels:
        """What the file holds.

        Raises:
            ImageError: it is not there, cannot be read, or holds something else than was scored.
        """
        if not self.file.is_file():
            raise ImageError(f"there is no picture {str(self.file)!r}; required: {AGAIN}")
        found = images.read(self.file)
        wanted = self.picture.pixels_sha256
        if not wanted and not self.trust:
            raise ImageError(f"{str(self.file)!r} was stored without a hash of its pixels (--trust-pictures)")
        if wanted and images.pixels_sha256(found) != wanted:
            raise ImageError(
                f"{str(self.file)!r} does not hold the pixels that were scored; required: delete it, then {AGAIN}"
            )
        return found


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """A model whose picture is to be measured, and with what; `sr` is None where its picture is of another version of
    the image's file."""

    subject: Subject
    sr: Stored | None
    metrics: Sequence[LoadedMetric]

    def pixels(self, size: Sequence[int]) -> Pixels:
        """sr, of hr's height and width.

        Raises:
            ImageError: there is none that can be measured.
        """
        if self.sr is None:
            raise ImageError(f"its picture is of another version of the image; required: {AGAIN}")
        sr = self.sr.pixels()
        if sr.shape[:2] != tuple(size):
            raise ImageError(f"the picture is {_size(sr)}, required {size[1]}x{size[0]}, the size of hr's")
        return sr


@dataclass(frozen=True, kw_only=True)
class Unit:
    """An image and what it lacks; `hr` is None where its picture was lost to another image's."""

    image: ImageFile
    sha256: str
    hr: Stored | None
    work: Sequence[Lacking]


@torch.inference_mode()
def measure(plan: Plan, unit: Unit) -> Outcome:
    """The metrics that each model lacks. Never raises for what is wrong with a picture."""
    try:
        if unit.hr is None:
            raise ImageError(f"there is no picture of hr; required: {AGAIN}")
        hr = unit.hr.pixels()
        _refuse_hr(hr, plan)
    except (ValueError, OSError) as error:
        return failed(plan, unit.image, error)
    outcome = Outcome()
    if hr.shape[0] * hr.shape[1] > LARGE_PIXELS:
        with _one_large_at_a_time:
            for lacking in unit.work:
                _measure_large(plan, unit, hr, lacking, outcome)
        return outcome
    source = _source(plan, hr)
    for lacking in unit.work:
        _measure(plan, unit, source, lacking, outcome)
    return outcome


def _refuse_hr(hr: Pixels, plan: Plan) -> None:
    protocol = plan.protocol
    if protocol.colour == "y" and hr.shape[2] != 1:
        raise ImageError(f"the picture of hr has {hr.shape[2]} channels, required 1: luma")
    required = SSIM_WINDOW + 2 * protocol.shave
    if min(hr.shape[:2]) < required:
        raise ImageError(f"the picture of hr is {_size(hr)}, required at least {required} pixels per side")


def _source(plan: Plan, hr: Pixels) -> Source:
    image = images.to_tensor(hr).to(plan.device)
    grey = image.shape[1] == 1
    no_lr = image[..., :0, :0]  # no network is given one
    return Source(hr=image, lr=no_lr, grey=grey, prepared=prepare_one(image, plan.protocol, grey=grey))


def _measure(plan: Plan, unit: Unit, source: Source, lacking: Lacking, outcome: Outcome) -> None:
    subject = lacking.subject
    try:
        sr = images.to_tensor(lacking.pixels(source.hr.shape[-2:])).to(plan.device)
        prepared = prepare_one(sr, plan.protocol, grey=source.grey)
    except (ValueError, OSError, torch.OutOfMemoryError) as error:
        outcome.failures.append(failure(plan, unit.image, subject.name, error))
        return
    measure_each(plan, unit.image, unit.sha256, source, subject, lacking.metrics, prepared, outcome)


def _measure_large(plan: Plan, unit: Unit, hr: Pixels, lacking: Lacking, outcome: Outcome) -> None:
    """As :mod:`bench.large.planned` does it, a strip at a time."""
    subject = lacking.subject
    try:
        found = psnr_ssim(lacking.pixels(hr.shape[:2]), hr, plan.protocol)
    except (ValueError, OSError) as error:
        outcome.failures.append(failure(plan, unit.image, subject.name, error))
        return
    for metric in lacking.metrics:
        name = metric.entry.name
        if name in LARGE_METRICS:
            value = float(getattr(found, name))
            outcome.scores.append(score_row(plan, unit.image, unit.sha256, subject, metric.entry, value))
            continue
        refused = ValueError(f"measures whole images, and this one is {_size(hr)}")
        outcome.failures.append(failure(plan, unit.image, subject.name, refused, prefix=f"{name}: "))


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
