"""Which variant `bench.apply` runs a model in: the one measured fastest on this machine, or one that cannot go wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.applying.config import AUTO, Config
from bench.applying.images import Runner, ordered
from bench.data.datasets import LoadedImage
from bench.environment import bf16_units, environment
from bench.executor import read_ahead
from bench.records import Environment, ImageFile, SpeedResult
from bench.registry.catalog import LoadedModel
from bench.storage.store import Store
from bench.timing.provenance_record import TimingProvenance
from bench.timing.validation import valid_timings
from bench.timing.workloads import example
from bench.variants import build, openvino_session, sweep
from bench.variants.variant import Variant, VariantUnavailable, parse_variant

TRIAL_SIZE = 256
"""Side of the photograph on which bfloat16 is compared with float32: a pass of either takes a fraction of a second."""


def measured(model: LoadedModel, machine: Environment, db: Path) -> list[SpeedResult]:
    """Admissible variants of this model, as they were timed on this machine with these versions; the suite's own aside."""
    if not db.is_file():
        return []
    with Store(db, read_only=True) as store:
        results = valid_timings(store, model.name)
    here = without_suite(machine.facts)
    return [
        result
        for result in results
        if result.subject_hash == model.hash
        and without_suite(TimingProvenance.of(result).environment) == here
        and sweep.admissible(result)
        and sweep.same_engine(result, openvino_session.versions(parse_variant(result.variant)))
    ]


def without_suite(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A machine's facts but for the commit of this suite: another one does not make a network slower."""
    return {name: value for name, value in facts.items() if name != "suite"}


def best_measured(results: Sequence[SpeedResult], work: Sequence[sweep.Work]) -> SpeedResult | None:
    """The result that finishes `work` first, by those of the size that is nearest to the work's mean."""
    if not results or not work:
        return None
    mean = sum(w.images * w.pixels for w in work) / sum(w.images for w in work)
    # By pixels, not sides: time goes with them.
    size = min({result.size for result in results}, key=lambda side: abs(side**2 - mean))
    return sweep.cheapest([result for result in results if result.size == size], work)


def safe(module: nn.Module, device_type: str) -> Variant:
    """Float32 in the layout, and without the work, that is known to pay everywhere; nothing is compiled."""
    chosen = Variant()
    # One after the other, each on top of what could be built: a network without batch norm still gets the layout.
    for word in (
        ("channels_last", "folded", "spread") if device_type == "cpu" else ("channels_last", "folded")
    ):
        tried = parse_variant(f"{chosen.name}+{word}")
        try:
            build.transformed(module, tried)
        except VariantUnavailable:
            continue
        chosen = tried
    return chosen


def unmeasured(model: LoadedModel) -> Variant:
    """What a model runs in where no sweep was measured: :func:`safe`, of a stylizer in bfloat16 where that will do.

    That is where the CPU has units for it, and the picture of the sample photograph is within the ladder's tolerance
    of plain float32: a matter of the network and the machine alone, so that one command gives one picture. What an
    upscaler makes may be scored, and stays float32.
    """
    module = model.module
    assert module is not None
    exact = safe(module, model.device.type)
    on_a_cpu = model.device.type == "cpu"  # what bfloat16 costs on a GPU has not been measured yet
    if model.kind != "stylizer" or not on_a_cpu or not bf16_units():
        return exact
    half = replace(exact, dtype="bfloat16")
    return half if will_do(model, half) else exact


def will_do(model: LoadedModel, tried: Variant) -> bool:
    """Whether a variant gives the photograph within its tolerance of plain float32; one that fails does not."""
    assert model.module is not None
    try:
        image = example(model, TRIAL_SIZE, model.device)
        with torch.inference_mode():
            plain = build.build(model.module, Variant(), image).call(image)
            found = build.build(model.module, tried, image).call(image)
    except (ValueError, RuntimeError):  # an external network may take no such image at all
        return False
    return sweep.tolerance(model.kind, tried).admits(sweep.closeness(found, plain))


def shapes(config: Config) -> dict[str, tuple[int, int]]:
    """(h, w) that goes into the model, by stem, of the images that are waiting; what cannot be read is skipped."""
    return {
        image.stem: config.resized(*loaded.pixels.shape[:2])
        for image, loaded in read_ahead(config.waiting)
        if isinstance(loaded, LoadedImage)
    }


def works(found: Mapping[str, tuple[int, int]], scale: int) -> list[sweep.Work]:
    """Images by size; pixels are those that come out."""
    return [sweep.Work(images=n, pixels=h * w * scale**2) for (h, w), n in Counter(found.values()).items()]


def choose_variant(config: Config, model: LoadedModel) -> tuple[Runner, list[ImageFile], str]:
    """The model in the variant asked for or in the best one known, the images in the order that suits it, and why."""
    if model.module is None:
        return (
            Runner(model=model, variant=Variant()),
            list(config.waiting),
            "it has no other variant",
        )
    if config.variant != AUTO:
        runner = Runner(model=model, variant=parse_variant(config.variant))
        return (
            runner,
            ordered(config.waiting, shapes(config) if runner.variant.per_size else {}),
            "as requested",
        )
    fallback = unmeasured(model)
    results = measured(model, environment(str(model.device)), config.db)
    found = shapes(config) if results else {}
    best = best_measured(results, works(found, config.scale if model.kind == "upscaler" else 1))
    if best is None:
        command = f"python -m bench.speed --models {model.name} --sweep"
        why = f"no variant is measured here yet; `{command}` may find a faster one"
        return Runner(model=model, variant=fallback), list(config.waiting), why
    runner = Runner(model=model, variant=parse_variant(best.variant), instead=fallback)
    why = f"done first with these images, as measured at {best.size}x{best.size} ({config.db})"
    return runner, ordered(config.waiting, found), why
