"""L-BFGS for a batch of images, each its own problem: own history, own step, own curvature check.

D. C. Liu, J. Nocedal: On the limited memory BFGS method for large scale optimization, 1989. The two-loop recursion in
the compact form of R. H. Byrd, J. Nocedal, R. B. Schnabel: Representations of quasi-Newton matrices and their use in
limited memory methods, 1994, theorem 2.2.

Differs from the papers:
- no line search: a fixed step, as is the practice in style transfer and the default of torch.optim.LBFGS;
- the two loops are two matrix products over the history and two triangular solves of the history's size;
- nothing waits for the device, so that a CUDA graph can hold an iteration.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from baselines.descent import spread

HISTORY_SIZE = 100
CURVATURE = 1e-10
"""A pair with s.y at or below this is left out, as torch.optim.LBFGS does."""


class LBFGS:
    """The step from the gradient: a rule for :func:`baselines.descent.minimise`.

    A pair is the step that was really taken, after rounding and projection, and the change of the gradient between
    its two ends. With a box both ends lie in it, so that the curvature is one that the objective has between two
    images that were visited; where it is not positive, the pair is left out.

    Args:
        start: images of the shape, dtype and device that the steps will have.
        learning_rate: the fixed step. The first is `min(1, 1 / |g|_1)` times it: there is no curvature yet.
        history_size: pairs that are kept; each takes twice the memory of an image.

    Raises:
        ValueError: a history size below 1, or images that are not floating-point.
    """

    def __init__(
        self, start: Float[Tensor, "n ..."], *, learning_rate: float = 1.0, history_size: int = HISTORY_SIZE
    ) -> None:
        if history_size < 1:
            raise ValueError(f"history_size is {history_size}, required at least 1")
        self.learning_rate = learning_rate
        self.history = History(history_size, start.flatten(1))
        self.images = start.detach().clone()
        self.gradient = torch.zeros_like(self.images)
        self.first = torch.ones((), dtype=torch.bool, device=start.device)

    def step(self, images: Float[Tensor, "n ..."], gradient: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """What to add to the images, from the gradients at them."""
        s, y, flat = (images - self.images).flatten(1), (gradient - self.gradient).flatten(1), gradient.flatten(1)
        accepted = self.history.push(s, y)
        with_y, with_g = self.history.products(torch.stack([y, flat], 1)).unbind(1)
        self.history.append(accepted, with_y)
        direction = self.history.combine(self.history.coefficients(with_g), flat)
        length = torch.where(self.first, (1 / flat.abs().sum(1)).clamp(max=1), 1.0)
        self.images.copy_(images)
        self.gradient.copy_(gradient)
        self.first.zero_()
        return (self.learning_rate * spread(length, direction) * direction).view_as(images)

    def settle(self) -> None:
        """From now on every step is the same work, over empty slots of the history as well."""
        self.history.settle()


class History:
    """The last `size` pairs of each problem: s, the step, and y, the gradient's change, both flat.

    The vectors lie in a ring and are never moved. The products between them are kept from the oldest pair to the
    newest; a pair that is not there yet is zero with 1 on the diagonal, which changes nothing.
    """

    def __init__(self, size: int, like: Float[Tensor, "n pixels"]) -> None:
        n, pixels = like.shape
        self.size = size
        self.used = 0
        self.pairs = like.new_zeros(n, size, 2, pixels)
        self.order = torch.arange(size, device=like.device).repeat(n, 1)
        self.upper = torch.eye(size, dtype=torch.float64, device=like.device).repeat(n, 1, 1)
        self.yy = torch.zeros_like(self.upper)
        self.gamma = torch.ones_like(self.upper[:, :1, :1])

    @property
    def vectors(self) -> Float[Tensor, "n _ pixels"]:
        """s and y by turns, of the slots that can hold a pair by now."""
        return self.pairs[:, : self.used].flatten(1, 2)

    def settle(self) -> None:
        self.used = self.size

    def push(self, s: Float[Tensor, "n pixels"], y: Float[Tensor, "n pixels"]) -> Bool[Tensor, " n"]:
        """Puts a pair in the oldest one's place where its curvature is positive; says where that was."""
        self.used = min(self.used + 1, self.size)
        sy, yy = (s * y).sum(1), (y * y).sum(1)
        accepted = sy > CURVATURE
        problems, slot = torch.arange(len(s), device=s.device), self.order[:, 0]
        old, new = self.pairs[problems, slot], torch.stack([s, y], 1)
        self.pairs[problems, slot] = torch.where(spread(accepted, new), new, old)
        self.order.copy_(torch.where(accepted[:, None], self.order.roll(-1, 1), self.order))
        gamma = (sy.double() / yy.double())[:, None, None]
        self.gamma.copy_(torch.where(spread(accepted, gamma), gamma, self.gamma))
        return accepted

    def products(self, vectors: Float[Tensor, "n k pixels"]) -> Float[Tensor, "n k 2 size"]:
        """Inner products with every s and every y, oldest pair first, in one pass over the history."""
        found = vectors.new_zeros(*vectors.shape[:2], self.size, 2)
        found[:, :, : self.used] = torch.bmm(vectors, self.vectors.mT).unflatten(2, (-1, 2))
        order = self.order[:, None, :, None].expand_as(found)
        return found.gather(2, order).mT.double()

    def append(self, accepted: Bool[Tensor, " n"], with_y: Float[Tensor, "n 2 size"]) -> None:
        """Takes the newest pair into the matrices, from its y's products with every s and y."""
        upper, yy = self.upper.roll((-1, -1), (1, 2)), self.yy.roll((-1, -1), (1, 2))
        upper[:, -1, :] = 0
        upper[:, :, -1] = with_y[:, 0]
        yy[:, -1, :] = yy[:, :, -1] = with_y[:, 1]
        self.upper.copy_(torch.where(spread(accepted, upper), upper, self.upper))
        self.yy.copy_(torch.where(spread(accepted, yy), yy, self.yy))

    def coefficients(self, with_g: Float[Tensor, "n 2 size"]) -> Float[Tensor, "n 2 size"]:
        """Of every s and y in the direction -H g, from their products with g (theorem 2.2)."""
        sg, yg = with_g[:, 0, :, None], with_g[:, 1, :, None]
        alpha = torch.linalg.solve_triangular(self.upper, sg, upper=True)
        inner = self.upper.diagonal(dim1=1, dim2=2)[..., None] * alpha - self.gamma * (yg - self.yy @ alpha)
        of_s = torch.linalg.solve_triangular(self.upper.mT, inner, upper=False)
        return torch.cat([-of_s, self.gamma * alpha], 2).mT

    def combine(
        self, coefficients: Float[Tensor, "n 2 size"], gradient: Float[Tensor, "n pixels"]
    ) -> Float[Tensor, "n pixels"]:
        """The direction: the coefficients' sum of s and y, minus gamma g."""
        ordered = coefficients.to(gradient.dtype)
        order = self.order[:, None].expand_as(ordered)
        slots = torch.zeros_like(ordered).scatter(2, order, ordered).mT[:, : self.used].flatten(1)
        scaled = -self.gamma[:, 0].to(gradient.dtype) * gradient
        return torch.baddbmm(scaled[:, None], slots[:, None], self.vectors)[:, 0]
