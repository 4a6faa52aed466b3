"""The second route: torch.optim.LBFGS with a fixed step over plain autograd, and a clamp after each step."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.optimise import BOX, Objective


class TorchsDescent:
    """Of one image, in levels; a call is an iteration."""

    def __init__(self, objective: Objective, start: Tensor) -> None:
        self.objective = objective
        self.levels = (BOX[1] * start).requires_grad_()
        self.solver = torch.optim.LBFGS([self.levels], max_iter=1, tolerance_grad=0, tolerance_change=-1)

    def __call__(self) -> Tensor:
        """An iteration; the objective before it."""
        before = self.solver.step(self.closure)
        with torch.no_grad():
            self.levels.clamp_(*BOX)
        return before

    @torch.enable_grad()
    def closure(self) -> Tensor:
        self.solver.zero_grad()
        total = self.objective(self.levels / BOX[1]).total.sum()
        total.backward()
        return total

    def total(self) -> float:
        return self.objective(self.levels.detach() / BOX[1]).total.item()


def torchs_total(objective: Objective, start: Tensor, iterations: int) -> float:
    """The objective after as many iterations."""
    descent = TorchsDescent(objective, start)
    for _ in range(iterations):
        descent()
    return descent.total()


def torchs_lowest(objective: Objective, start: Tensor, iterations: int) -> float:
    """The lowest objective on the way there."""
    descent = TorchsDescent(objective, start)
    return min(*(descent().item() for _ in range(iterations)), descent.total())
