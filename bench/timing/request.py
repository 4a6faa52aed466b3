"""What `bench.speed` was asked for, checked before anything is loaded."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from bench import participants
from bench.errors import UserError
from bench.timing.rows import GATYS

DEFAULT_MODELS = (GATYS, "style-paper")
LOSS_MINIMUM = 8  # three poolings before relu4_3
LONGEST_SECONDS = 1e9


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for.

    Attributes:
        sizes: of the images that come out.
        iterations: of the optimisation, ascending.
        scale: of upscalers; None for 4, or what a model from outside has.
        ladder: every form of each network, not only plain eager float32.
        full: run all iterations of the optimisation; otherwise a few, after a warm-up, are scaled on a CPU.
        force: measure again what the store already has.
        time_limit_seconds: of the repetitions of one measurement.
    """

    sizes: tuple[int, ...]
    iterations: tuple[int, ...]
    models: tuple[str, ...]
    scale: int | None
    ladder: bool
    full: bool
    force: bool
    time_limit_seconds: float


def request(
    *,
    sizes: Sequence[int],
    iterations: Sequence[int],
    models: Sequence[str] | None = None,
    scale: int | None = None,
    ladder: bool = False,
    full: bool = False,
    force: bool = False,
    time_limit_seconds: float = 20.0,
) -> Request:
    """Check every name and number; what is given twice counts once.

    Raises:
        UserError: an unknown model, a number out of range, a size that a model cannot make.
    """
    asked = Request(
        sizes=tuple(dict.fromkeys(sizes)),
        iterations=tuple(sorted(set(iterations))),
        models=tuple(dict.fromkeys(models or DEFAULT_MODELS)),
        scale=scale,
        ladder=ladder,
        full=full,
        force=force,
        time_limit_seconds=time_limit_seconds,
    )
    numbers = (
        ("--sizes", asked.sizes),
        ("--iterations", asked.iterations),
        ("--scale", (1 if scale is None else scale,)),
    )
    for name, values in numbers:
        if min(values) < 1:
            raise UserError(f"{name} has {min(values)}; required whole numbers of at least 1")
    if not 0 < time_limit_seconds < LONGEST_SECONDS:
        raise UserError(f"--time-limit is {time_limit_seconds:g}; required a number of seconds above 0")
    for size, model in itertools.product(asked.sizes, asked.models):
        _refuse_size(size, model, scale)
    return asked


def _refuse_size(size: int, model: str, asked: int | None) -> None:
    scale = 1 if model == GATYS else participants.scale_of(model, asked)
    if size % scale:
        raise UserError(f"--sizes has {size}; required multiples of the scale, {scale}, for {model}")
    if size < minimum(model, scale):
        raise UserError(f"--sizes has {size}; required at least {minimum(model, scale)} for {model}")


def minimum(model: str, scale: int) -> int:
    """Pixels per side of the smallest image that a model makes.

    Raises:
        UserError: there is no such model.
    """
    if model == GATYS:
        return LOSS_MINIMUM
    chosen = participants.outside(model)
    if chosen is not None:
        return scale * chosen.minimum
    if participants.kind(model) == "upscaler":
        return scale
    from models.style_net import MINIMUM_SIZE

    return MINIMUM_SIZE
