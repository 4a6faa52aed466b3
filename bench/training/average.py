"""The average of a network's weights over the last steps, which scores better than the last weights do."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def average_of(network: nn.Module) -> nn.Module:
    """A copy to be averaged into, for inference."""
    return copy.deepcopy(network).requires_grad_(False).eval()


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, *, decay: float, step: int) -> None:
    """Move `average` to `decay` of itself plus the rest of `network`, batch statistics as well as weights.

    In the first steps the decay is smaller, (1 + step) / (10 + step), or the random start would stay in it.
    """
    # The tensors themselves, not copies: what is written into them is in the modules.
    ours, theirs = average.state_dict(), network.state_dict()
    real = [name for name, tensor in theirs.items() if tensor.is_floating_point()]
    blend = get_ema_multi_avg_fn(min(decay, (1 + step) / (10 + step)))  # type: ignore[no-untyped-call]
    # 0: how many were averaged, which an exponential average does not use.
    blend([ours[name] for name in real], [theirs[name] for name in real], 0)
    # Counters, such as batch normalisation's number of batches, have no average.
    for name in theirs.keys() - set(real):
        ours[name].copy_(theirs[name])
