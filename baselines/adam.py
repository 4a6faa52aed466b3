"""Adam for a batch of images, as a rule for :func:`baselines.descent.minimise`.

Diederik P. Kingma, Jimmy Ba: Adam: A Method for Stochastic Optimization, 2014, arXiv:1412.6980, algorithm 1.

Differs from torch.optim.Adam in that a descent can hold it in a CUDA graph, keep its failing images apart and project.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from baselines.descent import require_float64

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """The step from the gradient's running mean over the root of its running square; it is at most about
    `learning_rate` in each value, in the images' own unit.

    Raises:
        ValueError: a device without float64.
    """

    def __init__(self, start: Float[Tensor, "n ..."], *, learning_rate: float) -> None:
        require_float64(start.device)
        self.learning_rate = learning_rate
        self.mean = torch.zeros_like(start)
        self.square = torch.zeros_like(start)
        # A tensor, so that a replayed CUDA graph counts on; float64, as 1 - 0.999**t has few digits in float32.
        self.iteration = torch.zeros((), dtype=torch.float64, device=start.device)

    def step(
        self, gradient: Float[Tensor, "n ..."], taken: Bool[Tensor, " n"], share: Float[Tensor, " n"]
    ) -> Float[Tensor, "n ..."]:
        """What to add to the images, from the gradients at them; every step is taken, whole."""
        self.iteration += 1
        self.mean.lerp_(gradient, 1 - BETAS[0])
        self.square.lerp_(gradient.square(), 1 - BETAS[1])
        mean_bias, square_bias = (1 - beta**self.iteration for beta in BETAS)
        root = (self.square / square_bias.to(gradient.dtype)).sqrt() + EPSILON
        return -self.learning_rate * (self.mean / mean_bias.to(gradient.dtype)) / root

    def fill_history(self) -> None:
        """Every step is the same work already."""
