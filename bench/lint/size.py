"""The linter on sizes: what the difference between sr's and hr's size looks like."""

from __future__ import annotations

from collections.abc import Iterator

from bench.lint.finding import Finding

Size = tuple[int, int]


def lint_size(sr: Size, hr: Size, scale: int) -> Iterator[Finding]:
    """At most one finding. Sizes are (height, width).

    The only one that is no refusal is `crop`: sr has hr's size cut to multiples of the scale, so that hr can be
    cropped at the right and the bottom (:func:`bench.prepare.modcrop`).
    """
    if sr == hr:
        return
    what, said = f"sr is {_text(sr)}", _text(hr)
    cut = (hr[0] - hr[0] % scale, hr[1] - hr[1] % scale)
    rounded_up = (-(-hr[0] // scale) * scale, -(-hr[1] // scale) * scale)
    if sr == cut:
        yield Finding(
            kind="crop",
            severity="warn",
            what=f"hr is {said}, which is no multiple of {scale}, and {what}",
            remedy="hr is cropped to that at the right and the bottom",
        )
    elif sr in {(cut[0] // scale, cut[1] // scale), (rounded_up[0] // scale, rounded_up[1] // scale)}:
        yield _refuse(
            f"{what}, the size of lr (hr is {said})", f"upscale it by {scale}: this looks like lr itself"
        )
    elif sr == rounded_up:
        yield _refuse(
            f"{what}, larger than hr ({said}) by what is missing to a multiple of {scale}",
            f"crop hr to {_text(cut)} before it is degraded, and upscale that",
        )
    elif sr == hr[::-1] or sr == cut[::-1]:
        yield _refuse(f"{what}, hr's size ({said}) transposed", "swap its rows and columns")
    elif ratio := _ratio(sr, hr):
        yield _refuse(
            f"{what}, {ratio} hr's size ({said})", f"give the output of an x{scale} model, or another --scale"
        )
    else:
        yield _refuse(
            f"{what}, hr is {said}",
            f"required hr's size, or {_text(cut)} of an hr cropped to multiples of {scale}",
        )


def _refuse(what: str, remedy: str) -> Finding:
    return Finding(kind="size", severity="refuse", what=what, remedy=remedy)


def _ratio(sr: Size, hr: Size) -> str:
    """`2 times` or `1/2 of`, to within a pixel of rounding per unit; empty where it is neither."""
    larger, smaller = (sr, hr) if sr[0] >= hr[0] else (hr, sr)
    times = round(larger[0] / max(1, smaller[0]))
    near = all(abs(a - b * times) < times for a, b in zip(larger, smaller, strict=True))
    if times < 2 or not near:
        return ""
    return f"{times} times" if sr[0] > hr[0] else f"1/{times} of"


def _text(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
