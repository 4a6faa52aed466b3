"""Adam against torch's."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.adam import Adam


def gradient(x: Tensor) -> Tensor:
    return 4 * x**3 + torch.cos(3 * x)


def test_the_iterates_are_those_of_torch() -> None:
    start = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    theirs, ours = start.clone().requires_grad_(), start.clone()
    optimiser, rule = torch.optim.Adam([theirs], lr=0.1), Adam(start, learning_rate=0.1)
    for _ in range(20):
        theirs.grad = gradient(theirs.detach())
        optimiser.step()
        ours = ours + rule.step(gradient(ours), torch.tensor([True, True]), torch.ones(2))
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-10, atol=1e-10)
