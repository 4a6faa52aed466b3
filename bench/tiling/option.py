"""`--tile`: what it makes of an upscaler, and of the hash that its scores are kept under."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.arguments import Tile
from bench.records import content_hash
from bench.records import tiled_hash as in_tiles_hash
from bench.roles import Upscaler, UpscalerWrapper, requirements
from bench.tiling.tiles import Tiled

WHOLE_PIXELS = 8_000_000
"""sr pixels up to which `auto` does not think of tiles; sr-pixel x4 needs 5 GB for that many (`docs/large.md`)."""


@dataclass(frozen=True, kw_only=True)
class TiledWhenLarge(UpscalerWrapper):
    """An upscaler that does ordinary images whole and large ones in tiles, where that changes no value."""

    upscaler: Upscaler
    tiles: Tiled = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiles", Tiled(upscaler=self.upscaler))

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        """
        Raises:
            ValueError: lr is large, memory does not allow to do it whole, and tiles would change the values.
        """
        if lr.shape[-2] * lr.shape[-1] * self.scale**2 <= WHOLE_PIXELS:
            self.tiles.last = None
            return self.upscaler(lr)
        sr = self.tiles(lr)
        refuse_inexact(self.tiles)
        return sr


def is_large(pixels: UInt8[np.ndarray, "h w c"], scale: int) -> bool:
    """Whether lr becomes an image that `auto` thinks of tiles for."""
    return pixels.shape[0] * pixels.shape[1] * scale**2 > WHOLE_PIXELS


def refuse_inexact(tiles: Tiled) -> None:
    """
    Raises:
        ValueError: the last image was done in tiles that memory chose, which changed its values.
    """
    if tiles.tile == "auto" and tiles.last is not None and not tiles.last.exact:
        raise ValueError(
            f"the image needs tiles, and {tiles.last.reason}, so that they would change it; required --tile N, "
            "whose N becomes part of what the score is of"
        )


def tiled(upscaler: Upscaler, tile: Tile) -> Upscaler:
    """The upscaler in tiles, or itself for `off`.

    Of one whose receptive field is unbounded, such as one that matches histograms, the upscaler inside is tiled.
    """
    if tile == "off":
        return upscaler
    if requirements(upscaler).receptive_field == "unbounded":
        # it is a dataclass around another upscaler: the descriptor says so
        inner = tiled(upscaler.upscaler, tile)  # type: ignore[attr-defined]
        whole: Upscaler = replace(upscaler, upscaler=inner)  # type: ignore[type-var]
        return whole
    return TiledWhenLarge(upscaler=upscaler) if tile == "auto" else Tiled(upscaler=upscaler, tile=tile)


def tiled_hash(model_hash: str, upscaler: Upscaler, like: Float[Tensor, "n c h w"]) -> str:
    """A subject's content hash with its upscaler in tiles: the tile and its margin are in it, unless the upscaler says
    that tiles give the same bits. A margin as wide as the receptive field alone does not: a library adds the same
    numbers in another order, which turns single 8-bit values.

    Args:
        like: any image with the channels, dtype and device that the subject will be given.
    """
    if requirements(upscaler).receptive_field == "unbounded":
        return tiled_hash(model_hash, upscaler.upscaler, like)  # type: ignore[attr-defined]
    if not isinstance(upscaler, Tiled) or requirements(upscaler.upscaler).tiles_exactly:
        return model_hash
    return content_hash({"model": model_hash, "tile": upscaler.tile, "overlap": upscaler.overlap_of(like)})


def hash_done(model_hash: str, upscaler: object) -> str:
    """What the scores of the last image are kept under: of tiles that memory chose, with the tile they were done in.

    Args:
        model_hash: of the subject, as it was asked for; it stays where an image was done as that says.
    """
    tiles = tiled_inside(upscaler)
    if tiles is None or tiles.last is None or tiles.last.tile in {None, tiles.tile}:
        return model_hash
    assert tiles.last.tile is not None
    exact = requirements(tiles.upscaler).tiles_exactly
    return model_hash if exact else in_tiles_hash(model_hash, tiles.last.tile)


def tiled_inside(upscaler: object) -> Tiled | None:
    """The tiles that an upscaler does its images in, however it is wrapped."""
    while upscaler is not None and not isinstance(upscaler, Tiled):
        upscaler = getattr(upscaler, "tiles", None) or getattr(upscaler, "upscaler", None)
    return upscaler
