"""Search for the image that minimises an objective, by L-BFGS or Adam, projected to [0, 255] in each iteration.

The variable is the image in 0..255, in "levels", as in Johnson et al. 2016 and their release: learning rates and first
steps are in levels. Images are RGB in [0, 1] everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.adam import Adam
from baselines.descent import Descent, Minimum, Rule, minimise
from baselines.lbfgs import HISTORY_SIZE, LBFGS
from baselines.style_gradient import StyleGradient
from models.losses import StyleObjective, Terms
from models.vgg import LossNetwork

Objective = Callable[[Tensor], Terms]
Callback = Callable[[int, Terms], None]
TermsAndGradient = Callable[[Tensor], tuple[Terms, Tensor]]

BOX = (0.0, 255.0)
LEARNING_RATES: dict[str, float] = {"lbfgs": 1.0, "adam": 10.0}
"""Of neural-style; Adam's in levels."""
LARGEST_RISE = 1.1
"""Few steps rise by as much: in 60 iterations at 256x256 one step of 4 images among 16, none of the others."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the image is searched for.

    Attributes:
        learning_rate: None for the method's own, :data:`LEARNING_RATES`.
        first_step: of L-BFGS alone: mean absolute change of the values in the first step, in levels.
        largest_rise: of L-BFGS alone: see :class:`baselines.descent.Descent`; None for torch.optim.LBFGS's way, in
            which a step may make a thousandfold of the objective, mostly behind 100 to 200 iterations.
        history_size: of L-BFGS alone: pairs that are kept, each twice the memory of the image.
        dtype: of the loss network; bfloat16 is fast where the device has units for it, and very slow where not.
        by_hand: take the gradient from :class:`baselines.style_gradient.StyleGradient` where it can be had there,
            which is faster and equal up to rounding; else from autograd.
        graph: replay the iteration as a CUDA graph.
    """

    method: str = "lbfgs"
    iterations: int = 500
    learning_rate: float | None = None
    first_step: float | None = 1.0
    largest_rise: float | None = LARGEST_RISE
    history_size: int = HISTORY_SIZE
    dtype: torch.dtype = torch.float32
    by_hand: bool = True
    graph: bool = False


@dataclass(frozen=True, kw_only=True)
class OptimisationResult:
    """What a search ended with.

    Attributes:
        image: RGB in [0, 1]; where the objective was not finite, the last image for which it was.
        iterations: that were done.
        stopped: `iterations`: all were done. `non-finite`: every image of the batch had failed before.
        failed_at: for each image the iteration, counted from 1, that met a non-finite number; 0 for none.
        objective: each term after 0, 1, ... iterations, `iterations+1 n`; only where it was asked for.
        kept: by number of iterations the images after them, RGB in [0, 1]; those that were asked for, as far as it came.
    """

    image: Float[Tensor, "n 3 h w"]
    iterations: int
    stopped: Literal["iterations", "non-finite"]
    failed_at: tuple[int, ...]
    objective: Terms | None = None
    kept: Mapping[int, Float[Tensor, "n 3 h w"]] = field(default_factory=dict)


def optimise(
    objective: Objective,
    start: Float[Tensor, "n 3 h w"],
    settings: Settings,
    *,
    record: bool = False,
    callback: Callback | None = None,
    callback_every: int = 50,
    keep: Collection[int] = (),
) -> OptimisationResult:
    """Minimises an objective over images.

    Args:
        objective: RGB in [0, 1] to its terms.
        start: RGB in [0, 1], float32 or float64.
        record: keep the terms of every iteration, and find those of the last image as well.
        callback: called with a number of iterations done and the terms, on the CPU, of the image that the last of
            them started from. This waits for the device, as else only a look for failures does, every 25 iterations.
        callback_every: iterations between two calls.
        keep: numbers of iterations after which the images are kept.

    Raises:
        ValueError: an unknown method, a start outside [0, 1], a number of iterations below 0.
    """
    descent, evaluate = search(objective, start, settings)
    history = TermHistory(evaluate, settings.iterations if record else 0)
    kept: dict[int, Tensor] = {}

    def after(done: int) -> None:
        history.keep(done)
        if done in keep:
            kept[done] = descent.images / BOX[1]
        if callback is not None and done % callback_every == 0:
            # A copy on a CPU, too: the next iteration overwrites the terms.
            callback(done, Terms(*evaluate.terms.to("cpu", copy=True)))

    found = minimise(descent, iterations=settings.iterations, graph=settings.graph, after=after)
    return replace(optimised(found, history.finish(found) if record else None), kept=kept)


def search(
    objective: Objective, start: Float[Tensor, "n 3 h w"], settings: Settings
) -> tuple[Descent, InLevels]:
    """What :func:`optimise` iterates, for whoever iterates himself, and what it evaluates."""
    levels = BOX[1] * start.detach()
    evaluate = InLevels(gradient_of(objective, settings), levels)
    rise = settings.largest_rise if settings.method == "lbfgs" else None
    return Descent(evaluate, levels, step_rule(settings, levels), BOX, largest_rise=rise), evaluate


def step_rule(settings: Settings, start: Float[Tensor, "n 3 h w"]) -> Rule:
    """New, for images like `start`, in levels; raises ValueError for an unknown method."""
    if settings.method not in LEARNING_RATES:
        raise ValueError(f"method is {settings.method!r}, must be one of: {', '.join(LEARNING_RATES)}")
    rate = settings.learning_rate
    rate = LEARNING_RATES[settings.method] if rate is None else rate
    if settings.method == "adam":
        return Adam(start, learning_rate=rate)
    first_step, size = settings.first_step, settings.history_size
    return LBFGS(start, learning_rate=rate, first_step=first_step, history_size=size)


def gradient_of(objective: Objective, settings: Settings) -> TermsAndGradient:
    """The terms of an objective and the gradient of their total, by hand or by autograd."""
    if (
        settings.by_hand
        and isinstance(objective, StyleObjective)
        and isinstance(objective.network, LossNetwork)
    ):
        return StyleGradient(objective, dtype=settings.dtype)
    return ByAutograd(objective, settings.dtype)


class ByAutograd:
    """For an objective over any network; in half precision under autocast."""

    def __init__(self, objective: Objective, dtype: torch.dtype) -> None:
        self.objective = objective
        self.half = dtype if dtype in (torch.bfloat16, torch.float16) else None

    def __call__(self, image: Float[Tensor, "n 3 h w"]) -> tuple[Terms, Float[Tensor, "n 3 h w"]]:
        half = self.half
        with torch.enable_grad(), torch.autocast(image.device.type, half, enabled=half is not None):
            variable = image.detach().requires_grad_()
            terms = self.objective(variable)
        # Ones: each image's total is of that image alone. Outside autocast, as torch asks of backward passes.
        (gradient,) = torch.autograd.grad(terms.total, variable, torch.ones_like(terms.total))
        return Terms(*(term.detach() for term in terms)), gradient


class InLevels:
    """Value and gradient at images in 0..255.

    Attributes:
        terms: of the last call, `4 n` in the order of :class:`Terms`, always in the same memory.
    """

    def __init__(self, find: TermsAndGradient, start: Float[Tensor, "n 3 h w"]) -> None:
        self.find = find
        self.terms = start.new_zeros(len(Terms._fields), len(start))

    def __call__(
        self, levels: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3 h w"]]:
        terms, gradient = self.find(levels / BOX[1])
        self.terms.copy_(torch.stack(terms))
        # By the chain rule: the variable is 255 times the image.
        return terms.total, gradient / BOX[1]


class TermHistory:
    """The terms of every iteration, on the device; without iterations, of none."""

    def __init__(self, evaluate: InLevels, iterations: int) -> None:
        self.evaluate = evaluate
        # One more than iterations: the last row is for the image that the search ends with.
        self.rows = evaluate.terms.new_zeros(iterations + 1, *evaluate.terms.shape)

    def keep(self, done: int) -> None:
        if done < len(self.rows):
            # The terms are of the image that the iteration began with, after done - 1 of them.
            self.rows[done - 1].copy_(self.evaluate.terms)

    def finish(self, found: Minimum) -> Terms:
        """All of them, with the terms of the image that was found in the end."""
        self.evaluate(found.images)
        self.rows[found.iterations].copy_(self.evaluate.terms)
        return Terms(*self.rows[: found.iterations + 1].unbind(1))


def optimised(found: Minimum, objective: Terms | None) -> OptimisationResult:
    """The outcome in [0, 1], of a minimum in levels."""
    failed_at = tuple(found.failed_at.tolist())
    return OptimisationResult(
        image=found.images / BOX[1],
        iterations=found.iterations,
        stopped="non-finite" if all(failed_at) else "iterations",
        failed_at=failed_at,
        objective=objective,
    )
