"""Names from anywhere as figures show them: printable, short, told apart."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Sequence

from reports import formatting

# Controls, direction marks, surrogates, private use, unassigned.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def drawable(text: str) -> str:
    """On one line; what has no glyph, and what XML cannot hold, becomes a replacement character."""
    known = _glyphs()
    return "".join(
        # By category too: a direction mark may have a glyph, and would turn the text around it.
        c if ord(c) in known and unicodedata.category(c) not in UNPRINTABLE else "\ufffd"
        for c in " ".join(text.split())
    )


@functools.cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())


def short(text: str, limit: int) -> str:
    """At most `limit` printable characters: beginning and end, an ellipsis between."""
    text = drawable(text)
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 3
    return f"{text[: limit - 1 - tail]}…{text[-tail:]}"


def distinct(names: Iterable[str], limit: int) -> dict[str, str]:
    """Every name as :func:`short` has it; of those that would then look alike, what tells them apart."""
    shown = {name: short(name, limit) for name in names}
    alike = {text: [name for name, other in shown.items() if other == text] for text in shown.values()}
    for group in alike.values():
        if len(group) > 1:
            shown |= _told_apart(group, limit)
    return shown


def _told_apart(names: Sequence[str], limit: int) -> dict[str, str]:
    """Their first letters, then all from where they differ; a number where that does not fit."""
    letters = zip(*(drawable(name) for name in names), strict=False)
    common = sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, letters))
    found = {name: f"{drawable(name)[:4]}…{drawable(name)[common:]}" for name in names}
    if len(set(found.values())) == len(names) and max(map(len, found.values())) <= limit:
        return found
    return {name: f"{short(name, limit - 5)} ({k})" for k, name in enumerate(names, start=1)}  # 5: " (12)"


def listed(names: Iterable[str]) -> str:
    """`a, b and c`, each printable."""
    return formatting.listed(drawable(name) for name in names)
