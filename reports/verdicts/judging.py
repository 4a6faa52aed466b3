"""Every printed number beside ours: reproduced, better, off by, cannot be reproduced, or not run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from bench.protocols import protocol
from bench.records import SRProtocol
from reports.load.intervals import interval
from reports.load.paper import Entry, PaperCell, ScoreTarget, entries
from reports.load.results import Group, Results
from reports.load.speeds import PublishedRun, machines
from reports.parts import Judgement, Scoring, Verdict
from reports.verdicts.speed import judge_speed
from reports.verdicts.style import judge_objective

IMAGES: Mapping[str, int] = {"set5": 5, "set14": 14, "bsd100": 100}
DETERMINISTIC = ("nearest", "bilinear", "bicubic", "lanczos")
DEFAULT_METRICS = ("psnr", "ssim")


def judge(
    results: Results,
    published: Sequence[PublishedRun],
) -> tuple[Verdict, ...]:
    """A verdict on each number of `paper.toml`, in its order.

    The first rule that holds:

    - *not comparable*: other hardware, or a setting that was never published.
    - *cannot be reproduced*: the file says why; the value of this run stands beside it all the same.
    - *not run*: nothing of ours, or not of all images of the data set, under the same definition of the protocol; the
      command that would run it, where one would.
    - *reproduced*: ours differs from what is printed (from its likely value, of a misprint) by at most one unit of the
      last printed digit.
    - *better*: ours is better in the metric's own direction; of trained networks and times alone.
    - *undertrained*: a style network that the suite ships saw fewer pixels in training than the paper's; its iterations are
      neither *reproduced* nor *off by*, only *better* where they are.
    - *not comparable*: seconds of other hardware than the paper's.
    - *off by*: everything else; so for every other difference of a deterministic method (nearest,
      bilinear, bicubic, lanczos, srcnn with its authors' weights), to whichever side.

    Scores: our mean over images with its bootstrap interval; a network that the paper post-processes is judged with that
    step where it is stored. Table 1: one machine for all cells; see :mod:`reports.verdicts.speed`.
    Figure 5: its iterations are a claim of 50 to 100; see :mod:`reports.verdicts.style`.
    """
    known = machines(results, published)

    def verdict(entry: Entry) -> Verdict:
        if isinstance(entry.target, ScoreTarget):
            return _judge_score(entry, entry.target, results)
        if entry.target is None:
            return Verdict(cell=entry.cell, judgement="not comparable", why=entry.cannot)
        if entry.source == "table1":
            return judge_speed(entry, entry.target, known)
        return judge_objective(entry, entry.target, results)

    return tuple(verdict(entry) for entry in entries())


def is_deterministic(model: str) -> bool:
    """Whether a model is deterministic: neither chance nor training of ours is in it."""
    return model in DETERMINISTIC or model.startswith("srcnn-")


@dataclass(frozen=True, kw_only=True)
class _Ours:
    """What is stored for a target: `values` of the images that it is about."""

    model: str
    values: tuple[float, ...]
    higher_is_better: bool
    certificate: str

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)


def group_matches(group: Group, target: ScoreTarget) -> bool:
    """Whether it is the target's data set under the target's definition: equal hash, whatever the protocol is called."""
    if (group.dataset, group.scale) != (target.dataset, target.scale):
        return False
    return _digest(group.protocol) == _digest(protocol(target.protocol, target.scale))


@cache
def _digest(rule: SRProtocol) -> str:
    """Asked for once per printed number and group."""
    return rule.hash


def _stored(target: ScoreTarget, results: Results) -> _Ours | None:
    group = next((g for g in results.groups if group_matches(g, target)), None)
    # The paper's numbers are after its post-processing (histogram matching): that goes first where it is stored.
    for model in (target.processed, target.model):
        if group is None or (model, target.metric) not in group.provenance:
            continue
        column = group.column(model, target.metric)
        info = next(m for m in group.metrics if m.name == target.metric)
        values = column[column.index == target.image] if target.image else column
        return _Ours(
            model=model,
            values=tuple(map(float, values)),
            higher_is_better=info.higher_is_better,
            certificate=group.provenance[model, target.metric].id,
        )
    return None


def _judge_score(entry: Entry, target: ScoreTarget, results: Results) -> Verdict:
    ours = _stored(target, results)
    required = 1 if target.image else IMAGES[target.dataset]
    # A mean over a part of the images is no value of the set.
    if ours is None or len(ours.values) != required:
        return _missing(entry, target, "" if ours is None else _count(len(ours.values), required, target))
    difference = ours.mean - entry.cell.value
    return Verdict(
        cell=entry.cell,
        judgement=_judgement(entry, target, ours),
        ours=ours.mean,
        difference=difference,
        interval=interval(ours.values) if required > 1 else None,
        why=entry.cannot or _why(entry.cell, target, ours),
        certificate=ours.certificate,
    )


def _judgement(entry: Entry, target: ScoreTarget, ours: _Ours) -> Judgement:
    if entry.cannot:
        return "cannot be reproduced"
    if entry.cell.is_within_a_unit(ours.mean):
        return "reproduced"
    # Infinite where some sr is its hr: no better value, but a question.
    if not math.isfinite(ours.mean):
        return "off by"
    if is_deterministic(target.model):
        return "off by"
    return "better" if (ours.mean > entry.cell.value) == ours.higher_is_better else "off by"


def _why(cell: PaperCell, target: ScoreTarget, ours: _Ours) -> str:
    if ours.model == target.processed:
        return f"{ours.model}: with the paper's post-processing"
    if target.processed:
        return f"{ours.model}: without the paper's post-processing, {target.processed} is not stored"
    units = abs(ours.mean - cell.value) * 10**cell.decimals
    return "" if cell.is_within_a_unit(ours.mean) else f"{units:.1f} units of the last printed digit"


def _count(n: int, required: int, target: ScoreTarget) -> str:
    if target.image:
        return f"image {target.image} has no value"
    return f"n = {n}, must be all {required} images of {target.dataset}"


def _missing(entry: Entry, target: ScoreTarget, why: str) -> Verdict:
    missing: Literal["", "checkpoint", "weights"] = ""
    if not (why or entry.cannot):
        missing = "checkpoint" if target.brought else "weights" if target.processed else ""
    if missing == "checkpoint":
        why = f"{target.model} is not part of the suite: add it with --models FILE,name={target.model}"
    elif missing == "weights":
        why = f"if its weights are not shipped, train them: {training(target)}"
    request = None if target.brought else scoring(target)  # no command brings a checkpoint
    return Verdict(
        cell=entry.cell,
        judgement="cannot be reproduced" if entry.cannot else "not run",
        why=entry.cannot or why,
        command=request.command if request else "",
        scoring=request,
        missing=missing,
    )


def scoring(target: ScoreTarget) -> Scoring:
    """The command line that scores what a target is about."""
    metrics = () if target.metric in DEFAULT_METRICS else ("--metrics", target.metric)
    return Scoring(
        datasets=(target.dataset,),
        models=(target.processed or target.model,),
        options=("--scales", str(target.scale), "--protocol", target.protocol, *metrics),
    )


def training(target: ScoreTarget) -> str:
    """The command line that trains one of the paper's networks."""
    loss = target.model.removeprefix("sr-")
    data = f"--data train-bsds500 train-coco --out runs/x{target.scale}-{loss}"
    return f"python -m bench.train sr --scale {target.scale} --loss {loss} {data}"
