"""The steps of the pipeline on an image that fits into memory, as tensors."""

from __future__ import annotations

import math
import threading
import typing as tp
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.data import images
from bench.interfaces import CachedMetric, Metric, NoReferenceMetric, PrecomputedImages, Upscaler
from bench.lr import degrade
from bench.metrics.pair import numbers
from bench.metrics.ssim import WINDOW
from bench.prepare import Prepared, modcrop, prepare_one, size, to_luma
from bench.quality.lint import OVERSHOOT, lint
from bench.quality.maps import encoded, local_error
from bench.quality.plan import LoadedMetric, Model, Plan
from bench.quality.provided_lr import read_lr
from bench.records import SRProtocol

_ONE_NETWORK = threading.Lock()


@dataclass(kw_only=True)
class WholeImage:
    """hr and all that is made of it once, however many models follow: prepared, and features of metrics.

    Attributes:
        hr: cropped to multiples of the scale; luma where the protocol is luma first.
        reference: hr as metrics see it.
    """

    # each worker may have one in memory: LARGE_PIXELS bounds it
    turn: ClassVar[AbstractContextManager[Any]] = nullcontext()
    protocol: SRProtocol
    hr: Float[Tensor, "1 c h w"]
    reference: Prepared
    features: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(pixels: UInt8[np.ndarray, "h w c"], plan: Plan) -> WholeImage:
        """
        Raises:
            ValueError: the image is too small for the protocol's scale, border crop and SSIM window.
        """
        protocol = plan.protocol
        whole = images.to_tensor(pixels).to(plan.device)
        hr = modcrop(to_luma(whole) if protocol.colour == "y" else whole, protocol.scale)
        require_size(hr.shape[-2:], pixels, protocol)
        # before any model runs: what hr itself is refused for costs the image once, not each model
        reference = prepare_one(hr, protocol, grey=hr.shape[1] == 1)
        return WholeImage(protocol=protocol, hr=hr, reference=reference)

    def degrade(self, lr_file: Path | None) -> Float[Tensor, "1 c h2 w2"]:
        """lr as the protocol makes it, or as it was given."""
        return read_lr(lr_file, self.hr, self.protocol.scale) if lr_file else degrade(self.hr, self.protocol)

    def upscale(self, model: Model, lr: Float[Tensor, "n c h2 w2"] | None, stem: str) -> Tensor:
        """What a model makes of lr, or made of it before; not checked yet but for its shape and range.

        Raises:
            Exception: whatever the model raises.
        """
        if isinstance(model.upscaler, PrecomputedImages):
            return images.to_tensor(model.upscaler.pixels(stem)).to(self.hr.device)
        assert model.upscaler is not None
        assert lr is not None
        return upscale(model.upscaler, lr)

    def check(self, model: Model, sr: Tensor) -> dict[tuple[str, str], str]:
        """What the sanity checks find odd about sr, by its kind and the model's name.

        Raises:
            ValueError: sr is not what can be measured; says what is wrong and what to do.
        """
        notes = {}
        if not model.validated:
            file = isinstance(model.upscaler, PrecomputedImages)
            found = lint(sr, self.hr, self.protocol.scale, source="file" if file else "model")
            if found and found[-1].severity == "refuse":
                raise ValueError(found[-1].text)
            notes = {(finding.kind, model.name): finding.text for finding in found}
        # of validated images too: with --skip-hash-check a file may hold anything by now
        if sr.shape[-2:] != self.hr.shape[-2:]:
            raise ValueError(f"sr is {size(sr)}, must be {size(self.hr)}: hr cut to a multiple of the scale")
        return notes

    def prepare(self, sr: Tensor) -> Prepared:
        """sr as metrics see it."""
        if sr is self.hr:
            return self.reference
        return prepare_one(sr, self.protocol, grey=self.hr.shape[1] == 1)

    def measure(self, metric: LoadedMetric, sr: Prepared) -> Tensor | float:
        """One metric of one prepared sr; on a GPU nothing waits for it yet.

        Raises:
            ValueError: it cannot measure the pair.
        """
        entry, function = metric.entry, metric.metric
        a = getattr(sr, entry.view)
        if not entry.reference:
            return tp.cast("NoReferenceMetric", function)(a)
        b = getattr(self.reference, entry.view)
        if not isinstance(function, CachedMetric):
            return tp.cast("Metric", function)(a, b)
        # kept as long as this image: the next models are measured against the same features
        if entry.name not in self.features:
            self.features[entry.name] = function.reference(b)
        return function.against(a, self.features[entry.name])

    def local_error(self, metric: LoadedMetric, sr: Prepared) -> UInt8[np.ndarray, "h w 1"] | None:
        """Where one prepared sr differs from hr by one metric that measured it; None of a metric that cannot say."""
        if not metric.entry.reference:
            return None
        view = metric.entry.view
        pair = getattr(sr, view), getattr(self.reference, view)
        error = local_error(metric, *pair, self.features.get(metric.entry.name))
        return None if error is None else encoded(error, self.protocol.shave)

    def to_pixels(self, image: Tensor | None) -> UInt8[np.ndarray, "h w c"]:
        """hr, lr or sr as it is written."""
        assert image is not None
        return images.to_array(image)


def require_size(cropped: Sequence[int], pixels: UInt8[np.ndarray, "h w c"], protocol: SRProtocol) -> None:
    """
    Raises:
        ValueError: a side is too short for SSIM's window after cropping.
    """
    required = WINDOW + 2 * protocol.shave
    if min(cropped) < required:
        raise ValueError(
            f"image must be at least {required} pixels per side (got {pixels.shape[1]}x{pixels.shape[0]}), cropped to a "
            f"multiple of {protocol.scale}: SSIM's window of {WINDOW}, and a border crop of {protocol.shave} on each "
            "side"
        )


def upscale(upscaler: Upscaler, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
    """sr, checked. A grey lr is given as (v, v, v) to an upscaler that takes RGB only.

    Raises:
        ValueError: sr has another size than scale times lr, is not finite, or lies far outside [0, 1].
    """
    # channels None takes one channel as it is
    given = lr.expand(-1, 3, -1, -1) if lr.shape[1] == 1 and upscaler.channels == 3 else lr
    with _ONE_NETWORK if given.device.type != "cpu" else nullcontext():
        sr = upscaler(given)
    n, c, h, w = given.shape
    required = (n, c, h * upscaler.scale, w * upscaler.scale)
    if tuple(sr.shape) != required:
        raise ValueError(f"the model returned shape {tuple(sr.shape)}, must be {required}")
    # aminmax passes NaN on, so that two numbers say whether all are finite
    low, high = numbers(*sr.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("the model returned NaN or infinite values, must be finite ones in [0, 1]")
    check_range(low, high)
    return sr


def check_range(low: float, high: float) -> None:
    """
    Raises:
        ValueError: values lie further outside [0, 1] than a resize kernel overshoots.
    """
    if not -OVERSHOOT <= low <= high <= 1 + OVERSHOOT:
        raise ValueError(
            f"the model returned values from {low:.3g} to {high:.3g}, must be [0, 1] (small overshoot is clipped)"
        )
