"""Images of any size through any upscaler, a tile at a time, in bounded memory.

A tile is cut with a margin as wide as the upscaler's receptive field (:mod:`bench.tiling.receptive_field`); the
margin of its sr is thrown away; at the image's border it ends there, so that the upscaler does what it does there
anyway. What an upscaler with a bounded field makes of an image is then the same, tiled or not. One that looks at the
whole image (instance normalisation, attention, pooling) has no such margin: it gets a stated one, says so, and
:mod:`bench.tiling.seams` shows whether it left marks. How exact that is was measured: `docs/large.md`.

Below that: what `--tile` makes of an upscaler (:func:`tiled`), and of the hash that its scores are kept under.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.arguments import LEAST_TILE, Tile
from bench.errors import out_of_memory
from bench.interfaces import Upscaler, UpscalerWrapper, requirements
from bench.records import content_hash
from bench.records import tiled_hash as in_tiles_hash
from bench.tiling.grid import Span, spans, up_to
from bench.tiling.memory import budget, bytes_per_pixel
from bench.tiling.receptive_field import Probe, ReceptiveField, receptive_field

WHOLE_PIXELS = 8_000_000
"""sr pixels up to which `auto` does not think of tiles; sr-pixel x4 needs 5 GB for that many (`docs/large.md`)."""
DEFAULT_OVERLAP = 32  # lr pixels, for an upscaler without a bound
Read = Callable[[slice, slice], Float[Tensor, "n c h w"]]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A tile of sr, without its margin, and where in sr it belongs."""

    rows: slice
    columns: slice
    sr: Float[Tensor, "n c h w"]


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How an image was done.

    Attributes:
        tile: lr pixels per side at most, margin not counted; None where the image was done whole.
        overlap: lr pixels of margin.
        rows, columns: lr rows and columns at which a new tile begins: where the seams are.
        exact: untiled, or with a margin no less than the receptive field.
        reason: why it is not exact; empty where it is.
    """

    tile: int | None
    overlap: int
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    exact: bool = True
    reason: str = ""

    @property
    def description(self) -> str:
        """In one line, for people."""
        if self.tile is None:
            return "untiled"
        tiles = (len(self.rows) + 1) * (len(self.columns) + 1)
        size = f"{tiles} tiles of up to {self.tile} lr pixels, {self.overlap} of overlap"
        return f"{size}: exact" if self.exact else f"{size}: not exact, {self.reason}"


@dataclass(kw_only=True)
class Tiled(UpscalerWrapper):
    """An upscaler in tiles; itself an :class:`bench.interfaces.Upscaler`.

    Attributes:
        tile: lr pixels per side, margin not counted, or `auto`: the whole image if memory allows, else tiles by the
            memory that is free (:func:`bench.tiling.memory.budget`).
        overlap: lr pixels of margin; None for the receptive field, or `DEFAULT_OVERLAP` where that has no bound.
        multiple: tiles begin at multiples of it; by default the upscaler's own `multiple`, or else 1.
        minimum: lr pixels that a piece must have per side; by default the upscaler's own `minimum`, or else 1.
    """

    upscaler: Upscaler
    tile: int | Literal["auto"] = "auto"
    overlap: int | None = None
    multiple: int = 0
    minimum: int = 0
    # of a tile, once memory has run out; it stays for the images that follow
    most: int | None = field(default=None, init=False)
    _fields: dict[tuple[object, ...], ReceptiveField] = field(default_factory=dict, init=False, repr=False)
    _bytes: dict[tuple[object, ...], float] = field(default_factory=dict, init=False, repr=False)
    # workers share the upscaler: how an image was done is each thread's own
    _done: threading.local = field(default_factory=threading.local, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        needs = requirements(self.upscaler)
        self.multiple = self.multiple or needs.multiple
        self.minimum = self.minimum or needs.minimum
        if self.tile != "auto" and self.tile < 1:
            raise ValueError(f"tile must be at least 1 pixel, or 'auto' (got {self.tile})")
        if min(self.multiple, self.minimum) < 1 or (self.overlap or 0) < 0:
            raise ValueError(
                f"multiple is {self.multiple}, minimum {self.minimum} and overlap {self.overlap}; "
                "must be at least 1, 1 and 0"
            )

    @property
    def last(self) -> Tiling | None:
        """How the last image was done, in this thread; None before the first."""
        return getattr(self._done, "last", None)

    @last.setter
    def last(self, tiling: Tiling | None) -> None:
        self._done.last = tiling

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        h, w = lr.shape[-2:]
        sr = None
        for piece in self.pieces(h, w, lambda rows, columns: lr[..., rows, columns]):
            # done whole: handed on, not copied
            if tuple(piece.sr.shape[-2:]) == (h * self.scale, w * self.scale):
                sr = piece.sr
                continue
            if sr is None:
                sr = piece.sr.new_empty(*piece.sr.shape[:2], h * self.scale, w * self.scale)
            sr[..., piece.rows, piece.columns] = piece.sr
        assert sr is not None
        return sr

    def pieces(self, height: int, width: int, read: Read) -> Iterator[Piece]:
        """Every tile of sr, in the order of rows; should memory run out, all of them again, half as large.

        Args:
            height, width: of lr.
            read: the part of lr in the given rows and columns.

        Raises:
            RuntimeError: memory ran out with tiles of `LEAST_TILE` pixels too; whatever the upscaler raises.
        """
        like = read(slice(0, 1), slice(0, 1))
        side = self._side(height, width, like)
        while True:
            grid = self._grid(height, width, side, like)
            try:
                yield from self._tiles(grid, read)
            except (RuntimeError, MemoryError) as error:
                # of an image that was tried whole, half of its longer side
                smaller = self._smaller(side or max(height, width))
                if not out_of_memory(error) or smaller is None:
                    raise
            else:
                self.last = self._described(side, grid, like)
                return
            # behind the handler: the exception's frames hold the arrays of the call that failed
            side = self.most = smaller
            if like.device.type == "cuda":
                torch.cuda.empty_cache()

    def field_of(self, like: Float[Tensor, "n c h w"]) -> ReceptiveField:
        """The receptive field for images with the channels, dtype and device of `like`; measured once."""
        key = (like.shape[1], like.dtype, like.device)
        if key not in self._fields:
            probe = Probe(upscaler=self.upscaler, like=like, multiple=self.multiple, minimum=self.minimum)
            self._fields[key] = receptive_field(probe)
        return self._fields[key]

    def overlap_of(self, like: Float[Tensor, "n c h w"]) -> int:
        """The margin that images like this one get."""
        if self.overlap is not None:
            return up_to(self.overlap, self.multiple)
        radius = self.field_of(like).radius
        return up_to(DEFAULT_OVERLAP if radius is None else radius, self.multiple)

    def _side(self, height: int, width: int, like: Tensor) -> int | None:
        """lr pixels per side of a tile; None for the whole image."""
        side = self._by_memory(height, width, like) if self.tile == "auto" else self.tile
        if self.most is not None:
            side = min(side, self.most) if side else self.most
        return side if side and side < max(height, width) else None

    def _by_memory(self, height: int, width: int, like: Tensor) -> int | None:
        key = (like.shape[1], like.dtype, like.device)
        if key not in self._bytes:
            self._bytes[key] = bytes_per_pixel(
                self.upscaler, like, multiple=self.multiple, minimum=self.minimum
            )
        # for each image of the batch
        pixels = budget(like.device) / (self._bytes[key] * like.shape[0])
        if height * width <= pixels:
            return None
        # what memory allows is the piece with its margin
        kept = int(pixels**0.5) - 2 * self.overlap_of(like)
        return max(kept // self.multiple * self.multiple, up_to(LEAST_TILE, self.multiple))

    def _smaller(self, side: int) -> int | None:
        least = up_to(LEAST_TILE, self.multiple)
        return max(up_to(side // 2, self.multiple), least) if side > least else None

    def _grid(self, height: int, width: int, side: int | None, like: Tensor) -> tuple[list[Span], list[Span]]:
        # asked for tiles alone: measuring the receptive field takes several calls
        overlap = self.overlap_of(like) if side else 0
        rows, columns = (
            spans(length, side or length, overlap, multiple=self.multiple, minimum=self.minimum)
            for length in (height, width)
        )
        return rows, columns

    def _tiles(self, grid: tuple[list[Span], list[Span]], read: Read) -> Iterator[Piece]:
        scale = self.scale
        for r in grid[0]:
            for c in grid[1]:
                lr = read(slice(r.first, r.last), slice(c.first, c.last))
                sr = self.upscaler(lr)
                required = (lr.shape[-2] * scale, lr.shape[-1] * scale)
                if tuple(sr.shape[-2:]) != required:
                    raise ValueError(f"the model returned {tuple(sr.shape[-2:])} pixels, must be {required}")
                kept = sr[..., _within(r, scale), _within(c, scale)]
                yield Piece(rows=_in_sr(r, scale), columns=_in_sr(c, scale), sr=kept)

    def _described(self, side: int | None, grid: tuple[list[Span], list[Span]], like: Tensor) -> Tiling:
        rows, columns = (tuple(span.start for span in spans[1:]) for spans in grid)
        # tiles may have been allowed, and the image still fit into one
        if side is None or not (rows or columns):
            return Tiling(tile=None, overlap=0)
        overlap, found = self.overlap_of(like), self.field_of(like)
        reason = found.reason
        if found.radius is not None and overlap < found.radius:
            reason = f"the receptive field reaches {found.radius} pixels"
        return Tiling(tile=side, overlap=overlap, rows=rows, columns=columns, exact=not reason, reason=reason)


def _within(span: Span, scale: int) -> slice:
    return slice((span.start - span.first) * scale, (span.stop - span.first) * scale)


def _in_sr(span: Span, scale: int) -> slice:
    return slice(span.start * scale, span.stop * scale)


@dataclass(kw_only=True)
class TiledWhenLarge(Tiled):
    """An upscaler that does ordinary images whole and large ones in tiles, where that changes no value."""

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        """
        Raises:
            ValueError: lr is large, memory does not allow to do it whole, and tiles would change the values.
        """
        if lr.shape[-2] * lr.shape[-1] * self.scale**2 <= WHOLE_PIXELS:
            # of an earlier, large image; `hash_done` would put its tile behind this one's hash
            self.last = None
            return self.upscaler(lr)
        sr = super().__call__(lr)
        check_exact(self)
        return sr


def is_worth_tiles(pixels: UInt8[np.ndarray, "h w c"], scale: int) -> bool:
    """Whether lr becomes an image that `auto` thinks of tiles for."""
    return pixels.shape[0] * pixels.shape[1] * scale**2 > WHOLE_PIXELS


def check_exact(tiles: Tiled) -> None:
    """
    Raises:
        ValueError: the last image was done in tiles that memory chose, which changed its values.
    """
    if tiles.tile == "auto" and tiles.last is not None and not tiles.last.exact:
        raise ValueError(
            f"the image needs tiles, and {tiles.last.reason}, so that they would change it; needs --tile N, "
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
    """A model's content hash with its upscaler in tiles: the tile and its margin are in it, unless the upscaler says
    that tiles give the same bits. A margin as wide as the receptive field alone does not: a library adds the same
    numbers in another order, which turns single 8-bit values.

    Args:
        like: any image with the channels, dtype and device that the model will be given.
    """
    if requirements(upscaler).receptive_field == "unbounded":
        return tiled_hash(model_hash, upscaler.upscaler, like)  # type: ignore[attr-defined]
    if not isinstance(upscaler, Tiled) or isinstance(upscaler, TiledWhenLarge):
        return model_hash  # large images get a hash of their own when they are done: `hash_done`
    if requirements(upscaler.upscaler).tiles_exactly:
        return model_hash
    return content_hash({"model": model_hash, "tile": upscaler.tile, "overlap": upscaler.overlap_of(like)})


def hash_done(model_hash: str, upscaler: object) -> str:
    """What the scores of the last image are kept under: of tiles that memory chose, with the tile they were done in.

    Args:
        model_hash: of the model, as it was asked for; it stays where an image was done as that says.
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
        upscaler = getattr(upscaler, "upscaler", None)
    return upscaler
