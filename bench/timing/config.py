"""The options of `bench.speed`, checked before anything is loaded."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from bench.errors import UserError
from bench.registry import catalog
from bench.statistics import FEWEST
from bench.timing import GATYS

DEFAULT_MODELS = (GATYS, "style-paper")
LOSS_MINIMUM = 8  # three poolings before relu4_3
LONGEST_SECONDS = 1e9  # 32 years: stands for no limit, which a protocol cannot have


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options, each called as on the command line. What is given twice counts once.

    Attributes:
        sizes: of the images that come out.
        iterations: of the optimisation, ascending.
        scale: of upscalers; None for 4, or what an external model has.
        sweep: every variant of each network, not only plain eager float32.
        card: also what each network is made of (:mod:`bench.timing.card`).
        full: run all iterations of the optimisation; otherwise a few, after a warm-up, are scaled on a CPU.
        force: measure again what the store already has.
        time_limit: seconds for the repetitions of one measurement.
        rounds: into which they are divided; a round is of all networks, so that a slower minute of the machine is shared.
        device: `auto`, or the name of one.
        db: the results file.
        json: where rows and their provenance are written too; None for nowhere.

    Raises:
        UserError: an unknown model, a number out of range, a size that a model cannot make.
    """

    sizes: Sequence[int]
    iterations: Sequence[int]
    models: Sequence[str] = DEFAULT_MODELS
    scale: int | None = None
    sweep: bool = False
    card: bool = False
    full: bool = False
    force: bool = False
    time_limit: float = 20.0
    rounds: int = 1
    device: str = "auto"
    db: Path = Path("results.db")
    json: Path | None = None

    def __post_init__(self) -> None:
        once = {
            "sizes": tuple(dict.fromkeys(self.sizes)),
            "iterations": tuple(sorted(set(self.iterations))),
            "models": tuple(dict.fromkeys(self.models)),
        }
        for field, values in once.items():
            object.__setattr__(self, field, values)
        numbers = (
            ("--sizes", self.sizes),
            ("--iterations", self.iterations),
            ("--scale", (1 if self.scale is None else self.scale,)),
        )
        for name, given in numbers:
            if min(given) < 1:
                raise UserError(f"{name} must be whole numbers of at least 1 (got {min(given)})")
        if not 0 < self.time_limit < LONGEST_SECONDS:
            raise UserError(f"--time-limit must be a number of seconds above 0 (got {self.time_limit:g})")
        if self.rounds != 1 and self.rounds < FEWEST:
            raise UserError(
                f"--rounds must be 1, or at least {FEWEST}: fewer have no interval (got {self.rounds})"
            )
        if self.rounds != 1 and self.sweep:
            raise UserError(
                "--rounds and --sweep exclude each other: a sweep compares variants that are timed in turn"
            )
        for size, model in itertools.product(self.sizes, self.models):
            _check_size(size, model, self.scale)

    @classmethod
    def of(cls, args: argparse.Namespace) -> Config:
        """Of a command line."""
        return cls(**{field.name: getattr(args, field.name) for field in fields(cls)})


def _check_size(size: int, model: str, scale: int | None) -> None:
    scale = 1 if model == GATYS else catalog.scale_of(model, scale)
    if size % scale:
        raise UserError(f"--sizes must be multiples of the scale, {scale}, for {model} (got {size})")
    minimum = LOSS_MINIMUM if model == GATYS else scale * catalog.entry(model).minimum
    if size < minimum:
        raise UserError(f"--sizes must be at least {minimum} for {model} (got {size})")
