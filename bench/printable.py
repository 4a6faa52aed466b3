"""Names that came from files, for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with control characters written out as `\\x1b` and the like: a terminal would obey them. Lines stay."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text
    )
