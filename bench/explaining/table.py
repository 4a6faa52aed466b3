"""What `bench.explain` prints: values sorted, each with its convention and the libraries that print it.

And the record that `--json` writes: every convention with its value, what each library prints, matches, findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.environment import suite_version
from bench.explaining.conventions import CHANNELS, PEAKS, SHAVES, Convention, Psnr, Recipe, Ssim
from bench.explaining.library_presets import LIBRARY_PRESETS, LibraryPreset, printed_by
from bench.explaining.scores import ImageScores, Match, Value, values
from bench.quality.lint import Finding
from bench.tables import Column, Table, columns

UNITS = {"psnr": " dB", "ssim": ""}
DECIMALS = {"psnr": 2, "ssim": 4}


def usual(convention: Convention, images: int, *, grey: bool = False) -> bool:
    """Whether it is shown without --all: the right range for PSNR, and of SSIM what some library prints."""
    if isinstance(convention, Psnr):
        # The first peak is 255.
        return convention.peak == next(iter(PEAKS)) or bool(printed_by(convention, images, grey=grey))
    return convention.recipe == Recipe() or bool(printed_by(convention, images, grey=grey))


def table(found: Sequence[Value], title: str, images: int, scale: int, *, grey: bool = False) -> Table:
    """Highest first."""
    metric = found[0].metric if found else "psnr"
    with_how = any(value.convention.text for value in found)
    rows = []
    for value in sorted(found, key=lambda value: -value.value):
        convention = value.convention
        how = [convention.text] if with_how else []
        shave = str(SHAVES[convention.shave].of(scale))
        by = libraries(printed_by(convention, images, grey=grey))
        rows.append((text(value.value, metric), convention.channel, shave, *how, by))
    return Table(
        title=title,
        columns=(
            Column(head=metric.upper() + UNITS[metric]),
            Column(head="of", align="left"),
            Column(head="shave"),
            *([Column(head="how", align="left", overflow="fold")] if with_how else []),
            Column(head="printed by [option]", align="left", overflow="fold"),
        ),
        rows=tuple(rows),
        layout="open",
        bold_title=False,
    )


def text(value: float, metric: str) -> str:
    """With the digits that papers print."""
    return f"{value:.{DECIMALS[metric]}f}"


def libraries(found: Sequence[LibraryPreset]) -> str:
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
    parts = [CHANNELS[convention.channel].about, f"border crop {shave}", convention.text]
    return "; ".join(part for part in parts if part)


def match_lines(found: Match, images: int, scale: int, *, grey: bool = False) -> Iterator[str]:
    """What `--match` says."""
    wanted = found.published
    unit = UNITS[wanted.metric]
    published = f"{wanted.text}{unit} (+- {wanted.tolerance:.3g})"
    if found.exact:
        several = len(found.values) > 1
        yield f"{published} is what {f'{len(found.values)} conventions give' if several else 'one convention gives'}:"
    else:
        yield f"no convention gives {published}; the nearest:"
    # What a library prints first: of some hundred conventions others match by chance. Nearest ones keep their order.
    named = sorted(
        found.values, key=lambda value: found.exact and not printed_by(value.convention, images, grey=grey)
    )
    for value in named:
        by = libraries(printed_by(value.convention, images, grey=grey))
        away = "" if found.exact else f" ({value.value - wanted.value:+.{DECIMALS[wanted.metric]}f})"
        yield (
            f"  {value.value:.4f}{away}  {value.convention.channel}: {described(value.convention, scale)}"
            f" <- {by or 'no library that is known here'}"
        )


def like_table(likes: Sequence[LibraryPreset], images: Sequence[ImageScores]) -> Table:
    """What a library prints: its default first, then its options."""
    rows = (
        (like.option or "default", cell(like.psnr, images), cell(like.ssim, images), like.call)
        for like in likes
    )
    return Table(
        title=f"what {likes[0].library} prints",
        columns=(
            *columns(("", "PSNR dB", "SSIM")),
            Column(head="called", align="left", overflow="fold"),
        ),
        rows=tuple(rows),
        layout="open",
        bold_title=False,
    )


def cell(convention: Convention | None, images: Sequence[ImageScores]) -> str:
    """Its value; a dash where there is none."""
    found = values(images, [convention]) if convention else []
    return text(found[0].value, found[0].metric) if found else "-"


def record(
    images: Sequence[ImageScores],
    found: Sequence[Value],
    matches: Sequence[Match],
    findings: Sequence[tuple[str, Finding]],
    scale: int,
) -> dict[str, Any]:
    """Numbers are not rounded; what cannot be measured is None."""

    def entry(value: Value) -> dict[str, Any]:
        return _entry(value, len(images), scale, grey=any(image.grey for image in images))

    return {
        "suite_version": suite_version(),
        "scale": scale,
        "images": [image.name for image in images],
        "conventions": [entry(value) for value in found],
        "likes": {
            like.name: {
                "psnr": _value(like.psnr, images),
                "ssim": _value(like.ssim, images),
                "call": like.call,
            }
            for like in LIBRARY_PRESETS
        },
        "matches": [
            {
                "published": match.published.text,
                "tolerance": match.published.tolerance,
                "found": match.exact,
                "conventions": [entry(value) for value in match.values],
            }
            for match in matches
        ],
        "findings": [{"image": name, **vars(finding)} for name, finding in findings],
    }


def _entry(value: Value, images: int, scale: int, *, grey: bool) -> dict[str, Any]:
    convention = value.convention
    how = (
        vars(convention.recipe)
        if isinstance(convention, Ssim)
        else {"peak": convention.peak, "mean": convention.mean}
    )
    return {
        "metric": value.metric,
        "value": value.value,
        "values": list(value.values),
        "channel": convention.channel,
        "shave": SHAVES[convention.shave].of(scale),
        **how,
        "printed_by": [like.name for like in printed_by(convention, images, grey=grey)],
    }


def _value(convention: Psnr | Ssim | None, images: Sequence[ImageScores]) -> float | None:
    wanted: list[Convention] = [convention] if convention else []
    return next((value.value for value in values(images, wanted)), None)
