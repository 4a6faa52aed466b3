"""Numbers and names as tables show them: plain ASCII where a number is to be read by programs."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import MetricInfo
from reports.paper import METRIC_TITLES

MEBI = 2**20


def fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    """`28.43`, `+0.40`, `inf`; never a negative zero."""
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return text.replace("-", "+" if sign else "") if float(text) == 0 else text


def seconds(value: float) -> str:
    """Three significant digits, no exponent: `0.152`, `3.27`, `6356`."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def ends(interval: tuple[float, float], decimals: int, *, sign: bool = False) -> str:
    """`28.11 to 28.75`."""
    return " to ".join(fixed(end, decimals, sign=sign) for end in interval)


def metric_title(metric: MetricInfo) -> str:
    """`PSNR, dB`."""
    title = METRIC_TITLES.get(metric.name, metric.name)
    return f"{title}, {metric.unit}" if metric.unit else title


def mebibytes(size: int | None) -> str:
    """Of bytes; empty for none."""
    if size is None:
        return ""
    return f"{size / MEBI:.0f}" if size >= MEBI else "< 1"


def counted(number: int, noun: str) -> str:
    """`1 image`, `5 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
