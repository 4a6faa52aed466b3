"""A look at sr and hr before they are scored: range, quantisation, size, channels, luma, shift, stems.

Everything here is a pure function of what it is given and returns findings; who calls it decides what to do. It costs
less than a PSNR of the same pair (`docs/explain.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from bench.files.pairing import Pairing
from bench.lint.finding import Finding, refusal
from bench.lint.fit import lint_fit
from bench.lint.size import lint_size
from bench.lint.values import Source, lint_channels, lint_grid, lint_identical, lint_range, lint_type

__all__ = ["Finding", "lint", "lint_pixels", "lint_stems", "refusal"]


def lint(
    sr: Shaped[Tensor, "1 c h w"], hr: Float[Tensor, "1 c2 h2 w2"], scale: int, *, source: Source
) -> tuple[Finding, ...]:
    """What is wrong with sr as it came from outside.

    Args:
        sr: untouched: not clipped, cast or cropped. uint8 counts as 0..255, anything else as it is.
        hr: in [0, 1], right by definition.
        source: `model` for what a participant returned, `file` for what was read.

    Returns:
        Findings; after the first refusal nothing more is looked at. With a `crop` finding, what follows it is of hr
        cropped.
    """
    found: list[Finding] = []
    for finding in _findings(sr, hr, scale, source):
        found.append(finding)
        if finding.severity == "refuse":
            break
    return tuple(found)


def _findings(sr: Tensor, hr: Tensor, scale: int, source: Source) -> Iterator[Finding]:
    yield from lint_type(sr, source)
    yield from lint_channels(sr.shape[1], hr.shape[1])
    yield from lint_size((sr.shape[2], sr.shape[3]), (hr.shape[2], hr.shape[3]), scale)
    hr = hr[..., : sr.shape[2], : sr.shape[3]]
    values = sr / 255 if sr.dtype == torch.uint8 else sr
    if values.dtype in {torch.float16, torch.bfloat16}:
        values = values.float()
    yield from lint_range(values, hr)
    yield from lint_identical(values, hr)
    yield from lint_grid(values, hr, source)
    yield from lint_fit(values, hr, scale)


def lint_pixels(
    sr: Shaped[np.ndarray, "h w c"], hr: Shaped[np.ndarray, "h2 w2 c2"], scale: int
) -> tuple[Finding, ...]:
    """:func:`lint` for what :func:`bench.images.read` gives, or an array of another type out of a file.

    Args:
        hr: uint8.
    """
    from bench.images import to_tensor

    if sr.dtype == np.uint16:
        sr = sr.astype(np.int32)
    return lint(torch.from_numpy(sr).permute(2, 0, 1)[None], to_tensor(hr), scale, source="file")


def lint_left_out(lines: Iterable[str]) -> Iterator[Finding]:
    """What of a folder is not looked at."""
    for line in lines:
        yield Finding(kind="files", severity="warn", what=line, remedy="means are over the others")


def lint_stems(pairing: Pairing) -> Iterator[Finding]:
    """What does not pair by name, and what only pairs after its ending was stripped."""
    for line in pairing.lines():
        yield Finding(kind="stems", severity="warn", what=line, remedy="means are over what pairs")
    stripped = pairing.stripped
    if stripped:
        stem, file = next(iter(stripped.items()))
        yield Finding(
            kind="stems",
            severity="warn",
            what=f"{len(stripped)} {'name pairs' if len(stripped) == 1 else 'names pair'} only without an ending, as "
            f"{file.name!r} with {stem!r}",
            remedy="make sure that these are results of those images",
        )
