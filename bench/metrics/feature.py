"""The paper's feature reconstruction distance, as a metric.

Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer and Super-Resolution, 2016,
arXiv:1603.08155, equation 2, at relu2_2, which the paper trains its super-resolution networks on.
"""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from bench.metrics.full_precision import full_precision
from bench.metrics.pair import require_pair
from models.losses import feature_loss
from models.vgg import loss_network

LAYER = "relu2_2"


class FeatureDistance:
    """Squared Euclidean distance of features over C*H*W, for RGB images in [0, 1]; 0 if identical.

    Values are on the loss network's own scale: those of two networks cannot be compared. Computed in float32.
    """

    def __init__(self, network: str, weights: Path, device: torch.device) -> None:
        """`network` is a name of :data:`models.vgg_weights.NETWORKS`, `weights` its file."""
        # its normalisation is inside, so that [0, 1] goes in under either network
        self.network = loss_network(network, (LAYER,), weights).to(device)
        self.device = device

    @torch.no_grad()
    @full_precision()
    def reference(self, hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Features; ValueError if the image is below 2x2 pixels."""
        return self.network(hr.to(self.device, torch.float32))[LAYER]

    @torch.no_grad()
    @full_precision()
    def against(
        self, sr: Float[Tensor, "n 3 h w"], reference: Float[Tensor, "m c h2 w2"]
    ) -> Float[Tensor, " n"]:
        """Distance to the image whose :meth:`reference` is given; ValueError if that has another size."""
        features = self.reference(sr)
        require_pair(features, reference, f"{LAYER} (features)")
        return feature_loss(features, reference)

    def __call__(self, sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        require_pair(sr, hr, LAYER)
        return self.against(sr, self.reference(hr))


def vgg16_relu2_2(weights: Path, device: torch.device) -> FeatureDistance:
    """On VGG-16 with torchvision's weights and normalisation."""
    return FeatureDistance("vgg16", weights, device)


def vgg19_relu2_2(weights: Path, device: torch.device) -> FeatureDistance:
    """On the Caffe VGG-19, of which the file holds the first five convolutions."""
    return FeatureDistance("vgg19-conv3_1", weights, device)
