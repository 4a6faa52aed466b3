"""L-BFGS for a batch of images, each its own problem: own history, own step, own curvature check.

D. C. Liu, J. Nocedal: On the limited memory BFGS method for large scale optimization, 1989. The two-loop recursion in
the compact form of R. H. Byrd, J. Nocedal, R. B. Schnabel: Representations of quasi-Newton matrices and their use in
limited memory methods, 1994, theorem 2.2.

Differs from the papers:
- no line search: a fixed step, as is the practice in style transfer and the default of torch.optim.LBFGS.
  That fails now and then, mostly close to the minimum: of 6 images of 64x64 and 400 iterations, 4 had steps that made
  up to 200 times of the objective. Whoever takes such a step back (:class:`baselines.descent.Descent`) gets the
  direction of steepest descent instead, as long as the last good step, and the history begins anew;
- the two loops are two matrix products over the history and two triangular solves of the history's size;
- nothing waits for the device, so that a CUDA graph can hold an iteration.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from baselines.descent import per_image, require_float64

HISTORY_SIZE = 100
CURVATURE = 1e-10
"""A pair with s.y at or below this is skipped, as torch.optim.LBFGS does."""

NO_GRADIENT = 1e-30  # instead of 0 below a fraction bar


class LBFGS:
    """The step from the gradient: a rule for :func:`baselines.descent.minimise`.

    A pair is the step that was proposed and the change of the gradient that followed. Where a box cut the step, the
    pair still holds all of it, as in torch.optim.LBFGS with a clamp behind it: pairs of the cut steps were tried, and
    made the objective jump up (11 to 14 of 100 iterations by over 10 %, against none).

    Args:
        start: images of the shape, dtype and device that the gradients will have.
        learning_rate: the fixed step.
        first_step: mean absolute change of the values in the first step, where there is no curvature yet. None for
            the rule of torch.optim.LBFGS, `learning_rate * min(1, 1 / |g|_1)`: at most 1 in the sum of all changes.
        history_size: pairs that are kept; each takes twice the memory of an image.

    Raises:
        ValueError: a history size below 1; a device without float64.
    """

    def __init__(
        self,
        start: Float[Tensor, "n ..."],
        *,
        learning_rate: float = 1.0,
        first_step: float | None = None,
        history_size: int = HISTORY_SIZE,
    ) -> None:
        if history_size < 1:
            raise ValueError(f"history_size must be at least 1 (got {history_size})")
        require_float64(start.device)
        self.learning_rate = learning_rate
        self.first_step = first_step
        self.history = History(history_size, start.flatten(1))
        self.last_step = torch.zeros_like(start.flatten(1))
        self.last_gradient = torch.zeros_like(self.last_step)
        self.reach = torch.zeros_like(self.last_step[:, 0])
        # A tensor and no Python flag: a CUDA graph holds one way through the code.
        self.first = torch.ones((), dtype=torch.bool, device=start.device)

    def step(
        self, gradient: Float[Tensor, "n ..."], taken: Bool[Tensor, " n"], share: Float[Tensor, " n"]
    ) -> Float[Tensor, "n ..."]:
        """What to add to the images, from the gradients at them; :meth:`steepest` where the last was not taken."""
        flat = gradient.flatten(1)
        moved, change = share[:, None] * self.last_step, flat - self.last_gradient
        direction = self.history.direction(moved, change, flat, taken)
        length = torch.where(self.first, self.first_length(flat), self.learning_rate)
        step = length[:, None] * direction
        self.reach.copy_(torch.where(taken & ~self.first, moved.abs().mean(1), self.reach))
        # The first step has none before it and counts itself.
        self.reach.copy_(torch.where(self.first, step.abs().mean(1), self.reach))
        self.last_gradient.copy_(torch.where(taken[:, None], flat, self.last_gradient))
        self.history.forget(~taken)
        self.last_step.copy_(torch.where(taken[:, None], step, self.steepest()))
        self.first.zero_()
        return self.last_step.view_as(gradient)

    def steepest(self) -> Float[Tensor, "n pixels"]:
        """Down the gradient where it was last of use, as far as the step that led there."""
        flat = self.last_gradient
        return -(self.reach / flat.abs().mean(1).clamp(min=NO_GRADIENT))[:, None] * flat

    def first_length(self, gradient: Float[Tensor, "n pixels"]) -> Float[Tensor, " n"]:
        if self.first_step is None:
            return self.learning_rate * (1 / gradient.abs().sum(1)).clamp(max=1)
        return self.first_step / gradient.abs().mean(1).clamp(min=NO_GRADIENT)

    def fill_history(self) -> None:
        """From now on every step is the same work, over empty slots of the history as well."""
        self.history.used = self.history.size


class History:
    """The last `size` pairs of each problem: s, a step, and y, the gradient's change over it.

    The vectors lie in a ring and are never moved. The products between them are kept from the oldest pair to the
    newest, in float64; a pair that is not there, not yet or no longer, is zero with 1 on the diagonal, which changes
    nothing.
    """

    def __init__(self, size: int, like: Float[Tensor, "n pixels"]) -> None:
        n, pixels = like.shape
        self.size = size
        # A Python number: until `fill_history`, products are over the slots that can hold a pair, and no more.
        self.used = 0
        # Slot by slot s, then y; `order` has the slots from the oldest pair to the newest.
        self.pairs = like.new_zeros(n, size, 2, pixels)
        self.valid = torch.zeros(n, size, dtype=torch.bool, device=like.device)
        self.order = torch.arange(size, device=like.device).repeat(n, 1)
        self.upper = torch.eye(size, dtype=torch.float64, device=like.device).repeat(n, 1, 1)
        self.yy = torch.zeros_like(self.upper)
        self.gamma = torch.ones_like(self.upper[:, :1, :1])

    @property
    def vectors(self) -> Float[Tensor, "n _ pixels"]:
        """s and y by turns, of the slots that can hold a pair by now."""
        return self.pairs[:, : self.used].flatten(1, 2)

    def direction(
        self,
        s: Float[Tensor, "n pixels"],
        y: Float[Tensor, "n pixels"],
        gradient: Float[Tensor, "n pixels"],
        taken: Bool[Tensor, " n"],
    ) -> Float[Tensor, "n pixels"]:
        """-H g after the pair (s, y) was taken in, where the step was, and the curvature is positive."""
        sy = (s.double() * y).sum(1)
        accepted = (sy > CURVATURE) & taken
        self.push(s, y, accepted)
        with_y, with_g = self.products(torch.stack([y, gradient], 1)).unbind(1)
        # In float64 from the start; `products` adds in the images' dtype. R's diagonal and gamma are made of it.
        with_y[:, 0, -1] = sy
        self.append(with_y, accepted)
        return self.combine(self.coefficients(with_g), gradient)

    def push(
        self, s: Float[Tensor, "n pixels"], y: Float[Tensor, "n pixels"], accepted: Bool[Tensor, " n"]
    ) -> None:
        """Puts the pair in the oldest one's place."""
        self.used = min(self.used + 1, self.size)
        problems, slot = torch.arange(len(s), device=s.device), self.order[:, 0]
        # Every image writes, so that nothing depends on values; without a new pair it writes what was there.
        old, new = self.pairs[problems, slot], torch.stack([s, y], 1)
        self.pairs[problems, slot] = torch.where(per_image(accepted, new), new, old)
        self.order.copy_(torch.where(accepted[:, None], self.order.roll(-1, 1), self.order))
        valid = self.valid.roll(-1, 1)
        valid[:, -1] = True
        self.valid.copy_(torch.where(accepted[:, None], valid, self.valid))

    def forget(self, chosen: Bool[Tensor, " n"]) -> None:
        """Every pair of the images that are chosen."""
        self.valid.masked_fill_(per_image(chosen, self.valid), False)
        eye = torch.eye(self.size, dtype=self.upper.dtype, device=self.upper.device)
        self.upper.copy_(torch.where(per_image(chosen, self.upper), eye, self.upper))
        self.yy.masked_fill_(per_image(chosen, self.yy), 0)
        self.gamma.masked_fill_(per_image(chosen, self.gamma), 1)

    def products(self, vectors: Float[Tensor, "n k pixels"]) -> Float64[Tensor, "n k 2 size"]:
        """Inner products with every s and every y, oldest pair first, in one pass over the history."""
        found = vectors.new_zeros(*vectors.shape[:2], self.size, 2)
        found[:, :, : self.used] = torch.bmm(vectors, self.vectors.mT).view(*found.shape[:2], -1, 2)
        # From slots to oldest first; a slot without a pair gives 0.
        order = self.order[:, None, :, None].expand_as(found)
        return found.gather(2, order).mT.double() * self.valid[:, None, None]

    def append(self, with_y: Float64[Tensor, "n 2 size"], accepted: Bool[Tensor, " n"]) -> None:
        """Takes the newest pair into the matrices, from the products of its y with every s and y."""
        # The oldest pair's row and column come to the end, where the newest one's replace them.
        upper, yy = self.upper.roll((-1, -1), (1, 2)), self.yy.roll((-1, -1), (1, 2))
        # R has s_i . y_j where i is not newer than j.
        upper[:, -1, :] = 0
        upper[:, :, -1] = with_y[:, 0]
        yy[:, -1, :] = yy[:, :, -1] = with_y[:, 1]
        gamma = upper[:, -1:, -1:] / yy[:, -1:, -1:]
        for kept, new in ((self.upper, upper), (self.yy, yy), (self.gamma, gamma)):
            kept.copy_(torch.where(per_image(accepted, new), new, kept))

    def coefficients(self, with_g: Float64[Tensor, "n 2 size"]) -> Float64[Tensor, "n 2 size"]:
        """Of every s and y in -H g, from their products with g (theorem 2.2)."""
        sg, yg = with_g[:, 0, :, None], with_g[:, 1, :, None]
        alpha = torch.linalg.solve_triangular(self.upper, sg, upper=True)
        inner = self.upper.diagonal(dim1=1, dim2=2)[..., None] * alpha - self.gamma * (yg - self.yy @ alpha)
        of_s = torch.linalg.solve_triangular(self.upper.mT, inner, upper=False)
        return torch.cat([-of_s, self.gamma * alpha], 2).mT

    def combine(
        self, coefficients: Float64[Tensor, "n 2 size"], gradient: Float[Tensor, "n pixels"]
    ) -> Float[Tensor, "n pixels"]:
        """The coefficients' sum of s and y, minus gamma g."""
        ordered = coefficients.to(gradient.dtype)
        order = self.order[:, None].expand_as(ordered)
        # From oldest first back to slots.
        slots = torch.zeros_like(ordered).scatter(2, order, ordered).mT[:, : self.used].flatten(1)
        scaled = -self.gamma[:, 0].to(gradient.dtype) * gradient
        return torch.baddbmm(scaled[:, None], slots[:, None], self.vectors)[:, 0]
