"""How much total variation weighs in an image made from one layer, where nobody says."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from bench.data.styles import DEFAULTS
from bench.inverting.config import Config
from models.losses import gram, total_variation
from models.vgg import LossNetwork

# White noise's variation weighs this part of the mean square of its features, or of its Gram matrix: layers and loss
# networks differ in scale by orders of magnitude, so that one weight for all blurs the first layer and does nothing at
# the last. Chosen by looking: hoovertowernight at 96x96 from relu3_1 of the prefix, 200 iterations, comes within 16.8 dB
# without it (specks of colour), 28.4 with 0.1, 26.1 with 0.3, 21.0 with 1.
# The deeper the layer, the more of an image it leaves free, and the more variation is needed to see what it keeps: on
# VGG-16 (chicago and a photograph of coco50, 128x128, 100 iterations) 1 suits relu3_3, 10 relu4_3, 30 relu5_1 and 100
# relu5_3; with a tenth of these relu4_3 is noise.
CONTENT_SHARE = 0.1
SHALLOW = 4  # convolutions up to which CONTENT_SHARE holds: relu2_2
DEEPER = 3  # convolutions that need ten times as much
STYLE_SHARE = 0.001
SEED = 0


def weighed(config: Config, network: LossNetwork) -> Config:
    """With the weights of the variation: the one that was asked for, or one for each layer.

    Args:
        network: with every layer that is looked at.
    """
    if config.tv_weight is not None:
        return replace(
            config,
            content_tv=dict.fromkeys(config.layers, config.tv_weight),
            style_tv=dict.fromkeys(config.style_layers, config.tv_weight),
        )
    features, grams, variation = of_noise(network, config.size)
    style_share = STYLE_SHARE * DEFAULTS[config.loss_network].style_weight
    return replace(
        config,
        content_tv={k: to_one_digit(content_share(network, k) * v / variation) for k, v in features.items()},
        style_tv={k: to_one_digit(style_share * v / variation) for k, v in grams.items()},
    )


def content_share(network: LossNetwork, layer: str) -> float:
    """Of the mean square of noise's features in a layer, what its variation weighs."""
    before = network.path[: network.path.index(layer) + 1]
    convolutions = sum(name.startswith("conv") for name in before)
    return CONTENT_SHARE * 10 ** (max(0, convolutions - SHALLOW) / DEEPER)


def of_noise(network: LossNetwork, size: int) -> tuple[dict[str, float], dict[str, float], float]:
    """Of white noise: by layer the mean square of its features and of its Gram matrix, and its total variation."""

    def mean_square(x: Float[Tensor, ...]) -> float:
        return x.square().mean().item()

    noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(SEED)).to(network.mean)
    with torch.no_grad():
        features = network(noise)
        grams = {layer: mean_square(gram(shown)) for layer, shown in features.items()}
        squares = {layer: mean_square(shown) for layer, shown in features.items()}
        return squares, grams, total_variation(255 * noise).item()


def to_one_digit(weight: float) -> float:
    """So that machines that round otherwise find the same."""
    return float(f"{weight:.0e}")
