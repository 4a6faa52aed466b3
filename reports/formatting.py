"""Numbers and lists as text: plain ASCII in tables and verdicts, for programs; a true minus, ∞ and units in figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

KIBI, MEBI = 2**10, 2**20
MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


# Of tables and verdicts.


def fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    """`28.43`, `+0.40`, `inf`; never a negative zero."""
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    # "-0.00" is 0 as well: the sign of a rounded value would say more than is known.
    return text.replace("-", "+" if sign else "") if float(text) == 0 else text


def as_printed(value: float, decimals: int) -> str:
    """With as many decimals as the paper prints; a time so short that those show nothing, with three digits."""
    text = f"{value:.{decimals}f}"
    return f"{value:.3g}" if value and float(text) == 0 else text


def ends(interval: tuple[float, float], decimals: int, *, sign: bool = False) -> str:
    """`28.11 to 28.75`."""
    return " to ".join(fixed(end, decimals, sign=sign) for end in interval)


def seconds(value: float) -> str:
    """Three significant digits at least, no exponent: `0.152`, `3.20`, `6356`, `0.0000100`."""
    # The exponent after rounding, which makes 100 of 99.97; infinity has none.
    _, _, exponent = f"{value:.2e}".partition("e")
    return f"{value:.{max(0, 2 - int(exponent or 0))}f}"


def mebibytes(size: float | None) -> str:
    """Of bytes; empty for none."""
    if size is None:
        return ""
    return f"{size / MEBI:.0f}" if size >= MEBI else "< 1"


# Of figures.


def number(value: float | None, decimals: int, *, sign: bool = False) -> str:
    """`31.79`, `+0.12`, `∞`, or a dash for none."""
    if value is None or math.isnan(value):
        return MISSING
    plus = "+" if sign and value > 0 else ""
    if math.isinf(value):
        return f"{plus if value > 0 else MINUS}∞"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else plus + text.replace("-", MINUS)


def exactness(value: Any, pattern: str, unit: str = "") -> str:
    """`3e-5`, `92 dB`, `∞`: of a provenance record, where infinity is a word and None is unknown."""
    if value is None:
        return MISSING
    found = float(value)
    if found == 0 or not math.isfinite(found):
        return number(found, 0)
    # Python writes at least two digits of an exponent.
    return f"{found:{pattern}}{unit}".replace("e-0", "e-").replace("-", MINUS)


def duration(value: float) -> str:
    """Three digits: `0.152 s`, `3.27 s`, `256 s`, `1.2 ms`."""
    scaled, unit = (1000 * value, "ms") if value < 0.01 else (value, "s")
    return f"{scaled:.0f} {unit}" if scaled >= 100 else f"{scaled:.3g} {unit}"


def amount(value: float) -> str:
    """Three digits and thousands in a letter: `37.9`, `379 k`, `3.79 M`."""
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= 0.9995 * unit:  # from there on three digits round up to it
            return f"{float(f'{value / unit:.3g}'):g}{letter}"
    return f"{value:.3g}"


def memory(count: float) -> str:
    """`64 MiB`, `1.5 GiB`, `< 1 MiB`."""
    mebi = count / MEBI
    if mebi < 1:
        return "< 1 MiB"
    return f"{mebi:.0f} MiB" if mebi < KIBI else f"{mebi / KIBI:.1f} GiB"


# Of both.


def counted(number: int, noun: str) -> str:
    """`1 image`, `5 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`; empty for none."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
