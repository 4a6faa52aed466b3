"""What `bench.explain --json` writes: every convention with its value, what each library prints, matches, findings."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from bench.environment import DISTRIBUTION, version
from bench.explaining.conventions import SHAVES, Convention, Psnr, Ssim
from bench.explaining.likes import LIKES, printed_by
from bench.explaining.match import Match
from bench.explaining.scores import ImageScores, Value, values
from bench.quality.lint import Finding


def to_json(
    images: Sequence[ImageScores],
    found: Sequence[Value],
    matches: Sequence[Match],
    findings: Sequence[tuple[str, Finding]],
    scale: int,
) -> str:
    """Numbers are not rounded; an infinite one is the text `inf`, what cannot be measured null."""

    def entry(value: Value) -> dict[str, Any]:
        return _entry(value, len(images), scale)

    content = {
        "suite_version": version(DISTRIBUTION) or "unknown",
        "scale": scale,
        "images": [image.name for image in images],
        "conventions": [entry(value) for value in found],
        "likes": {
            like.name: {
                "psnr": _value(like.psnr, images),
                "ssim": _value(like.ssim, images),
                "call": like.call,
            }
            for like in LIKES
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
    return json.dumps(content, indent=1, allow_nan=False)


def _entry(value: Value, images: int, scale: int) -> dict[str, Any]:
    convention = value.convention
    how = (
        vars(convention.recipe)
        if isinstance(convention, Ssim)
        else {"peak": convention.peak, "mean": convention.mean}
    )
    return {
        "metric": value.metric,
        "value": _finite(value.value),
        "values": [_finite(each) for each in value.values],
        "channel": convention.channel,
        "shave": SHAVES[convention.shave].of(scale),
        **how,
        "printed_by": [like.name for like in printed_by(convention, images)],
    }


def _value(convention: Psnr | Ssim | None, images: Sequence[ImageScores]) -> float | str | None:
    wanted: list[Convention] = [convention] if convention else []
    return next((_finite(value.value) for value in values(images, wanted)), None)


def _finite(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else str(value)
