"""One image on its way: degrade -> upscale -> prepare -> measure.

hr is degraded, prepared and turned into reference features once, however many models follow.
"""

from __future__ import annotations

import typing as tp
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench import images
from bench.datasets import LoadedImage
from bench.lint.pair import lint, refusal
from bench.lr import degrade
from bench.out_of_memory import out_of_memory
from bench.prepare import Prepared, modcrop, prepare_one, size, to_luma
from bench.records import HR, ImageFile
from bench.roles import CachedMetric, Made, Metric, NoReferenceMetric, Upscaler
from bench.scoring.given_lr import read_lr
from bench.scoring.plan import LoadedMetric, Outcome, Plan, Subject, Work
from bench.scoring.rows import failed, failure, keep, score_row
from bench.tiling.option import hash_done

SSIM_WINDOW = 11
OVERSHOOT = 0.5  # beyond [0, 1]: a resize kernel overshoots by less than 0.3, a wrong range by far more


@torch.inference_mode()
def score(plan: Plan, image: ImageFile, loaded: LoadedImage, work: Work) -> Outcome:
    """The metrics asked for of each model. Never raises for what is wrong with the image or a model.

    Args:
        work: the models to run, each with the metrics that it lacks.
    """
    if not work:
        return Outcome()
    try:
        source = Source.of(loaded, plan, plan.lr_files.get(image.stem))
    except Exception as error:
        if not isinstance(error, ValueError | OSError) and not out_of_memory(error):
            raise
        return failed(plan, image, error)
    outcome = Outcome()
    if plan.pictures:
        keep(outcome, plan, image, loaded.sha256, "hr", "", images.to_array(source.hr))
        keep(outcome, plan, image, loaded.sha256, "lr", "", images.to_array(source.lr))
    for subject, metrics in work:
        if subject.name == HR:
            measure_each(plan, image, loaded.sha256, source, subject, metrics, source.prepared, outcome)
        else:
            _score_subject(plan, image, loaded.sha256, source, subject, metrics, outcome)
    return outcome


@dataclass(frozen=True, kw_only=True)
class Source:
    """hr and all that is made of it once, however many models follow."""

    hr: Float[Tensor, "1 c h w"]
    lr: Float[Tensor, "1 c h2 w2"]
    grey: bool
    prepared: Prepared
    references: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(loaded: LoadedImage, plan: Plan, lr_file: Path | None = None) -> Source:
        """Crop, degrade and prepare an image.

        Args:
            lr_file: taken instead of degrading.

        Raises:
            ValueError: it is too small for the protocol's scale, shave and SSIM window.
        """
        protocol = plan.protocol
        whole = images.to_tensor(loaded.pixels).to(plan.device)
        hr = modcrop(to_luma(whole) if protocol.colour == "y" else whole, protocol.scale)
        required = SSIM_WINDOW + 2 * protocol.shave
        if min(hr.shape[-2:]) < required:
            raise ValueError(
                f"image is {size(whole)}, required at least {required} pixels per side after cropping to a multiple "
                f"of {protocol.scale} (SSIM's window of {SSIM_WINDOW} and {protocol.shave} shaved from each side)"
            )
        grey = hr.shape[1] == 1
        lr = read_lr(lr_file, hr, protocol.scale) if lr_file else degrade(hr, protocol)
        return Source(hr=hr, lr=lr, grey=grey, prepared=prepare_one(hr, protocol, grey=grey))

    def measure(self, loaded: LoadedMetric, sr: Prepared) -> float:
        """One metric of one prepared sr."""
        a = getattr(sr, loaded.entry.view)
        if not loaded.entry.reference:
            return float(tp.cast("NoReferenceMetric", loaded.metric)(a))
        b = getattr(self.prepared, loaded.entry.view)
        if not isinstance(loaded.metric, CachedMetric):
            return float(tp.cast("Metric", loaded.metric)(a, b))
        if loaded.entry.name not in self.references:
            self.references[loaded.entry.name] = loaded.metric.reference(b)
        return float(loaded.metric.against(a, self.references[loaded.entry.name]))


def _score_subject(
    plan: Plan,
    image: ImageFile,
    sha256: str,
    source: Source,
    subject: Subject,
    metrics: Sequence[LoadedMetric],
    outcome: Outcome,
) -> None:
    try:
        sr = sr_of(subject, image.stem, source)
        subject = replace(subject, hash=hash_done(subject.hash, subject.upscaler))
        outcome.notes.update(oddities(subject, sr, source, plan.protocol.scale))
        prepared = prepare_one(sr, plan.protocol, grey=source.grey)
        pixels = images.to_array(sr) if plan.pictures else None
    except Exception as error:  # whatever a participant does wrong costs it this image, not the run
        outcome.failures.append(failure(plan, image, subject.name, error))
        return
    measure_each(plan, image, sha256, source, subject, metrics, prepared, outcome)
    if pixels is not None:
        keep(outcome, plan, image, sha256, subject.name, subject.hash, pixels)


def measure_each(
    plan: Plan,
    image: ImageFile,
    sha256: str,
    source: Source,
    subject: Subject,
    metrics: Sequence[LoadedMetric],
    sr: Prepared,
    outcome: Outcome,
) -> None:
    """Put each metric of one prepared sr into the outcome; one that cannot measure it costs itself."""
    for metric in metrics:
        try:
            value = source.measure(metric, sr)
        except Exception as error:
            if not isinstance(error, ValueError) and not out_of_memory(error):
                raise
            outcome.failures.append(
                failure(plan, image, subject.name, error, prefix=_prefix(metric.entry.name, error))
            )
            continue
        outcome.scores.append(score_row(plan, image, sha256, subject, metric.entry, value))


def _prefix(name: str, error: Exception) -> str:
    """Whose failure it is, where the error does not say so itself."""
    return "" if str(error).startswith(f"{name}:") else f"{name}: "


def sr_of(subject: Subject, stem: str, source: Source) -> Float[Tensor, "1 c h w"]:
    """What a subject makes of an image, or made of it before.

    Raises:
        ValueError: it is not an image that can be measured against hr; another size, for one.
    """
    if not isinstance(subject.upscaler, Made):
        return upscale(subject.upscaler, source.lr)
    return subject.upscaler.image(stem)


def oddities(subject: Subject, sr: Tensor, source: Source, scale: int) -> dict[tuple[str, str], str]:
    """What the linter finds odd about sr, by its kind and the model's name.

    Raises:
        ValueError: sr is not what can be measured; says what is wrong and what to do.
    """
    made = isinstance(subject.upscaler, Made)
    found = lint(sr, source.hr, scale, source="file" if made else "model")
    refused = refusal(found)
    if refused:
        raise ValueError(refused.text)
    if sr.shape[-2:] != source.hr.shape[-2:]:
        raise ValueError(f"sr is {size(sr)}, required {size(source.hr)}: hr cut to a multiple of the scale")
    return {(finding.kind, subject.name): finding.text for finding in found}


def upscale(upscaler: Upscaler, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
    """sr, checked. A grey lr is given as (v, v, v) to an upscaler that takes RGB only.

    Raises:
        ValueError: sr has another size than scale times lr, is not finite, or lies far outside [0, 1].
    """
    given = lr.expand(-1, 3, -1, -1) if lr.shape[1] == 1 and upscaler.channels == 3 else lr
    sr = upscaler(given)
    n, c, h, w = given.shape
    required = (n, c, h * upscaler.scale, w * upscaler.scale)
    if tuple(sr.shape) != required:
        raise ValueError(f"the model returned shape {tuple(sr.shape)}, required {required}")
    low, high = sr.aminmax()
    if not (torch.isfinite(low) and torch.isfinite(high)):
        raise ValueError("the model returned NaN or infinite values, required finite ones in [0, 1]")
    if low < -OVERSHOOT or high > 1 + OVERSHOOT:
        raise ValueError(
            f"the model returned values from {low:.3g} to {high:.3g}, required [0, 1] (small overshoot is clipped)"
        )
    return sr
