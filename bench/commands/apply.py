"""What `bench.apply` does once its options are parsed: every image through the model, and a sum at the end."""

from __future__ import annotations

from bench import interrupts
from bench.applying.choose import choose_variant
from bench.applying.config import Config
from bench.applying.images import apply
from bench.cli import DONE, FAILED, device, progress, working
from bench.registry import catalog
from bench.text import log, show
from bench.variants.build import exact_float32


def apply_model(config: Config) -> int:
    """Do every image that is waiting; a broken one is named and the others are done.

    Returns:
        The exit status: failed if any image could not be done.
    """
    interrupts.keeps(f"finished images are kept in {config.out}")
    for line in config.left_out:
        log(line)
    kept = len(config.images) - len(config.waiting)
    done, failed = _work(config) if config.waiting else (0, 0)
    print(f"{done} image{'s' if done != 1 else ''} written to {config.out}")
    if kept:
        print(f"{kept} there already and kept; --force makes them again")
    if failed:
        print(f"{failed} could not be done, see above")
    return FAILED if failed else DONE


def _work(config: Config) -> tuple[int, int]:
    """Load the model and do what is waiting; returns how many were done and how many failed."""
    exact_float32()
    with working(f"loading {config.model} and choosing how it runs"):
        model = catalog.load(config.model, scale=config.scale, device=device(config.device))
        runner, waiting, why = choose_variant(config, model)
    show(f"{config.model} on {model.device}, {runner.variant.name}: {why}")
    with progress("apply", len(waiting)) as reporter:
        failed = apply(config, waiting, runner, reporter)
    return len(waiting) - failed, failed
