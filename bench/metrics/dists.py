"""Deep image structure and texture similarity, computed by `piq` (the extra `metrics`).

Keyan Ding, Kede Ma, Shiqi Wang, Eero Simoncelli: Image Quality Assessment: Unifying Structure and Texture
Similarity, IEEE TPAMI 2020, arXiv:2004.07728. The trunk is torchvision's VGG-16, the weights are the authors'.

Differs from piq's own constructor: both files come from the manifest, hash-checked; nothing is downloaded by piq.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import piq
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import vgg16

from bench.metrics.lpips_distance import load_trunk
from bench.metrics.pair import require_pair, require_size, require_unit
from models.vgg_weights import load_state_dict

LAYERS = ("3", "8", "15", "22", "29")  # relu1_2, relu2_2, relu3_3, relu4_3, relu5_3
CHANNELS = (3, 64, 128, 256, 512, 512)
SIDE = 256
LEAST = 16

Features = list[Float[Tensor, "_ _ _ _"]]


class DistsDistance:
    """Distance of RGB images in [0, 1]: 0 for identical ones (to 1e-6), at most 1. Computed in float32 on `device`.

    An image whose shorter side is above 256 pixels is first resized to 256 there, bilinearly and without
    antialiasing, as piq does it.
    """

    def __init__(self, trunk: Path, weights: Path, device: torch.device) -> None:
        """`trunk` is torchvision's state dict of VGG-16, `weights` the authors' alpha and beta."""
        self.model: Any = model(trunk, weights).to(device)
        self.device = device

    @torch.no_grad()
    def reference(self, hr: Float[Tensor, "n 3 h w"]) -> Features:
        """The image itself, at most 256 on the shorter side, and the features of five layers.

        Raises:
            ValueError: a side is below 16 pixels, or a value is outside [0, 1].
        """
        require_size(hr, "dists", LEAST)
        require_unit(hr, "dists")
        return self.model.get_features(shrink(hr.to(self.device, torch.float32)))

    @torch.no_grad()
    def against(self, sr: Float[Tensor, "n 3 h w"], reference: Features) -> Float[Tensor, " n"]:
        """Distance to the image whose :meth:`reference` is given; ValueError if that has another size."""
        features = self.reference(sr)
        require_pair(features[0], reference[0], "dists (resized)")
        similarities = self.model.compute_distance(features, reference)
        weighted = [(s * w.to(s)).flatten(1) for s, w in zip(similarities, self.model.weights, strict=True)]
        return 1 - torch.cat(weighted, 1).sum(1)

    def __call__(self, sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        require_pair(sr, hr, "dists", LEAST)
        return self.against(sr, self.reference(hr))


def shrink(image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h2 w2"]:
    """With the shorter side at most 256 pixels."""
    least = min(image.shape[-2:])
    if least <= SIDE:
        return image
    return F.interpolate(image, scale_factor=SIDE / least, recompute_scale_factor=False, mode="bilinear")


class _Dists(piq.DISTS):  # type: ignore[misc]
    """piq's DISTS on arrays that are given to it: its own constructor would download them."""

    def __init__(self, trunk: nn.Module, weights: list[Tensor]) -> None:
        piq.ContentLoss.__init__(
            self,
            trunk,
            layers=LAYERS,
            weights=weights,
            replace_pooling=True,
            reduction="none",
            allow_layers_weights_mismatch=True,
        )


def model(trunk: Path, weights: Path) -> _Dists:
    """Frozen, each array by name.

    Raises:
        ValueError: a file is not a state dict, lacks an array, or has one of another shape.
    """
    with torch.device("meta"):
        layers = vgg16(weights=None).features[:30]
    named = nn.Sequential()
    named.add_module("features", layers)
    load_trunk(named, trunk)
    built = _Dists(layers, _weights(weights))
    return built.eval().requires_grad_(False)


def _weights(file: Path) -> list[Tensor]:
    state = load_state_dict(file)
    required = (1, sum(CHANNELS), 1, 1)
    for name in ("alpha", "beta"):
        shape = tuple(state[name].shape) if name in state else "missing"
        if shape != required:
            raise ValueError(f"{file.name}: {name} is {shape}, required {required}")
    return [part for name in ("alpha", "beta") for part in torch.split(state[name], list(CHANNELS), dim=1)]


def dists(trunk: Path, weights: Path, device: torch.device) -> DistsDistance:
    """DISTS with the authors' weights."""
    return DistsDistance(trunk, weights, device)
