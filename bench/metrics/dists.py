"""Deep image structure and texture similarity.

Keyan Ding, Kede Ma, Shiqi Wang, Eero Simoncelli: Image Quality Assessment: Unifying Structure and Texture
Similarity, IEEE TPAMI 2020, arXiv:2004.07728. The trunk is torchvision's VGG-16, the weights are the authors'.

Two conventions are in use: the paper's numbers are of whole images (`dists`); the authors' script and the libraries
that follow it resize an image whose shorter side is above 256 pixels to 256 there (`dists-256`).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from bench.metrics.full_precision import full_precision
from bench.metrics.pair import require_pair, require_size, require_unit
from models.vgg import loss_network
from models.vgg_weights import load_state_dict

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
CHANNELS = (3, 64, 128, 256, 512, 512)  # of the image itself, then of LAYERS
SIDE = 256
LEAST = 16
C1 = C2 = 1e-6  # of equations 3 and 4
POOLED = 1e-12  # under the root of `l2_pool`

Features = list[Float[Tensor, "_ _ _ _"]]


class DistsDistance:
    """Distance of RGB images in [0, 1]: 0 for identical ones (to 1e-6), at most 1. Computed in float32 on `device`."""

    def __init__(self, trunk: Path, weights: Path, device: torch.device, *, resize: bool) -> None:
        """`trunk` is torchvision's state dict of VGG-16, `weights` the authors' alpha and beta.

        Args:
            resize: an image whose shorter side is above 256 pixels is first resized to 256 there, bilinearly and
                without antialiasing, as piq does it.

        Raises:
            ValueError: a file is not a state dict, lacks an array, or has one of another shape.
        """
        self.network = loss_network("vgg16", LAYERS, trunk).to(device)
        self.network.pool = l2_pool
        self.weights = [part.to(device, torch.float32) for part in _weights(weights)]
        self.device = device
        self.name = "dists-256" if resize else "dists"
        self.resize = resize

    @torch.no_grad()
    @full_precision()
    def reference(self, hr: Float[Tensor, "n 3 h w"]) -> Features:
        """The image itself and the features of five layers.

        Raises:
            ValueError: a side is below 16 pixels, or a value is outside [0, 1].
        """
        require_size(hr, self.name, LEAST)
        require_unit(hr, self.name)
        image = hr.to(self.device, torch.float32)
        image = shrink(image) if self.resize else image
        # the image itself is the first layer: what the features lose counts too
        return [image, *self.network(image).values()]

    @torch.no_grad()
    @full_precision()
    def against(self, sr: Float[Tensor, "n 3 h w"], reference: Features) -> Float[Tensor, " n"]:
        """Distance to the image whose :meth:`reference` is given; ValueError if that has another size."""
        features = self.reference(sr)
        require_pair(features[0], reference[0], f"{self.name}{' (resized)' * self.resize}")
        pairs = [similarities(x, y) for x, y in zip(features, reference, strict=True)]
        # in the order of the weights: every layer's alpha, then every layer's beta
        found = [texture for texture, _ in pairs] + [structure for _, structure in pairs]
        return 1 - torch.cat([s * w for s, w in zip(found, self.weights, strict=True)], 1).sum(1)

    def __call__(self, sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        require_pair(sr, hr, self.name, LEAST)
        return self.against(sr, self.reference(hr))


def similarities(
    x: Float[Tensor, "n c h w"], y: Float[Tensor, "n c h w"]
) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c"]]:
    """Equations 3 and 4 for each channel: of the means (texture), and of what varies about them (structure)."""
    mean_x, mean_y = x.mean((2, 3), keepdim=True), y.mean((2, 3), keepdim=True)
    variances = (x - mean_x).square().mean((2, 3)) + (y - mean_y).square().mean((2, 3))
    covariance = (x * y).mean((2, 3), keepdim=True) - mean_x * mean_y
    texture = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    return texture.flatten(1), (2 * covariance.flatten(1) + C2) / (variances + C2)


def l2_pool(features: Float[Tensor, "n c h w"], stride: int) -> Float[Tensor, "n c h2 w2"]:
    """Roots of the mean squares under a Hann window of 3x3 (section 3.1), in the place of VGG's largest values."""
    side = torch.tensor([0.25, 0.5, 0.25], dtype=features.dtype, device=features.device)
    channels = features.shape[1]
    window = (side[:, None] * side).expand(channels, 1, 3, 3)
    means = F.conv2d(features.square(), window, stride=stride, padding=1, groups=channels)
    return (means + POOLED).sqrt_()


def shrink(image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h2 w2"]:
    """With the shorter side at most 256 pixels."""
    least = min(image.shape[-2:])
    if least <= SIDE:
        return image
    # pixels are spaced by the factor itself, as piq has it, not by the ratio of the rounded sizes
    return F.interpolate(image, scale_factor=SIDE / least, recompute_scale_factor=False, mode="bilinear")


def _weights(file: Path) -> list[Tensor]:
    """alpha, then beta, for each layer `1 c`."""
    state = load_state_dict(file)
    required = (1, sum(CHANNELS), 1, 1)
    for name in ("alpha", "beta"):
        shape = tuple(state[name].shape) if name in state else "missing"
        if shape != required:
            raise ValueError(f"{file.name}: {name} is {shape}, must be {required}")
    arrays = (state[name].flatten(1) for name in ("alpha", "beta"))
    return [part for array in arrays for part in torch.split(array, list(CHANNELS), dim=1)]


def dists(trunk: Path, weights: Path, device: torch.device) -> DistsDistance:
    """DISTS of whole images, as the paper's numbers are."""
    return DistsDistance(trunk, weights, device, resize=False)


def dists_256(trunk: Path, weights: Path, device: torch.device) -> DistsDistance:
    """DISTS after the resize to 256, as piq and torchmetrics compute it."""
    return DistsDistance(trunk, weights, device, resize=True)
