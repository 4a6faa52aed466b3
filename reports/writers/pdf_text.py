"""Text from anywhere, made fit for a page whose fonts are fixed: nothing invisible, nothing without a glyph."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet
from typing import Any

WORD_LIMIT, TEXT_LIMIT = 96, 600  # characters: a longer word would run off the page
# Controls, bidirectional overrides, surrogates of undecodable file names, private use, unassigned, other ends of lines.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
SPACES = re.compile(r"[ \t\n\r\f\v]+")


def plain_texts(value: Any, glyphs: AbstractSet[int]) -> Any:
    """`value`, JSON-like, with every text in it printable; see :func:`plain`."""
    if isinstance(value, str):
        return plain(value, glyphs)
    if isinstance(value, dict):
        return {key: plain_texts(item, glyphs) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_texts(item, glyphs) for item in value]
    return value


def plain(text: str, glyphs: AbstractSet[int]) -> str:
    """`text` on one line; a character that cannot be seen, or is not in `glyphs`, becomes `<U+202E>`.

    Words over 96 characters lose their middle to an ellipsis.
    """
    shown = "".join(c if _visible(c, glyphs) else f"<U+{ord(c):04X}>" for c in SPACES.sub(" ", text).strip())
    return " ".join(cut(word, WORD_LIMIT) for word in shown.split(" "))


def to_ascii(text: str) -> str:
    """`text` with every character that cannot be seen as `<U+202E>`; spaces of all kinds and ends of lines stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in UNPRINTABLE else f"<U+{ord(c):04X}>" for c in text
    )


def _visible(character: str, glyphs: AbstractSet[int]) -> bool:
    return ord(character) in glyphs and unicodedata.category(character) not in UNPRINTABLE


def cut(text: str, limit: int) -> str:
    """At most `limit` characters: the beginning and the end, with an ellipsis between."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"
