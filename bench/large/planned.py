"""Images too large for :mod:`bench.scoring.one_image`: the same PSNR and SSIM, a strip at a time, one image at a time."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8

from bench import images
from bench.datasets import LoadedImage
from bench.large.degrade import Small, degrade_large, luma
from bench.large.metrics import PsnrSsim, psnr_ssim
from bench.large.score import as_bytes, as_tensor, cropped, upscale_large
from bench.records import HR, Failure, ImageFile
from bench.roles import Made
from bench.scoring.given_lr import read_lr_pixels
from bench.scoring.one_image import SSIM_WINDOW, upscale
from bench.scoring.plan import LoadedMetric, Outcome, Plan, Subject, Work, large
from bench.scoring.rows import failed, failure, keep, score_row
from bench.tiling.option import TiledWhenLarge, hash_done, refuse_inexact
from bench.tiling.seams import seam_score
from bench.tiling.tiles import Tiled

Pixels = UInt8[np.ndarray, "h w c"]
_one_at_a_time = threading.Lock()


@torch.inference_mode()
def score_large(plan: Plan, image: ImageFile, loaded: LoadedImage, work: Work) -> Outcome:
    """As :func:`bench.scoring.one_image.score`; metrics that look at a whole image fail where they were asked for."""
    assert large(loaded)
    if not work:
        return Outcome()
    protocol = plan.protocol
    with _one_at_a_time:
        try:
            hr = cropped(luma(loaded.pixels) if protocol.colour == "y" else loaded.pixels, protocol.scale)
            if min(hr.shape[:2]) < SSIM_WINDOW + 2 * protocol.shave:
                raise ValueError(f"image is {hr.shape[1]}x{hr.shape[0]}, which is too narrow to be measured")
            given = plan.lr_files.get(image.stem)
            shape = (hr.shape[0], hr.shape[1], hr.shape[2])
            lr = read_lr_pixels(given, shape, protocol.scale) if given else degrade_large(hr, protocol)
        except (ValueError, OSError, MemoryError) as error:
            return failed(plan, image, error)
        outcome = Outcome()
        if plan.pictures:
            keep(outcome, plan, image, loaded.sha256, "hr", "", np.ascontiguousarray(hr))
            keep(
                outcome,
                plan,
                image,
                loaded.sha256,
                "lr",
                "",
                lr if lr.dtype == np.uint8 else as_bytes(as_tensor(lr)),
            )
        for subject, metrics in work:
            if subject.name == HR:
                outcome.failures.extend(_refused(plan, image, subject, metric, hr) for metric in metrics)
                continue
            _score_subject(plan, image, loaded, (hr, lr), subject, metrics, outcome)
        return outcome


def _score_subject(
    plan: Plan,
    image: ImageFile,
    loaded: LoadedImage,
    pair: tuple[Pixels, Small],
    subject: Subject,
    metrics: Sequence[LoadedMetric],
    outcome: Outcome,
) -> None:
    hr, lr = pair
    try:
        sr, note = _enlarged(subject, image.stem, lr, plan)
        subject = replace(subject, hash=hash_done(subject.hash, subject.upscaler))
        found = psnr_ssim(sr, hr, plan.protocol)
    except Exception as error:  # whatever a participant does wrong costs it this image, not the run
        outcome.failures.append(failure(plan, image, subject.name, error))
        return
    if note:
        outcome.notes["tiles", subject.name] = note
    if math.isinf(found.psnr):
        outcome.notes["identical", subject.name] = (
            "sr is hr to the last bit; make sure that it is no copy of hr; PSNR is infinite there"
        )
    for metric in metrics:
        value = _value(found, metric.entry.name)
        if value is None:
            outcome.failures.append(_refused(plan, image, subject, metric, hr))
            continue
        outcome.scores.append(score_row(plan, image, loaded.sha256, subject, metric.entry, value))
    if plan.pictures:
        keep(outcome, plan, image, loaded.sha256, subject.name, subject.hash, sr)


def _refused(plan: Plan, image: ImageFile, subject: Subject, metric: LoadedMetric, hr: Pixels) -> Failure:
    megapixels = round(hr.shape[0] * hr.shape[1] / 1e6)
    refused = ValueError(f"measures whole images, and this one has {megapixels} megapixels")
    return failure(plan, image, subject.name, refused, prefix=f"{metric.entry.name}: ")


def _value(found: PsnrSsim, metric: str) -> float | None:
    return {"psnr": found.psnr, "ssim": found.ssim}.get(metric)


def _enlarged(subject: Subject, stem: str, lr: Small, plan: Plan) -> tuple[Pixels, str]:
    """sr in 8 bits, and how it was made; empty where that is nothing special."""
    upscaler = subject.upscaler
    if isinstance(upscaler, Made):
        return images.to_array(upscaler.image(stem)), ""
    tiles = upscaler.tiles if isinstance(upscaler, TiledWhenLarge) else upscaler
    if not isinstance(tiles, Tiled):
        return as_bytes(upscale(upscaler, as_tensor(lr).to(plan.device))), ""
    sr = upscale_large(lr, tiles, device=plan.device)
    assert tiles.last is not None
    refuse_inexact(tiles)
    if tiles.last.tile is None:
        return sr, ""
    seams = seam_score(sr, tiles.last.rows, tiles.last.columns, plan.protocol.scale)
    said = "can be seen" if seams.visible else "cannot be seen"
    return (
        sr,
        f"{tiles.last.description}; the seams {said} (score {seams.score:.2f}, noise {seams.noise:.2f})",
    )
