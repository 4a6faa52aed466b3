"""How many contents are optimised together."""

from __future__ import annotations

import torch

from baselines.lbfgs import HISTORY_SIZE
from models.vgg import LossNetwork

FLOAT_BYTES = 4
IMAGES = 2 * HISTORY_SIZE + 16
"""Images' worth of memory: the history, and what the loop and the step work with."""
FEATURES = 4
"""Copies of each layer: itself, its gradient, a target and what a convolution works with."""
SHARE = 0.8
"""Of the free memory that is used."""


def batch_size(network: LossNetwork, size: int, device: torch.device, most: int) -> int:
    """On a CUDA device as many as fit into its free memory, at most `most`; elsewhere one."""
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(most, int(SHARE * free / bytes_of_one(network, size))))


def bytes_of_one(network: LossNetwork, size: int) -> int:
    """Memory that one content takes, roughly and rather too much."""
    values = 0
    side, channels = size, 3
    for layer in network.path:
        if layer.startswith("conv"):
            channels = int(network.convolutions[layer].out_channels)  # type: ignore[arg-type]
            # Its ReLU works in place and adds none.
            values += channels * side**2
        elif layer.startswith("pool"):
            side //= 2
    return FLOAT_BYTES * (3 * size**2 * IMAGES + FEATURES * values)
