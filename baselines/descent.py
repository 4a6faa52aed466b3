"""The loop around a step rule: it evaluates, steps, projects, and keeps a batch apart where one image fails."""

from __future__ import annotations

import typing as tp
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

ValueAndGrad = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Images (n, ...) to the value of each (n,) and the gradient of each by itself (n, ...)."""

WARM_UP = 3


@tp.runtime_checkable
class Rule(tp.Protocol):
    """How far to go: a step rule with its own memory. It makes no decision on the host that depends on values."""

    def step(self, gradient: Tensor, taken: Tensor, share: Tensor) -> Tensor:
        """What to add to the images, from the gradients at them. It is not told of the projection.

        Args:
            taken: for each image, whether it stays where the last step brought it. Where it does not, it goes on from
                where that step began, and this gradient is of no use.
            share: of the last step that brought it there.
        """

    def fill_history(self) -> None:
        """From now on every step is the same work, so that it can be captured once and replayed."""


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """Where the iterations ended.

    Attributes:
        images: after the last iteration; where a problem failed, its last image with a finite value.
        iterations: that were done.
        failed_at: for each problem the iteration, counted from 1, that met a non-finite number; 0 for none.
    """

    images: Float[Tensor, "n ..."]
    iterations: int
    failed_at: Int[Tensor, " n"]


class Descent:
    """The iteration and its state, in tensors that keep their place. Nothing in it waits for the device.

    Args:
        value_and_grad: called once an iteration, always with the same tensor.
        start: floating-point; not changed.
        rule: new, for this descent alone.
        box: each iteration ends by clipping every value to [low, high].
        largest_rise: a step to more than this many times the value before it, which must be positive, is taken back,
            and half of what the rule then says is tried; half of that if it is no better. Each try is an iteration.
            None to take every step as it is.

    Attributes:
        images: where the next iteration evaluates; of images that failed, the last good ones.
        previous: where the last iteration evaluated, likewise.
        alive: `n`, whether an image has met finite numbers alone.

    Raises:
        ValueError: images that are not floating-point, an empty box, or a start outside it.
    """

    def __init__(
        self,
        value_and_grad: ValueAndGrad,
        start: Float[Tensor, "n ..."],
        rule: Rule,
        box: tuple[float, float] | None = None,
        *,
        largest_rise: float | None = None,
    ) -> None:
        if box is not None:
            check_box(start, *box)
        self.value_and_grad = value_and_grad
        self.rule = rule
        self.box = box
        self.largest_rise = largest_rise
        # From here on these tensors are only written in place: a CUDA graph reads and writes these addresses.
        self.images = start.detach().clone(memory_format=torch.contiguous_format)
        self.previous = self.images.clone()
        self.base = self.images.clone()
        # Infinite: the first value is no rise, whatever it is.
        self.base_value = torch.full((len(start),), torch.inf, dtype=start.dtype, device=start.device)
        self.share = torch.ones_like(self.base_value)
        self.alive = torch.ones(len(start), dtype=torch.bool, device=start.device)
        self.failed_at = torch.zeros(len(start), dtype=torch.int64, device=start.device)
        self.iteration = torch.zeros((), dtype=torch.int64, device=start.device)

    @torch.no_grad()
    def iterate(self) -> None:
        """Evaluate, step, project. An image that meets a non-finite number stays at the last good one."""
        self.iteration += 1
        value, gradient = self.value_and_grad(self.images)
        self.go_on_where(value.isfinite() & all_finite(gradient))
        # A value that is not finite is that of the last step: back to the image before it.
        self.images.copy_(choose(self.alive, self.images, self.previous))
        # Zeros for images that have failed: a NaN would stay in the rule's memory.
        gradient = choose(self.alive, gradient, torch.zeros_like(gradient))
        proposed = self.stepped(value, gradient)
        if self.box is not None:
            proposed = proposed.clamp(*self.box)
        self.go_on_where(all_finite(proposed))
        # Value and gradient were taken here; bench.inverting.methods looks it up after the iteration.
        self.previous.copy_(self.images)
        self.images.copy_(choose(self.alive, proposed, self.images))

    def stepped(self, value: Float[Tensor, " n"], gradient: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """The whole step from here, or a smaller one from where the step that led here began."""
        taken = self.good(value)
        step = self.rule.step(gradient, taken, self.share)
        # 1 for a new whole step; after a step that was taken back, half of the share that failed.
        self.share.copy_(torch.where(taken, 1, self.share / 2))
        self.base.copy_(choose(taken, self.images, self.base))
        self.base_value.copy_(torch.where(taken, value, self.base_value))
        return self.base + per_image(self.share, step) * step

    def good(self, value: Float[Tensor, " n"]) -> Bool[Tensor, " n"]:
        """Whether the step that led to this value is taken."""
        if self.largest_rise is None:
            return torch.ones_like(value, dtype=torch.bool)
        # Negated: a NaN is no rise here, `iterate` has already dealt with it.
        return ~(value > self.largest_rise * self.base_value)

    def go_on_where(self, finite: Bool[Tensor, " n"]) -> None:
        """An image that fails stays failed, with the number of its first bad iteration."""
        failing = self.alive & ~finite
        self.failed_at.copy_(torch.where(failing, self.iteration, self.failed_at))
        self.alive.logical_and_(finite)


class Replayed:
    """A descent's iteration as a CUDA graph: the first few run as they are, to warm up, one is captured, all others
    replay it.

    Raises:
        ValueError: images that are not on a CUDA device.
    """

    def __init__(self, descent: Descent) -> None:
        device = descent.images.device
        if device.type != "cuda":
            raise ValueError(f"images are on {device.type}, must be cuda for a CUDA graph")
        descent.rule.fill_history()
        self.descent = descent
        self.warm_up = WARM_UP
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.graph: torch.cuda.CUDAGraph | None = None

    def iterate(self) -> None:
        if self.warm_up:
            self.warm_up -= 1
            self.iterate_aside()
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            # Capturing computes nothing: the replay below is this iteration's.
            with torch.cuda.graph(self.graph):
                self.descent.iterate()
        self.graph.replay()

    def iterate_aside(self) -> None:
        """On a stream of its own, as torch asks of what is run before a capture."""
        current = torch.cuda.current_stream(self.descent.images.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            self.descent.iterate()
        current.wait_stream(self.stream)


def minimise(
    descent: Descent,
    *,
    iterations: int,
    check_every: int = 25,
    graph: bool = False,
    after: Callable[[int], None] | None = None,
) -> Minimum:
    """Iterates; stops early only when every image of the batch has met a non-finite number.

    Args:
        check_every: iterations between two looks at whether any image is still going, the loop's only wait.
        graph: replay the iteration as a CUDA graph; value and gradient then may not wait for the device either.
        after: called after each iteration with the number of iterations done.

    Raises:
        ValueError: fewer than 0 iterations; a graph without a CUDA device.
    """
    if iterations < 0:
        raise ValueError(f"iterations must be at least 0 (got {iterations})")
    runner = Replayed(descent) if graph else descent
    done = 0
    while done < iterations:
        runner.iterate()
        done += 1
        if after is not None:
            after(done)
        if done % check_every == 0 and not descent.alive.any():
            break
    return Minimum(images=descent.images, iterations=done, failed_at=descent.failed_at)


def require_float64(device: torch.device) -> None:
    """Refuse a device that cannot compute the step rules' own numbers, a few for each image.

    Raises:
        ValueError: it has no float64, as Apple's GPUs.
    """
    if device.type == "mps":
        raise ValueError("the optimisation needs float64, which mps does not have; use another device: cpu")


def check_box(start: Tensor, low: float, high: float) -> None:
    """Raises ValueError for an empty box or a start outside it."""
    if not low < high:
        raise ValueError(f"box is [{low:g}, {high:g}], must be low below high")
    if not (start.min() >= low and start.max() <= high):
        raise ValueError(f"start is in [{start.min():g}, {start.max():g}], must be [{low:g}, {high:g}]")


def all_finite(images: Float[Tensor, "n ..."]) -> Bool[Tensor, " n"]:
    """Whether every value of an image is finite."""
    return images.isfinite().flatten(1).all(1)


def per_image(values: Shaped[Tensor, " n *_"], images: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "n ..."]:
    """One value for each image, in a shape that broadcasts against the images."""
    return values.view(-1, *[1] * (images.dim() - 1))


def choose(
    chosen: Bool[Tensor, " n"], images: Float[Tensor, "n ..."], otherwise: Float[Tensor, "n ..."]
) -> Float[Tensor, "n ..."]:
    """Each image where it is chosen, else the other."""
    return torch.where(per_image(chosen, images), images, otherwise)
