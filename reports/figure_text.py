"""Words and numbers as figures show them: names from anywhere made printable, infinity, missing values, machines."""

from __future__ import annotations

import functools
import itertools
import math
import unicodedata
from collections.abc import Iterable, Sequence

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
KIBI = 1024
# Controls, direction marks, surrogates, private use, unassigned.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def printable(text: str) -> str:
    """On one line; what has no glyph, and what XML cannot hold, becomes a replacement character."""
    known = _glyphs()
    return "".join(
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
    text = printable(text)
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
    letters = zip(*(printable(name) for name in names), strict=False)
    common = sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, letters))
    found = {name: f"{printable(name)[:4]}…{printable(name)[common:]}" for name in names}
    if len(set(found.values())) == len(names) and max(map(len, found.values())) <= limit:
        return found
    return {name: f"{short(name, limit - 5)} ({k})" for k, name in enumerate(names, start=1)}


def number(value: float | None, decimals: int, *, sign: bool = False) -> str:
    """`31.79`, `+0.12`, `∞`, or a dash for none."""
    if value is None or math.isnan(value):
        return MISSING
    plus = "+" if sign and value > 0 else ""
    if math.isinf(value):
        return f"{plus if value > 0 else MINUS}∞"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else plus + text.replace("-", MINUS)


def duration(value: float) -> str:
    """Three digits: `0.152 s`, `3.27 s`, `256 s`, `1.2 ms`."""
    if value < 0.01:
        return f"{_digits(1000 * value)} ms"
    return f"{_digits(value)} s"


def amount(value: float) -> str:
    """Three digits and thousands in a letter: `37.9`, `379 k`, `3.79 M`."""
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= 0.9995 * unit:
            return f"{float(f'{value / unit:.3g}'):g}{letter}"
    return f"{value:.3g}"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def memory(count: float) -> str:
    """`64 MiB`, `1.5 GiB`, `< 1 MiB`."""
    mebi = count / KIBI**2
    if mebi < 1:
        return "< 1 MiB"
    return f"{mebi:.0f} MiB" if mebi < KIBI else f"{mebi / KIBI:.1f} GiB"


def listed(names: Iterable[str]) -> str:
    """`a, b and c`."""
    all_names = [printable(name) for name in names]
    if len(all_names) < 2:
        return "".join(all_names)
    return f"{', '.join(all_names[:-1])} and {all_names[-1]}"
