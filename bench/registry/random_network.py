"""The paper's style network without training: what `style-paper` times."""

from __future__ import annotations

import torch
from torch import nn

from bench.registry.stylizers import SEED
from models.style_net import StyleNet

CALIBRATION_SIZE = 128


def random_paper_network() -> StyleNet:
    """The paper's network with seeded random weights, in eval mode.

    The statistics of its batch normalisation are those of one image of noise, so that activations have the size
    that they have in a trained network: rounding to half precision then costs what it costs there.
    """
    # the caller's random state stays; no device's generator is used, so that none is saved (which starts CUDA)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        network = StyleNet()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = None  # the running statistics become those of the one batch
        network.train()(torch.rand(1, 3, CALIBRATION_SIZE, CALIBRATION_SIZE))
    return network.eval()
