"""L-BFGS for a batch of images, each its own problem: own history, own step, own curvature check.

D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; the two-loop
recursion in the compact form of R. H. Byrd, J. Nocedal and R. B. Schnabel, "Representations of quasi-Newton
matrices and their use in limited memory methods", 1994, theorem 2.2.

Differs from the paper (and from torch.optim.LBFGS, whose defaults it keeps: fixed step 1, history 100):
- the two loops are two matrix products over the history and two triangular solves of history size;
- nothing in an iteration waits for the device, so that a CUDA graph can hold it;
- it stops for a number of iterations or a non-finite value, not for a small gradient, step or change;
- a pair is the step that was really taken, after rounding and projection, not the step that was computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

ValueAndGrad = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Images (n, ...) to the value of each (n,) and the gradients (n, ...) of each value by its own image."""

CURVATURE = 1e-10
"""A pair with s.y at or below this is left out (as torch.optim.LBFGS does)."""

GRAPH_WARM_UP = 3


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """Where the iterations ended.

    Attributes:
        images: after the last iteration, or the last of finite value where a problem failed.
        values: of each problem at the images that each iteration started from.
        iterations: that were done.
        failed_at: for each problem the iteration, counted from 1, that met a non-finite number; 0 for none.
    """

    images: Float[Tensor, "n ..."]
    values: Float[Tensor, "iterations n"]
    iterations: int
    failed_at: Int[Tensor, " n"]


class History:
    """The last `size` pairs of each problem: s, the step, and y, the gradient's change, both flat.

    The vectors lie in a ring that is never moved. The products between them are kept from the oldest pair to the
    newest; a pair that is not there yet is zero with 1 on the diagonal, which changes nothing.
    """

    def __init__(self, size: int, like: Float[Tensor, "n pixels"]) -> None:
        n, pixels = like.shape
        exact = {"dtype": torch.float64, "device": like.device}
        self.pairs = like.new_zeros(n, size, 2, pixels)
        self.order = torch.arange(size, device=like.device).repeat(n, 1)
        self.upper = torch.eye(size, **exact).repeat(n, 1, 1)
        self.yy = torch.zeros(n, size, size, **exact)
        self.gamma = torch.ones(n, 1, **exact)
        self.used = 0

    @property
    def vectors(self) -> Float[Tensor, "n pairs2 pixels"]:
        """Slots that can hold a pair by now, s and y by turns."""
        return self.pairs[:, : self.used].flatten(1, 2)

    def push(self, s: Float[Tensor, "n pixels"], y: Float[Tensor, "n pixels"]) -> Bool[Tensor, " n"]:
        """Puts a pair in the oldest one's place where its curvature is positive; says where that was."""
        sy, yy = (s * y).sum(1), (y * y).sum(1)
        accepted = sy > CURVATURE
        problems, slot = torch.arange(len(s), device=s.device), self.order[:, 0]
        kept = self.pairs[problems, slot]
        self.pairs[problems, slot] = torch.where(accepted[:, None, None], torch.stack([s, y], 1), kept)
        self.order.copy_(torch.where(accepted[:, None], self.order.roll(-1, 1), self.order))
        self.gamma.copy_(torch.where(accepted, sy.double() / yy.double(), self.gamma[:, 0])[:, None])
        return accepted

    def products(self, vectors: Float[Tensor, "n k pixels"]) -> Float[Tensor, "n k two size"]:
        """Inner products with every s and every y, oldest pair first, in one pass over the history."""
        n, k, _ = vectors.shape
        size = self.order.shape[1]
        found = vectors.new_zeros(n, k, size, 2)
        found[:, :, : self.used] = torch.bmm(vectors, self.vectors.mT).unflatten(2, (-1, 2))
        order = self.order[:, None, :, None].expand_as(found)
        return found.gather(2, order).mT.double()

    def append(self, accepted: Bool[Tensor, " n"], y: Float[Tensor, "n two size"]) -> None:
        """Takes the newest pair's products with y into the matrices, where it was accepted."""
        chosen = accepted[:, None, None]
        upper, yy = self.upper.roll((-1, -1), (1, 2)), self.yy.roll((-1, -1), (1, 2))
        upper[:, -1, :] = 0
        upper[:, :, -1] = y[:, 0]
        yy[:, -1, :] = yy[:, :, -1] = y[:, 1]
        self.upper.copy_(torch.where(chosen, upper, self.upper))
        self.yy.copy_(torch.where(chosen, yy, self.yy))

    def coefficients(self, gradient: Float[Tensor, "n two size"]) -> Float[Tensor, "n two size"]:
        """Of every s and y in the direction -H g, from their products with g (theorem 2.2)."""
        sg, yg = gradient[:, 0, :, None], gradient[:, 1, :, None]
        alpha = torch.linalg.solve_triangular(self.upper, sg, upper=True)
        diagonal = self.upper.diagonal(dim1=1, dim2=2)[..., None]
        inner = diagonal * alpha - self.gamma[..., None] * (yg - self.yy @ alpha)
        of_s = torch.linalg.solve_triangular(self.upper.mT, inner, upper=False)
        return torch.cat([-of_s, self.gamma[..., None] * alpha], 2).mT

    def combine(
        self, coefficients: Float[Tensor, "n two size"], gradient: Float[Tensor, "n pixels"]
    ) -> Float[Tensor, "n pixels"]:
        """The direction: the coefficients' sum of s and y, minus gamma g."""
        ordered = coefficients.to(gradient.dtype)
        order = self.order[:, None].expand_as(ordered)
        slots = torch.zeros_like(ordered).scatter(2, order, ordered).mT[:, : self.used].flatten(1)
        scaled = -self.gamma.to(gradient.dtype) * gradient
        return torch.baddbmm(scaled[:, None], slots[:, None], self.vectors)[:, 0]


class LBFGS:
    """The iteration and its state, which lives in buffers that keep their place.

    With a `box`, every iteration ends with a projection (each value is clipped to [low, high]), as the paper does.
    A pair then holds the clipped step and the gradients at its two ends, both inside the box: the curvature that
    the objective really has between two images that were visited. Where it is not positive the pair is left out.

    Args:
        value_and_grad: see :data:`ValueAndGrad`; called once an iteration with the same tensor.
        start: the images that are begun from, float; not changed.
        learning_rate: the fixed step. The first is `min(1, 1 / |g|_1)` times it, as there is no curvature yet.
        history_size: pairs that are kept, each twice an image in memory.

    Raises:
        ValueError: a history size below 1, an empty box, or a start outside it.
    """

    def __init__(
        self,
        value_and_grad: ValueAndGrad,
        start: Float[Tensor, "n ..."],
        *,
        learning_rate: float = 1.0,
        history_size: int = 100,
        box: tuple[float, float] | None = None,
    ) -> None:
        _check(start, history_size, box)
        self.value_and_grad = value_and_grad
        self.learning_rate = learning_rate
        self.box = box
        self.images = start.detach().clone(memory_format=torch.contiguous_format)
        self.previous = self.images.clone()
        self.gradient = torch.zeros_like(self.images)
        self.history = History(history_size, self.images.flatten(1))
        self.alive = torch.ones(len(start), dtype=torch.bool, device=start.device)
        self.failed_at = torch.zeros(len(start), dtype=torch.int64, device=start.device)
        self.iteration = torch.zeros((), dtype=torch.int64, device=start.device)

    @torch.no_grad()
    def step(self) -> Float[Tensor, " n"]:
        """One iteration; returns the values at the images that it started from."""
        size = self.history.order.shape[1]
        self.history.used = min(self.history.used + 1, size)
        return self.iterate()

    def iterate(self) -> Float[Tensor, " n"]:
        """As `step`, over the part of the history that is in use as it stands."""
        self.iteration += 1
        value, gradient = self.value_and_grad(self.images)
        gradient = gradient.reshape_as(self.images)
        self._go_on_where(value.isfinite() & _all_finite(gradient))
        self.images.copy_(_where(self.alive, self.images, self.previous))
        gradient = _where(self.alive, gradient, self.gradient)
        self._move(self._direction(gradient), gradient)
        return value.detach()

    def _direction(self, gradient: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        s, y = (self.images - self.previous).flatten(1), (gradient - self.gradient).flatten(1)
        accepted = self.history.push(s, y)
        flat = gradient.flatten(1)
        with_y, with_g = self.history.products(torch.stack([y, flat], 1)).unbind(1)
        self.history.append(accepted, with_y)
        return self.history.combine(self.history.coefficients(with_g), flat).view_as(gradient)

    def _move(self, direction: Float[Tensor, "n ..."], gradient: Float[Tensor, "n ..."]) -> None:
        first = (1 / gradient.abs().flatten(1).sum(1)).clamp(max=1)
        length = self.learning_rate * torch.where(self.iteration == 1, first, torch.ones_like(first))
        proposed = self.images + direction * _spread(length, direction)
        if self.box is not None:
            proposed = proposed.clamp(*self.box)
        self._go_on_where(_all_finite(proposed))
        self.previous.copy_(self.images)
        self.gradient.copy_(gradient)
        self.images.copy_(_where(self.alive, proposed, self.images))

    def _go_on_where(self, finite: Bool[Tensor, " n"]) -> None:
        failing = self.alive & ~finite
        self.failed_at.copy_(torch.where(failing, self.iteration, self.failed_at))
        self.alive &= finite


def minimise(
    value_and_grad: ValueAndGrad,
    start: Float[Tensor, "n ..."],
    *,
    iterations: int,
    learning_rate: float = 1.0,
    history_size: int = 100,
    box: tuple[float, float] | None = None,
    check_every: int = 50,
    graph: bool = False,
    after: Callable[[int], None] | None = None,
) -> Minimum:
    """Runs :class:`LBFGS`, and stops early where every problem of the batch has met a non-finite number.

    Args:
        check_every: iterations between two looks at whether any problem is still going, the only wait in the loop.
        graph: replay the iterations as a CUDA graph; `value_and_grad` must then be free of host decisions.
        after: called with the number of iterations done after each.
    """
    solver = LBFGS(
        value_and_grad, start, learning_rate=learning_rate, history_size=history_size, box=box
    )
    step = Captured(solver) if graph else solver.step
    values = torch.empty(iterations, len(start), dtype=start.dtype, device=start.device)
    done = 0
    while done < iterations:
        values[done].copy_(step())
        done += 1
        if after is not None:
            after(done)
        if done % check_every == 0 and not solver.alive.any():
            break
    return Minimum(
        images=solver.images, values=values[:done], iterations=done, failed_at=solver.failed_at
    )


class Captured:
    """The solver's step as a CUDA graph: a few iterations as they are, which warm up, then one is held and replayed.

    Raises:
        ValueError: images that are not on a CUDA device.
    """

    def __init__(self, solver: LBFGS) -> None:
        if solver.images.device.type != "cuda":
            raise ValueError(f"images are on {solver.images.device}, required a CUDA device for a graph")
        self.solver = solver
        self.warm_up = GRAPH_WARM_UP
        self.stream = torch.cuda.Stream(solver.images.device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.value = torch.empty(0)

    @torch.no_grad()
    def __call__(self) -> Float[Tensor, " n"]:
        """One iteration; the tensor returned is overwritten by the next."""
        self.solver.history.used = self.solver.history.order.shape[1]
        if self.warm_up:
            self.warm_up -= 1
            return self._aside()
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.value = self.solver.iterate()
        self.graph.replay()
        return self.value

    def _aside(self) -> Float[Tensor, " n"]:
        current = torch.cuda.current_stream(self.solver.images.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            value = self.solver.iterate()
        current.wait_stream(self.stream)
        return value


def _check(start: Tensor, history_size: int, box: tuple[float, float] | None) -> None:
    if history_size < 1:
        raise ValueError(f"history_size is {history_size}, required at least 1")
    if not start.is_floating_point():
        raise ValueError(f"start is {start.dtype}, required a floating-point tensor")
    if box is None:
        return
    low, high = box
    if not low < high:
        raise ValueError(f"box is [{low}, {high}], required low below high")
    if not (start.min() >= low and start.max() <= high):
        raise ValueError(f"start is in [{start.min():g}, {start.max():g}], required [{low:g}, {high:g}]")


def _all_finite(images: Float[Tensor, "n ..."]) -> Bool[Tensor, " n"]:
    return images.isfinite().flatten(1).all(1)


def _spread(values: Shaped[Tensor, " n"], images: Float[Tensor, "n ..."]) -> Shaped[Tensor, "n ..."]:
    return values.view(-1, *[1] * (images.dim() - 1))


def _where(
    chosen: Bool[Tensor, " n"], images: Float[Tensor, "n ..."], otherwise: Float[Tensor, "n ..."]
) -> Float[Tensor, "n ..."]:
    return torch.where(_spread(chosen, images), images, otherwise)
