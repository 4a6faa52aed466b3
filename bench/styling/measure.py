"""What a subject makes of contents, judged by the objective: one function for the contents themselves, one for a
network, one for the optimisation.

A network's image is clipped to [0, 1] before it is judged, as the optimisation projects its own; neither is rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.gatys import initial_image
from baselines.optimise import Callback, Optimised, Settings, optimise
from bench.errors import RunError
from bench.styling.config import Baseline
from bench.styling.plan import Network, Plan
from bench.timing.clocks import clock_for, current
from models.losses import Terms

REPORT_EVERY = 10

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a subject made of one content.

    Attributes:
        image: RGB in [0, 1], on the device.
        terms: each after 0, 1, ... iterations.
        seconds: from the content to the image, this content's share of its batch.
    """

    image: Float[Tensor, "1 3 s s"]
    terms: dict[str, tuple[float, ...]]
    seconds: float
    batch: int = 1


class NotFinite(RunError):
    """An objective that is no number."""


@torch.no_grad()
def judge(plan: Plan, content: Float[Tensor, "1 3 s s"], image: Float[Tensor, "1 3 s s"]) -> Terms:
    """The terms of an image under the objective that a content gives.

    Raises:
        NotFinite: one of them is not finite.
    """
    terms = plan.objective.with_content(content)(image)
    for name, value in terms._asdict().items():
        if not value.isfinite().all():
            raise NotFinite(f"the objective's {name} term is {value.item()}; required a finite number")
    return terms


def content_itself(plan: Plan, content: Float[Tensor, "1 3 s s"]) -> Measured:
    """The content, judged as if it were the result."""
    return Measured(image=content, terms=rows(judge(plan, content, content)), seconds=0.0)


@dataclass(kw_only=True)
class TimedNetwork:
    """A network that has warmed up for one size before it is timed for the first time."""

    network: Network
    device: torch.device
    warm: bool = field(default=False, init=False)

    @torch.no_grad()
    def __call__(self, content: Float[Tensor, "1 3 s s"]) -> tuple[Tensor, float]:
        """The stylized image, as the network gives it, and the seconds that it took."""
        if not self.warm:
            self.network.network(content)
            self.warm = True
        return timed(self.device, lambda: self.network.network(content))


def stylized(plan: Plan, network: TimedNetwork, content: Float[Tensor, "1 3 s s"]) -> Measured:
    """What a network makes of a content.

    Raises:
        ValueError: the content is too small for it, or what comes out is not an image of the content's size.
        NotFinite: its objective is not finite.
    """
    given, seconds = network(content)
    if given.shape != content.shape:
        raise ValueError(f"the network returned shape {tuple(given.shape)}, required {tuple(content.shape)}")
    image = given.clamp(0, 1)
    return Measured(image=image, terms=rows(judge(plan, content, image)), seconds=seconds)


def optimised(
    plan: Plan, contents: Float[Tensor, "n 3 s s"], iterations: int, callback: Callback
) -> list[Measured | NotFinite]:
    """What the optimisation makes of each content of a batch, all at once.

    Args:
        callback: called every :data:`REPORT_EVERY` iterations.
    """
    assert plan.baseline is not None
    baseline, chosen = plan.baseline, settings(plan.baseline, iterations, plan.device)

    def work() -> Optimised:
        return optimise(
            plan.objective.with_content(contents),
            initial_image(contents, baseline.initial, baseline.seed),
            chosen,
            record=True,
            callback=callback,
            callback_every=REPORT_EVERY,
        )

    found, seconds = timed(plan.device, work)
    assert found.objective is not None
    batch = Terms(*(term.cpu() for term in found.objective))
    return [one(found, batch, index, seconds / len(contents)) for index in range(len(contents))]


def settings(baseline: Baseline, iterations: int, device: torch.device) -> Settings:
    """How the optimisation is run; what of it changes values is in :attr:`Baseline.hash`."""
    return Settings(method=baseline.method, iterations=iterations, graph=device.type == "cuda")


def one(found: Optimised, batch: Terms, index: int, seconds: float) -> Measured | NotFinite:
    """One content's share of a batch."""
    terms = Terms(*(term[:, index] for term in batch))
    failed_at = found.failed_at[index]
    if failed_at or not terms.total.isfinite().all():
        return NotFinite(f"the objective is not finite in iteration {failed_at or found.iterations}")
    n = len(found.failed_at)
    return Measured(image=found.image[index : index + 1], terms=rows(terms), seconds=seconds, batch=n)


def timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the seconds until the device had done it."""
    kept: list[T] = []
    with current(device):
        lap = clock_for(device).lap(lambda: kept.append(work()), 1)
    return kept[0], lap.wall_seconds


def rows(terms: Terms) -> dict[str, tuple[float, ...]]:
    """By name, as they are stored."""
    return {name: tuple(value.tolist()) for name, value in terms._asdict().items()}


def mean_total(terms: Terms) -> float:
    """Of a batch, for a line of progress."""
    return float(terms.total.mean())
