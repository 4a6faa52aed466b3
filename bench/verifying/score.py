"""The values that this suite can give for a claim: of each protocol, then of each convention on the stored images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from bench.cli import Reporter
from bench.data import cache
from bench.data.datasets import dataset
from bench.devices import exact_float32
from bench.environment import environment
from bench.errors import UserError
from bench.explaining.conventions import Convention, distinct, psnr_conventions, ssim_conventions
from bench.explaining.inputs import loaded, stored
from bench.explaining.library_presets import printed_by
from bench.explaining.scores import measure, values
from bench.explaining.table import described, libraries, usual
from bench.metrics import info
from bench.protocols import PROTOCOLS
from bench.quality.config import Config as QualityConfig
from bench.quality.config import config as quality_config
from bench.quality.engine import ResultWriter, evaluate, results
from bench.quality.loading import can_measure, plans
from bench.quality.plan import Plan
from bench.records import HR, Run
from bench.storage.store import Store, now
from bench.verifying.config import Claim, Config
from bench.verifying.verdict import Candidate, Verdict, holds, judge

CONVENTIONS = ("psnr", "ssim")
IMAGES_OF = ("johnson2016", "srcnn2014")
"""The protocols on whose images conventions are tried: lr of 8 bits in colour, and of float luma."""


def judge_all(
    claims: Sequence[Claim],
    config: Config,
    where: torch.device,
    store: Store,
    command: Sequence[str],
    reporter: Reporter,
) -> Iterator[Verdict]:
    """The verdicts of claims of one model, data set and scale: it is scored once for all of them.

    A model, data set or metric that fails is a reason why its claims cannot be compared.
    """
    first = claims[0]
    found: dict[str, list[Candidate]] = {}
    reason = ""
    # Values that are not found yet: metrics without any are not measured under further protocols.
    open_ = {
        (metric, text)
        for claim in claims
        for metric, text in claim.values.items()
        if metric not in claim.missing
    }
    try:
        scored = []
        for protocol in PROTOCOLS:
            metrics = sorted({metric for metric, _ in open_})
            if not metrics:
                break
            made, lack = _under(protocol, metrics, first, config, where, store, command, reporter)
            if lack:
                reason = reason or lack
                continue
            scored.append(protocol)
            for metric, candidate in made.items():
                found.setdefault(metric, []).append(candidate)
                open_ -= {(m, text) for m, text in open_ if m == metric and holds(text, candidate.value)}
        for protocol in (protocol for protocol in IMAGES_OF if protocol in scored):
            wanted = sorted({metric for metric, _ in open_ if metric in CONVENTIONS})
            if not wanted:
                break
            own = next(
                (each for values in found.values() for each in values if each.protocol == protocol), None
            )
            if own is None:
                continue
            for metric, candidate in _conventions(protocol, wanted, first, config, own):
                found.setdefault(metric, []).append(candidate)
                open_ -= {(m, text) for m, text in open_ if m == metric and holds(text, candidate.value)}
    # RuntimeError is what torch raises in an external model; its claims alone are lost.
    except (UserError, ValueError, RuntimeError, OSError) as error:
        reason = str(error)
    for claim in claims:
        for metric, printed in claim.values.items():
            own_reason = claim.missing.get(metric, reason)
            yield judge(claim.id, metric, printed, claim.expected[metric], found.get(metric, []), own_reason)


def _under(
    protocol: str,
    metrics: Sequence[str],
    claim: Claim,
    config: Config,
    where: torch.device,
    store: Store,
    command: Sequence[str],
    reporter: Reporter,
) -> tuple[dict[str, Candidate], str]:
    """Means by metric under a protocol, or why there are none: a mean over a part of the images is no claim's."""
    request = quality_config(
        datasets=[claim.dataset],
        models=[claim.run],
        scales=[claim.scale],
        metrics=metrics,
        protocol=protocol,
        device=config.device,
        db=config.db,
        save_images=config.save_images,
    )
    (plan,) = plans(request, where, reporter.note)
    usable = tuple(
        metric
        for metric in plan.metrics
        if can_measure(metric, plan.protocol, required=False, log=reporter.note)
    )
    plan = replace(plan, metrics=usable)
    number = _start(request, plan, where, store, command)
    rows = results(plan, store, evaluate(ResultWriter(plan, store, number, reporter)))
    store.finish(number)
    images = len(plan.dataset.images)
    made = {
        row.metric: Candidate(
            under=protocol,
            value=row.mean,
            protocol=protocol,
            model=row.model,
            model_hash=next(model.hash for model in plan.models if model.name == row.model),
        )
        for row in rows
        if row.model != HR and row.n == images
    }
    if usable and not made:
        n = max((row.n for row in rows if row.model != HR), default=0)
        failures = store.failures(number)
        why = f": {failures[0].image}: {failures[0].reason}" if failures else ""
        return {}, f"{n} of {images} images of {claim.dataset} x{claim.scale} could be scored{why}"
    return made, ""


def _start(
    request: QualityConfig, plan: Plan, where: torch.device, store: Store, command: Sequence[str]
) -> int:
    exact_float32()
    return store.start(
        Run(
            program="verify",
            command=tuple(command),
            started=now(),
            environment=environment(str(where)),
            protocols=(plan.protocol,),
            metrics=tuple(info(name, cache.used_name) for name in request.metrics),
        )
    )


def _conventions(
    protocol: str, metrics: Sequence[str], claim: Claim, config: Config, own: Candidate
) -> Iterator[tuple[str, Candidate]]:
    """Every convention that some library prints, on the images that a protocol stored.

    Args:
        own: a value of the protocol itself.
    """
    data = dataset(claim.dataset).name
    found = stored(config.db, data, own.model, claim.scale, protocol)
    count = len(found.pairs)
    # before the images are loaded it is not known whether one of them is grey: what is the same then is measured once
    every: list[Convention] = []
    every += psnr_conventions(count) if "psnr" in metrics else ()
    every += ssim_conventions() if "ssim" in metrics else ()
    # of some hundred conventions one may give a number by chance; those that no library prints are no evidence
    every = [convention for convention in every if usual(convention, count) and printed_by(convention, count)]
    images = [
        measure(pair.name, pair.sr, pair.hr, claim.scale, every)
        for pair in loaded(found.pairs, claim.scale)
        if pair.sr is not None and pair.hr is not None
    ]
    # A mean over a part of the images is no claim's.
    if len(images) < count:
        return
    grey = any(image.grey for image in images)
    for value in values(images, distinct(every, grey=grey)):
        by = libraries(printed_by(value.convention, count, grey=grey))
        if not by:
            continue
        words = f"{described(value.convention, claim.scale)}{f' ({by})' * bool(by)}"
        yield (
            value.metric,
            replace(own, under=f"{words}, images of {protocol}", value=value.value, convention=words),
        )
