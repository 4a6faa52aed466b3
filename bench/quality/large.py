"""The steps of the pipeline on an image too large to be done at once: in strips and tiles, with 8-bit arrays between."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.interfaces import PrecomputedImages
from bench.quality.plan import LARGE_METRICS, LoadedMetric, Model, Plan
from bench.quality.provided_lr import read_lr_pixels
from bench.quality.strips import (
    PsnrSsim,
    Small,
    as_bytes,
    as_tensor,
    cropped,
    degrade_large,
    luma,
    psnr_ssim,
    upscale_large,
)
from bench.quality.whole import require_size, upscale
from bench.tiling.seams import seam_score
from bench.tiling.tiles import Tiled, check_exact, tiled_inside

Pixels = UInt8[np.ndarray, "h w c"]


@dataclass(kw_only=True)
class LargeImage:
    """hr of a large image; as :class:`bench.quality.whole.WholeImage`, but PSNR and SSIM alone can be measured.

    Attributes:
        turn: one large image at a time, whatever the number of workers.
    """

    turn: ClassVar[AbstractContextManager[Any]] = threading.Lock()
    plan: Plan
    hr: Pixels

    @staticmethod
    def of(pixels: Pixels, plan: Plan) -> LargeImage:
        """
        Raises:
            ValueError: the image is too narrow for the protocol's scale, border crop and SSIM window.
        """
        protocol = plan.protocol
        hr = cropped(luma(pixels) if protocol.colour == "y" else pixels, protocol.scale)
        require_size(hr.shape[:2], pixels, protocol)
        return LargeImage(plan=plan, hr=hr)

    def degrade(self, lr_file: Path | None) -> Small:
        """lr as the protocol makes it, or as it was given."""
        protocol = self.plan.protocol
        if lr_file is None:
            return degrade_large(self.hr, protocol)
        height, width, channels = self.hr.shape
        return read_lr_pixels(lr_file, (height, width, channels), protocol.scale)

    def upscale(self, model: Model, lr: Small | None, stem: str) -> Pixels:
        """What a model makes of lr, or made of it before, in 8 bits.

        Raises:
            Exception: whatever the model raises.
        """
        upscaler = model.upscaler
        if isinstance(upscaler, PrecomputedImages):
            return upscaler.pixels(stem)
        assert upscaler is not None
        assert lr is not None
        # --tile off, or tiles inside of what looks at the whole image: sr is made at once, in float
        if not isinstance(upscaler, Tiled):
            return as_bytes(upscale(upscaler, as_tensor(lr).to(self.plan.device)))
        sr = upscale_large(lr, upscaler, device=self.plan.device)
        # here, since `pieces` goes past TiledWhenLarge.__call__, which refuses it for other images
        check_exact(upscaler)
        return sr

    def check(self, model: Model, sr: Pixels) -> dict[tuple[str, str], str]:
        """What is odd about sr, and how it was made where that is not a matter of course.

        Raises:
            ValueError: sr has another size than hr.
        """
        if sr.shape[:2] != self.hr.shape[:2]:
            raise ValueError(
                f"sr is {_size(sr)}, must be {_size(self.hr)}: hr cut to a multiple of the scale"
            )
        # not `lint`, which works on float copies of the whole pair
        notes = {}
        tiles = tiled_inside(model.upscaler)
        if tiles is not None and tiles.last is not None and tiles.last.tile is not None:
            seams = seam_score(sr, tiles.last.rows, tiles.last.columns, self.plan.protocol.scale)
            notes["tiles", model.name] = (
                f"{tiles.last.description}; the seams {'can' if seams.visible else 'cannot'} be seen "
                f"(score {seams.score:.2f}, noise {seams.noise:.2f})"
            )
        if sr is not self.hr and not model.validated and np.array_equal(sr, self.hr):
            notes["identical", model.name] = (
                "sr is hr to the last bit; make sure that it is no copy of hr; PSNR is infinite there"
            )
        return notes

    def prepare(self, sr: Pixels) -> Pair:
        """sr beside hr; both are prepared strip by strip where they are measured.

        Raises:
            ValueError: sr has neither three channels nor, where hr is grey, one.
        """
        required = (1, 3) if self.hr.shape[2] == 1 else (3,)
        if sr.shape[2] not in required:
            raise ValueError(f"image has {sr.shape[2]} channels, must be {' or '.join(map(str, required))}")
        return Pair(sr=sr, image=self)

    def measure(self, metric: LoadedMetric, sr: Pair) -> float:
        """PSNR or SSIM.

        Raises:
            ValueError: the metric looks at a whole image.
        """
        if metric.entry.name not in LARGE_METRICS:
            raise ValueError(f"measures whole images, and this one is {_size(self.hr)}")
        # PsnrSsim's fields are called as LARGE_METRICS
        return float(getattr(sr.scores, metric.entry.name))

    def local_error(self, metric: LoadedMetric, sr: Pair) -> None:
        """None: a map of a large image is not made."""

    def to_pixels(self, image: Small | None) -> Pixels:
        """hr, lr or sr as it is written."""
        assert image is not None
        return np.ascontiguousarray(image) if image.dtype == np.uint8 else as_bytes(as_tensor(image))


@dataclass(kw_only=True)
class Pair:
    """sr and hr; both metrics come from one pass over their strips."""

    sr: Pixels
    image: LargeImage

    @cached_property
    def scores(self) -> PsnrSsim:
        """Of the pair."""
        return psnr_ssim(self.sr, self.image.hr, self.image.plan.protocol)


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
