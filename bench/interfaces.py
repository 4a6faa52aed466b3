"""What a model must look like. A model conforms by shape; nothing here is inherited from."""

from __future__ import annotations

import typing as tp
from dataclasses import dataclass, fields

if tp.TYPE_CHECKING:  # what a table or a parser needs loads none of them
    import numpy as np
    from jaxtyping import Float, UInt8
    from torch import Tensor


@tp.runtime_checkable
class Upscaler(tp.Protocol):
    """lr to sr.

    Takes float in [0, 1], `n c h w`, and returns the same dtype and device, `n c scale*h scale*w`, without
    changing its argument. Values that overshoot [0, 1] are clipped by whoever measures.

    What else it needs it states as :class:`Requirements` says.

    Attributes:
        scale: sr size over lr size.
        channels: what it takes: 3 for RGB only, None for any number (each channel alone, or luma handled inside).
    """

    @property
    def scale(self) -> int: ...

    @property
    def channels(self) -> int | None: ...

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]: ...


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a model needs of whoever calls it, and what may be done with it.

    A network or an upscaler states what differs from the defaults as attributes of these names.

    Attributes:
        channels: what it takes: 3 for RGB only, None for any number (each channel alone, or luma handled inside).
        multiple: both sides of what goes in must be multiples of it; 1 where it pads by itself, or takes any size.
        minimum: pixels per side that must go in at least.
        receptive_field: `measured`: a probe finds out how far it looks, if there is a bound
            (:mod:`bench.tiling.receptive_field`).
            `unbounded`: it is a dataclass around another upscaler (its field `upscaler`) and looks at the whole image in
            what it does around that, so that the upscaler inside is done in tiles and the rest is not.
        tiles_exactly: it gives the same bits, whole or in tiles: where every sr pixel is taken from a single lr pixel.
            Otherwise a library may add the same numbers in another order, which turns single 8-bit values.
        half_precision: how it runs in float16 or bfloat16. `autocast`: under torch's autocast, which chooses layer by
            layer. `layers`: its layers with weights are cast, and it casts between them and its images by itself.
        batch: of several images given together each comes out as alone, but for rounding.
    """

    channels: int | None = 3
    multiple: int = 1
    minimum: int = 1
    receptive_field: tp.Literal["measured", "unbounded"] = "measured"
    tiles_exactly: bool = False
    half_precision: tp.Literal["autocast", "layers"] = "autocast"
    batch: bool = False


def requirements(model: tp.Any) -> Requirements:
    """What a loaded model states of itself; the default for whatever it does not state."""
    # By name and not by class: a network in `models` imports nothing of `bench`.
    stated: dict[str, tp.Any] = {
        field.name: getattr(model, field.name, field.default) for field in fields(Requirements)
    }
    return Requirements(**stated)


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


@tp.runtime_checkable
class LocalMetric(CachedMetric, tp.Protocol):
    """A metric that says where its distance comes from."""

    def local(self, sr: Float[Tensor, "n c h w"], reference: tp.Any) -> Float[Tensor, "n h w"]: ...
