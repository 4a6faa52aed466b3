"""What a participant must look like. A participant conforms by shape; nothing here is inherited from."""

from __future__ import annotations

import typing as tp

if tp.TYPE_CHECKING:  # what a table or a parser needs loads none of them
    import numpy as np
    from jaxtyping import Float, UInt8
    from torch import Tensor


@tp.runtime_checkable
class Upscaler(tp.Protocol):
    """lr to sr.

    Takes float in [0, 1], `n c h w`, and returns the same dtype and device, `n c scale*h scale*w`, without
    changing its argument. Values that overshoot [0, 1] are clipped by whoever measures.

    What else it needs it states as :class:`bench.registry.descriptor.Requirements` says.

    Attributes:
        scale: sr size over lr size.
        channels: what it takes: 3 for RGB only, None for any number (each channel alone, or luma handled inside).
    """

    @property
    def scale(self) -> int: ...

    @property
    def channels(self) -> int | None: ...

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]: ...


class UpscalerWrapper:
    """Has the scale and takes the channels of the upscaler inside."""

    upscaler: Upscaler

    @property
    def scale(self) -> int:
        return self.upscaler.scale

    @property
    def channels(self) -> int | None:
        return self.upscaler.channels


@tp.runtime_checkable
class PrecomputedImages(tp.Protocol):
    """sr images that exist already, by the stem of their hr image; uint8.

    Raises, when asked for one:
        ValueError: there is none, or it cannot be read.
    """

    def pixels(self, stem: str) -> UInt8[np.ndarray, "h w c"]: ...


@tp.runtime_checkable
class Metric(tp.Protocol):
    """Prepared pair to one value per image. No options: conventions live in the protocol."""

    def __call__(self, sr: Float[Tensor, "n c h w"], hr: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]: ...


@tp.runtime_checkable
class NoReferenceMetric(tp.Protocol):
    """One prepared image to its value, without hr: `reference=False` in the table of metrics."""

    def __call__(self, sr: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]: ...


@tp.runtime_checkable
class CachedMetric(Metric, tp.Protocol):
    """A metric whose work on hr is done once per image: `against(sr, reference(hr))` equals `self(sr, hr)`."""

    def reference(self, hr: Float[Tensor, "n c h w"]) -> tp.Any: ...

    def against(self, sr: Float[Tensor, "n c h w"], reference: tp.Any) -> Float[Tensor, " n"]: ...
