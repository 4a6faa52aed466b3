"""What `bench.explain` prints: values sorted, each with its convention and the libraries that print it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from bench.explaining.conventions import CHANNELS, PEAKS, SHAVES, Convention, Psnr, Recipe
from bench.explaining.likes import Like, printed_by
from bench.explaining.match import Match
from bench.explaining.scores import ImageScores, Value, values

UNITS = {"psnr": " dB", "ssim": ""}
DECIMALS = {"psnr": 2, "ssim": 4}


def usual(convention: Convention, images: int) -> bool:
    """Whether it is shown without --all: the right range for PSNR, and of SSIM what some library prints."""
    if isinstance(convention, Psnr):
        return convention.peak == next(iter(PEAKS)) or bool(printed_by(convention, images))
    return convention.recipe == Recipe() or bool(printed_by(convention, images))


def table(found: Sequence[Value], images: int, scale: int) -> Table:
    """Highest first."""
    made = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    metric = found[0].metric if found else "psnr"
    made.add_column(metric.upper() + UNITS[metric], justify="right", no_wrap=True)
    made.add_column("of", no_wrap=True)
    made.add_column("shave", justify="right", no_wrap=True)
    if any(value.convention.text for value in found):
        made.add_column("how", overflow="fold")
    made.add_column(Text("printed by [if asked to]"), overflow="fold")
    for value in sorted(found, key=lambda value: -value.value):
        convention = value.convention
        shave = str(SHAVES[convention.shave].of(scale))
        cells = [text(value.value, metric), convention.channel, shave]
        if any(other.convention.text for other in found):
            cells.append(convention.text)
        made.add_row(*(Text(cell) for cell in (*cells, libraries(printed_by(convention, images)))))
    return made


def text(value: float, metric: str) -> str:
    """With the digits that papers print."""
    return f"{value:.{DECIMALS[metric]}f}"


def libraries(found: Sequence[Like]) -> str:
    """Defaults by name, then options in brackets."""
    by_default = [like.library for like in found if not like.option]
    options = [f"[{like.name}]" for like in found if like.option]
    return ", ".join(dict.fromkeys(by_default + options))


def spread(found: Sequence[Value]) -> str:
    """`PSNR 25.25 to 26.89 dB, 1.64 dB apart, over 22 conventions`."""
    metric = found[0].metric
    low, high = (bound(value.value for value in found) for bound in (min, max))
    apart = f", {text(high - low, metric)}{UNITS[metric]} apart" if low < high else ""
    ends = f"{text(low, metric)} to {text(high, metric)}{UNITS[metric]}"
    return f"{metric.upper()} {ends}{apart}, over {len(found)} conventions"


def described(convention: Convention, scale: int) -> str:
    """One convention in words."""
    shave = SHAVES[convention.shave].of(scale)
    parts = [CHANNELS[convention.channel].about, f"{shave} pixels shaved", convention.text]
    return "; ".join(part for part in parts if part)


def match_lines(found: Match, images: int, scale: int) -> Iterator[str]:
    """What `--match` says."""
    wanted = found.published
    unit = UNITS[wanted.metric]
    asked = f"{wanted.text}{unit} (+- {wanted.tolerance:.3g})"
    if found.exact:
        several = len(found.values) > 1
        yield f"{asked} is what {f'{len(found.values)} conventions give' if several else 'one convention gives'}:"
    else:
        yield f"no convention gives {asked}; the nearest:"
    named = sorted(found.values, key=lambda value: found.exact and not printed_by(value.convention, images))
    for value in named:
        by = libraries(printed_by(value.convention, images))
        away = "" if found.exact else f" ({value.value - wanted.value:+.{DECIMALS[wanted.metric]}f})"
        yield (
            f"  {value.value:.4f}{away}  {value.convention.channel}: {described(value.convention, scale)}"
            f" <- {by or 'no library that is known here'}"
        )


def like_table(likes: Sequence[Like], images: Sequence[ImageScores]) -> Table:
    """What a library prints: its default first, then its options."""
    made = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    made.add_column("", no_wrap=True)
    for name in ("PSNR dB", "SSIM"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("called", overflow="fold")
    for like in likes:
        cells = [cell(convention, images) for convention in (like.psnr, like.ssim)]
        made.add_row(*(Text(each) for each in (like.option or "default", *cells, like.call)))
    return made


def cell(convention: Convention | None, images: Sequence[ImageScores]) -> str:
    """Its value; a dash where there is none."""
    found = values(images, [convention]) if convention else []
    return text(found[0].value, found[0].metric) if found else "-"
