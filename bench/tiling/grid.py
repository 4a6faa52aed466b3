"""Where tiles lie: plain arithmetic on one side of an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Span:
    """One tile along one side: what is kept of it, and the larger piece that is computed for that.

    Attributes:
        start, stop: what is kept.
        first, last: what is computed; at the image's border it ends there, so that the border is the true one.
    """

    start: int
    stop: int
    first: int
    last: int


def spans(length: int, tile: int, overlap: int, *, multiple: int = 1, minimum: int = 1) -> list[Span]:
    """The tiles of a side, next to each other and all but equal.

    Every piece that is computed has the same length, and starts on a multiple of `multiple`; only the last may be
    longer, by less than that, where the side is no multiple. A side that fits into one such piece is one tile.

    Args:
        tile: pixels kept of a tile at most; brought up to a multiple.
        overlap: pixels on each side that are computed and thrown away; brought up to a multiple.
        minimum: pixels that a piece must have.

    Raises:
        ValueError: a length, a tile or a multiple below 1, or a negative overlap.
    """
    if min(length, tile, multiple) < 1 or overlap < 0:
        raise ValueError(
            f"length is {length}, tile {tile}, overlap {overlap} and multiple {multiple}; "
            "must be at least 1, 1, 0 and 1"
        )
    around = up_to(overlap, multiple)
    size = max(up_to(tile, multiple) + 2 * around, up_to(minimum, multiple))
    # no larger than one piece with its margins: tiles would compute more, not less
    if length <= size:
        return [Span(start=0, stop=length, first=0, last=length)]
    count = -(-length // up_to(tile, multiple))
    # as many tiles, of one size: a rest of a few pixels would still need a whole margin
    even = up_to(-(-length // count), multiple)
    size = max(even + 2 * around, up_to(minimum, multiple))
    return [_span(start, length, even, around, size, multiple) for start in range(0, length, even)]


def _span(start: int, length: int, tile: int, around: int, size: int, multiple: int) -> Span:
    stop = min(start + tile, length)
    # the last piece is moved back to full length; down to a multiple, or the network's cells would shift
    latest = max(length - size, 0) // multiple * multiple
    first = min(max(start - around, 0), latest)
    last = min(first + size, length)
    needed = min(stop + around, length)
    return Span(start=start, stop=stop, first=first, last=last if last >= needed else length)


def up_to(number: int, multiple: int) -> int:
    """The smallest multiple that is not below `number`."""
    return -(-number // multiple) * multiple
