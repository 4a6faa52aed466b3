"""What a reader of the report should know first: an abstract, three numbers, and the findings in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum, isinf

from bench.records import machine_kind
from reports.formatting import counted, fixed, listed
from reports.load.results import Group, Results
from reports.load.speeds import Machine
from reports.parts import Headline, Verdict
from reports.verdicts.rows import counts
from reports.verdicts.speed import PAPER_MACHINE

PAPER = "Johnson 2016"
HEADLINES = 3
PERCEPTUAL = "lpips-alex"
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


def abstract(results: Results) -> tuple[str, ...]:
    """What was measured, and on which machines."""
    return tuple(
        sentence for sentence in (_measured(results), _timed(results), _machines(results)) if sentence
    )


def _measured(results: Results) -> str:
    groups = results.groups
    if not groups:
        return ""
    sets = dict.fromkeys(f"{group.dataset} x{group.scale}" for group in groups)
    models = {model for group in groups for model in group.models}
    metrics = {metric.name for group in groups for metric in group.metrics}
    images = {(group.dataset, image) for group in groups for image in group.images}
    return (
        f"This run scored {counted(len(models), 'super-resolution model')} by {counted(len(metrics), 'metric')} on "
        f"{counted(len(images), 'image')}: {listed(sets)}."
    )


def _timed(results: Results) -> str:
    timed = len(results.timings)
    curves = {subject for group in results.styles for subject in group.subjects}
    parts = [counted(timed, "timing")] if timed else []
    parts += [f"the style-transfer objective of {counted(len(curves), 'method')}"] if curves else []
    return f"It holds {listed(parts)}." if parts else ""


def _machines(results: Results) -> str:
    names = dict.fromkeys(machine_kind(facts) for facts in results.environments.values())
    return f"Measured on: {'; '.join(names)}." if names else ""


def headlines(groups: Sequence[Group], machines: Sequence[Machine]) -> tuple[Headline, ...]:
    """At most three numbers of this run: the best PSNR and LPIPS on the largest data set, and the largest speed-up."""
    found = [
        *_best_value(groups, "psnr", "highest PSNR"),
        *_best_value(groups, PERCEPTUAL, "lowest LPIPS (AlexNet)"),
        *_largest_ratio(machines),
        *_best_value(groups, "ssim", "highest SSIM"),
    ]
    return tuple(found[:HEADLINES])


def _best_value(groups: Sequence[Group], metric: str, title: str) -> Iterator[Headline]:
    """Of the group with the most images among those where two models or more have it."""
    able = [
        (group, means)
        for group in groups
        # A lone model is no "highest".
        if len(means := _finite_means(group, metric)) > 1 and any(m.name == metric for m in group.metrics)
    ]
    if able:
        group, means = max(able, key=lambda pair: len(pair[0].images))
        info = next(m for m in group.metrics if m.name == metric)
        best = (max if info.higher_is_better else min)(means, key=lambda model: means[model])
        value = f"{fixed(means[best], info.decimals)} {info.unit}".rstrip()
        where = f"{group.dataset} x{group.scale}, {counted(len(group.images), 'image')}"
        yield Headline(value=value, title=f"{title}: {best} on {where}")


def _finite_means(group: Group, metric: str) -> dict[str, float]:
    """Of models that have every image, all values finite."""
    columns = {model: list(map(float, group.column(model, metric))) for model in group.models}
    return {
        model: fsum(values) / len(values)
        for model, values in columns.items()
        # Means over the same images alone can be ranked; NaN was dropped with the missing values.
        if len(values) == len(group.images) and not any(map(isinf, values))
    }


def _largest_ratio(machines: Sequence[Machine]) -> Iterator[Headline]:
    for machine in (machine for machine in machines if not machine.origin):
        for size in reversed(SIZES):
            if ratio := _ratio(machine, size):
                yield Headline(
                    value=f"{ratio:.0f} times",
                    title=f"faster than {MOST_ITERATIONS} iterations at {size}x{size}: {machine.network_name} on "
                    f"{machine.name}",
                )
                return


def _tallies(verdicts: Sequence[Verdict]) -> Iterator[str]:
    own = [v for v in verdicts if v.cell.where.startswith(PAPER)]
    others = [v for v in verdicts if not v.cell.where.startswith(PAPER)]
    for found, whose in (
        (own, "printed by Johnson, Alahi and Fei-Fei (2016)"),
        (others, "printed by others"),
    ):
        tally = [f"{n} {judgement}" for judgement, n in counts(found).items() if n]
        if tally:
            yield f"Of {counted(len(found), 'number')} {whose}: {listed(tally)}."


def _networks(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """By how much the paper's trained networks differ in PSNR, over the means of the data sets."""
    for source, scale in (("figure8", 4), ("figure9", 8)):
        for model, title in (("sr-pixel", "l_pixel"), ("sr-feature", "l_feat")):
            tail = f".{model}.psnr"
            found = [
                v for v in _means(verdicts, source) if v.cell.id.endswith(tail) and v.difference is not None
            ]
            if found:
                yield (
                    f"{model}, our retrained {title} network, at x{scale}: {_range(found)} PSNR against the paper's "
                    f"{title}, over the means of {counted(len(found), 'data set')}."
                )


def _means(verdicts: Sequence[Verdict], source: str) -> list[Verdict]:
    """Those of a figure that are not about one image: `figure8.set5.bicubic.psnr` has four words."""
    return [v for v in verdicts if v.cell.id.startswith(f"{source}.") and v.cell.id.count(".") == 3]


def _range(found: Sequence[Verdict]) -> str:
    values = [v.difference or 0.0 for v in found]
    # Equal ends are one.
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
            f"The paper's x8 bicubic row is not reproduced: MATLAB's bicubic differs by {_range(found)} and agrees with "
            "other papers."
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
        yield f"L-BFGS matches the network after {listed(found)}; the paper says 50 to 100."


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
    # A mean over a part of the images is not compared with one over all.
    every = {image for values in found.values() for image in values}
    found = {model: values for model, values in found.items() if values.keys() == every}
    # Dropped for all models, so that every mean is over the same images.
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
    but = f" ({counted(len(infinite), 'image')} with an infinite value skipped)" if infinite else ""
    return f"{best} on {group.dataset} x{group.scale}{under} {fixed(known[best], DECIMALS)} dB{but}"
