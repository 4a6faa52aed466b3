"""The optimisation of :mod:`baselines.gatys`, of which the best image is kept, not the last.

Its L-BFGS does not stop. The first layers are met to the last digit of float32 within a hundred iterations; what the
steps then learn of the curvature is rounding, and the last one that was tried may be one that would be taken back.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.descent import choose, minimise
from baselines.optimise import BOX, Callback, Objective, OptimisationResult, Settings, search
from models.losses import Terms


def keep_best(
    objective: Objective,
    start: Float[Tensor, "n 3 h w"],
    settings: Settings,
    *,
    callback: Callback,
    callback_every: int,
) -> OptimisationResult:
    """As :func:`baselines.optimise.optimise`, but for the image, which is that of the lowest objective so far.

    Returns:
        The images and, after 0, 1, ... iterations, the terms of the one that would have been returned then: the last
        are those of `image`. All on the CPU.
    """
    descent, evaluate = search(objective, start, settings)
    images, least = descent.images.clone(), torch.full_like(evaluate.terms[0], torch.inf)
    rows: list[Tensor] = []

    def look(levels: Tensor) -> None:
        # False for NaN: an image that fails keeps its best.
        better = evaluate.terms[0] < least
        images.copy_(choose(better, levels, images))
        least.copy_(torch.where(better, evaluate.terms[0], least))
        rows.append(evaluate.terms.clone())

    def after(done: int) -> None:
        # The terms are of the image that the step set out from.
        look(descent.previous)
        if done % callback_every == 0:
            callback(done, Terms(*evaluate.terms.cpu()))

    found = minimise(descent, iterations=settings.iterations, graph=settings.graph, after=after)
    # The image that the last step led to has no terms yet.
    evaluate(found.images)
    look(found.images)
    failed_at = tuple(found.failed_at.tolist())
    return OptimisationResult(
        image=(images / BOX[1]).cpu(),
        iterations=found.iterations,
        stopped="non-finite" if all(failed_at) else "iterations",
        failed_at=failed_at,
        objective=running_minimum(torch.stack(rows, 1).cpu()),
    )


def running_minimum(terms: Float[Tensor, "4 k n"]) -> Terms:
    """The terms of the lowest total up to each iteration."""
    at = terms[0].cummin(0).indices
    return Terms(*(term.gather(0, at) for term in terms))
