"""What `bench.gatys` does once its options are parsed: image after image through the optimisation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

import torch

from bench import interrupts
from bench.applying.config import check_outputs
from bench.applying.origin import KEY, still_to_do
from bench.cli import DONE, FAILED, device, progress, working
from bench.data import images
from bench.records import Dataset, ImageFile
from bench.styling.engine import Engine
from bench.styling.gatys import Config, Stylization, load, precision_on, read_config
from bench.styling.objective import fitted
from bench.styling.outcome import Outcome
from bench.styling.plan import TRY_SMALLER, Plan
from bench.variants.build import exact_float32


def run(args: argparse.Namespace) -> int:
    """Do every image; one that cannot be done is named and the others are done."""
    config = read_config(args)
    check_outputs(
        config.inputs, config.output, config.out, args.inputs, others=[("--style", config.style.file)]
    )
    interrupts.keeps(f"finished images are kept in {config.out}")
    where, waiting = device(config.device), config.inputs
    if not config.force:
        waiting = still_to_do(config.inputs, config.output, lambda: config.origin(where), "{stem}-{style}")
    failed = work(config, waiting, where) if waiting else 0
    done, kept = len(waiting) - failed, len(config.inputs) - len(waiting)
    print(f"{done} image{'s' if done != 1 else ''} written to {config.out}")
    if kept:
        print(f"{kept} there already and kept; --force makes them again")
    if failed:
        print(f"{failed} could not be done, see above")
    return FAILED if failed else DONE


def work(config: Config, waiting: Sequence[ImageFile], where: torch.device) -> int:
    """Load network and style and do what is waiting; returns how many images failed, each of which is named."""
    exact_float32()
    print(f"loss network on {where} in {precision_on(config.precision, where)}")
    files = {image.stem: image.file for image in waiting}
    with working("loading the loss network"):
        gatys = load(config, where)
    method = Stylization(
        dataset="the inputs",
        iterations=config.iterations,
        config=config,
        gatys=gatys,
        device=where,
    )
    plan = Plan(
        dataset=Dataset(name=method.dataset, images=tuple(waiting), source=""),
        rounds=((method,),),
        prepare=partial(fitted, longer_side=config.size),
        # One after the other: inputs keep their aspect, so they differ in size.
        batch=1,
        protocols=(config.protocol,),
        no_memory=TRY_SMALLER,
    )
    failed = 0
    with progress("gatys", len(waiting) * plan.steps) as reporter:

        def keep(outcome: Outcome) -> None:
            nonlocal failed
            for picture, (file, pixels) in zip(outcome.pictures, outcome.files, strict=True):
                try:
                    images.write(file, pixels, text={KEY: config.origin(where).record(picture.image_sha256)})
                except OSError as error:
                    outcome.fail(plan, picture.image, method, error)
            for failure in outcome.failures:
                reporter.note(f"{files[failure.image]!r}: {failure.reason}")
            failed += len(outcome.failures)

        Engine(plan, reporter, keep).run()
    return failed
