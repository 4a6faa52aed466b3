"""What a model needs of whoever calls it, and what may be done with it: read in one place, from the model itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """A model's descriptor. A network or an upscaler states what differs from the defaults as attributes of these names.

    Attributes:
        channels: what it takes: 3 for RGB only, None for any number (each channel alone, or luma handled inside).
        multiple: both sides of what goes in must be multiples of it; 1 where it pads by itself, or takes any size.
        minimum: pixels per side that must go in at least.
        receptive_field: `measured`: a probe finds out how far it looks, if there is a bound (:mod:`bench.tiling.field`).
            `unbounded`: it is a dataclass around another upscaler (its field `upscaler`) and looks at the whole image in
            what it does around that, so that the upscaler inside is done in tiles and the rest is not.
        tiles_exactly: it gives the same bits, whole or in tiles: where every sr pixel is taken from a single lr pixel.
            Otherwise a library may add the same numbers in another order, which turns single 8-bit values.
        half_precision: how it runs in float16 or bfloat16. `autocast`: under torch's autocast, which chooses layer by
            layer. `layers`: its layers with weights are cast, and it casts between them and its images by itself.
    """

    channels: int | None = 3
    multiple: int = 1
    minimum: int = 1
    receptive_field: Literal["measured", "unbounded"] = "measured"
    tiles_exactly: bool = False
    half_precision: Literal["autocast", "layers"] = "autocast"


def requirements(model: Any) -> Requirements:
    """What a loaded model states of itself; the default for whatever it does not state."""
    stated: dict[str, Any] = {
        field.name: getattr(model, field.name, field.default) for field in fields(Requirements)
    }
    return Requirements(**stated)
