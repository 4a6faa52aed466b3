"""What a reader of the report should know first, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum, isinf

from reports.formatting import counted, fixed, listed
from reports.load.results import Group
from reports.load.speeds import Machine
from reports.parts import Verdict
from reports.verdicts.rows import counts
from reports.verdicts.speed import PAPER_MACHINE

PAPER = "Johnson 2016"
SIZES = (256, 512, 1024)
MOST_ITERATIONS = 500
NAMED_GROUPS = 6
DECIMALS = 2


def summary(
    groups: Sequence[Group], machines: Sequence[Machine], verdicts: Sequence[Verdict]
) -> tuple[str, ...]:
    """The counts, then what stands out."""
    return (
        *_tallies(verdicts),
        *_networks(verdicts),
        *_cannot(verdicts),
        *_speed(machines, verdicts),
        *_crossings(verdicts),
        *_best(groups),
    )


def _tallies(verdicts: Sequence[Verdict]) -> Iterator[str]:
    own = [v for v in verdicts if v.cell.where.startswith(PAPER)]
    others = [v for v in verdicts if not v.cell.where.startswith(PAPER)]
    for found, whose in (
        (own, "that Johnson, Alahi and Fei-Fei (2016) print"),
        (others, "of the literature beside it"),
    ):
        tally = [f"{n} {judgement}" for judgement, n in counts(found).items() if n]
        if tally:
            yield f"Of the {len(found)} numbers {whose}: {listed(tally)}."


def _networks(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """By how much the paper's trained networks differ in PSNR, over the means of the data sets."""
    for source, scale in (("figure8", 4), ("figure9", 8)):
        for model, title in (("sr-pixel", "Ours (l_pixel)"), ("sr-feature", "Ours (l_feat)")):
            tail = f".{model}.psnr"
            found = [
                v for v in _means(verdicts, source) if v.cell.id.endswith(tail) and v.difference is not None
            ]
            if found:
                yield (
                    f"The paper's network {title} at x{scale}, trained anew: {_range(found)} against the paper, on the "
                    f"means of {counted(len(found), 'data set')}."
                )


def _means(verdicts: Sequence[Verdict], source: str) -> list[Verdict]:
    """Those of a figure that are not about one image: `figure8.set5.bicubic.psnr` has four words."""
    return [v for v in verdicts if v.cell.id.startswith(f"{source}.") and v.cell.id.count(".") == 3]


def _range(found: Sequence[Verdict]) -> str:
    values = [v.difference or 0.0 for v in found]
    ends = dict.fromkeys(fixed(value, DECIMALS, sign=True) for value in (min(values), max(values)))
    return f"{' to '.join(ends)} dB"


def _cannot(verdicts: Sequence[Verdict]) -> Iterator[str]:
    found = [
        v
        for v in _means(verdicts, "figure9")
        if v.judgement == "cannot be reproduced" and v.difference is not None and v.cell.unit == "dB"
    ]
    if found:
        yield (
            f"The paper's x8 bicubic row cannot be reproduced: MATLAB's bicubic gives {_range(found)} against it, and what "
            "other papers print."
        )


def _speed(machines: Sequence[Machine], verdicts: Sequence[Verdict]) -> Iterator[str]:
    wanted = [f"table1.{size}.speed-up-{MOST_ITERATIONS}" for size in SIZES]
    printed = [v.cell.printed for v in verdicts if v.cell.id in wanted]
    for machine in (machine for machine in machines if not machine.origin):
        ratios = [ratio for size in SIZES if (ratio := _ratio(machine, size))]
        if len(ratios) == len(SIZES):
            yield (
                f"{machine.name}: the style network is {listed(f'{ratio:.0f}' for ratio in ratios)} times faster than "
                f"{MOST_ITERATIONS} iterations at 256, 512 and 1024 pixels; the paper prints {listed(printed)} for a "
                f"{PAPER_MACHINE}."
            )


def _crossings(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Figure 5, as far as it was judged."""
    wanted = {f"figure5.{size}.crossing": size for size in SIZES}
    found = [
        f"{v.ours:.0f} iterations at {wanted[v.cell.id]}"
        for v in verdicts
        if v.cell.id in wanted and v.ours is not None
    ]
    if found:
        yield f"The optimisation is as good as the network after {listed(found)}; the paper says 50 to 100."


def _ratio(machine: Machine, size: int) -> float | None:
    slow, fast = machine.gatys(size, MOST_ITERATIONS), machine.network(size)
    if slow is None or fast is None or not slow.row.seconds or not fast.row.seconds:
        return None
    return slow.row.seconds / fast.row.seconds


def _best(groups: Sequence[Group]) -> Iterator[str]:
    several = len({group.protocol.name for group in groups}) > 1
    found = [text for group in groups if (text := _best_of(group, several))]
    if found:
        more = f" and {len(found) - NAMED_GROUPS} more" if len(found) > NAMED_GROUPS else ""
        yield f"Highest mean PSNR: {'; '.join(found[:NAMED_GROUPS])}{more}."


def _best_of(group: Group, several: bool) -> str:
    """Empty for a lone model; the protocol is named where there are several.

    An image that is infinite for some model counts for none.
    """
    found = {
        model: {str(image): float(value) for image, value in column.items()}
        for model in group.models
        if len(column := group.column(model, "psnr"))
    }
    infinite = {image for values in found.values() for image, value in values.items() if isinf(value)}
    known = {
        model: fsum(finite) / len(finite)
        for model, values in found.items()
        if (finite := [value for image, value in values.items() if image not in infinite])
    }
    if len(known) < 2:
        return ""
    best = max(known, key=lambda model: known[model])
    under = f" ({group.protocol.name})" if several else ""
    but = f" ({counted(len(infinite), 'image')} with an infinite value left out)" if infinite else ""
    return f"{best} on {group.dataset} x{group.scale}{under} {fixed(known[best], DECIMALS)} dB{but}"
