"""LPIPS 0.1 with the heads that the `lpips` package installs, the features of hr computed once.

Richard Zhang, Phillip Isola, Alexei Efros, Eli Shechtman, Oliver Wang: The Unreasonable Effectiveness of
Deep Features as a Perceptual Metric, CVPR 2018, arXiv:1801.03924. The trunks' weights are torchvision's.

The package is not imported: it takes torchvision and SciPy along, which is longer than torch takes, and 190 MB. Values are
its values to the last bit, which the tests compare.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from bench.metrics.full_precision import full_precision
from bench.metrics.pair import require_pair, require_size
from models.lpips_trunks import TRUNKS, Net, Trunk, trunk
from models.vgg_weights import load_state_dict

Features = tuple[Float[Tensor, "_ _ _ _"], ...]

# Pixels per side below which a layer of the network has no output.
MINIMUM: dict[Net, int] = {"alex": 31, "vgg": 16, "squeeze": 17}
SHIFT, SCALE = (
    (-0.030, -0.088, -0.188),
    (0.458, 0.448, 0.450),
)  # of R, G, B in [-1, 1], as the package has them
SMALLEST_NORM = 1e-10  # added to the length of a pixel's features


class LpipsDistance:
    """Distance of RGB images in [0, 1]: 0 for identical ones. Computed in float32 on `device`."""

    def __init__(self, net: Net, weights: Path, device: torch.device) -> None:
        """`weights` is torchvision's state dict of AlexNet, VGG-16 or SqueezeNet 1.1."""
        self.name = f"lpips-{net}"
        self.minimum = MINIMUM[net]
        self.device = device
        self.trunk = loaded_trunk(net, weights).to(device)
        self.heads = loaded_heads(net).to(device)
        # in float32, whatever torch's default is at the moment
        self.shift, self.scale = (
            torch.tensor(rgb, dtype=torch.float32, device=device)[None, :, None, None]
            for rgb in (SHIFT, SCALE)
        )

    @torch.no_grad()
    @full_precision()
    def reference(self, hr: Float[Tensor, "n 3 h w"]) -> Features:
        """Features of each layer, of unit length in each pixel.

        Raises:
            ValueError: the image is too small for the network.
        """
        require_size(hr, self.name, self.minimum)
        # the package takes [-1, 1]; given [0, 1] it returns another, plausible number
        signed = 2 * hr.to(self.device, torch.float32) - 1
        return tuple(unit_length(f) for f in self.trunk((signed - self.shift) / self.scale))

    @torch.no_grad()
    @full_precision()
    def against(self, sr: Float[Tensor, "n 3 h w"], reference: Features) -> Float[Tensor, " n"]:
        """Distance to the image whose :meth:`reference` is given; ValueError if that has another size."""
        distance = torch.zeros(sr.shape[0], dtype=torch.float32, device=self.device)
        for layer in self._layers(sr, reference):
            distance += layer.mean((2, 3)).flatten()
        return distance

    @torch.no_grad()
    @full_precision()
    def local(self, sr: Float[Tensor, "n 3 h w"], reference: Features) -> Float[Tensor, "n h w"]:
        """Where the distance comes from, as the package's `spatial=True`: every layer's part enlarged bilinearly, summed.

        Its mean is about the distance: enlarging weighs the border differently.
        """
        whole = torch.zeros(sr.shape[0], 1, *sr.shape[-2:], dtype=torch.float32, device=self.device)
        for layer in self._layers(sr, reference):
            whole += F.interpolate(layer, size=sr.shape[-2:], mode="bilinear", align_corners=False)
        return whole[:, 0]

    def _layers(
        self, sr: Float[Tensor, "n 3 h w"], reference: Features
    ) -> Iterator[Float[Tensor, "n 1 _ _"]]:
        """The weighted squared difference of the features, layer by layer."""
        for head, features, target in zip(self.heads, self.reference(sr), reference, strict=True):
            require_pair(features, target, f"{self.name} (features)")
            yield head((features - target).square_())

    def __call__(self, sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        require_pair(sr, hr, self.name, self.minimum)
        return self.against(sr, self.reference(hr))


def unit_length(features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Divided by their length over channels, pixel by pixel."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + SMALLEST_NORM)


def loaded_trunk(net: Net, file: Path) -> Trunk:
    """The trunk of a file, frozen; arrays by torchvision's names, of which the classifier's are not used.

    Raises:
        ValueError: the file is not a state dict, lacks an array, or has one of another shape.
    """
    built = trunk(net)
    found, state = load_state_dict(file), {}
    for name, array in built.state_dict().items():
        shape = tuple(found[name].shape) if name in found else "missing"
        if shape != tuple(array.shape):
            raise ValueError(f"{file.name}: {name} is {shape}, must be {tuple(array.shape)}")
        state[name] = found[name]
    # assign: into arrays on `meta` nothing can be copied
    built.load_state_dict(state, assign=True)
    return built.eval().requires_grad_(False)


def heads_file(net: Net) -> Path:
    """Where the package has its linear layers; found without importing it."""
    package = importlib.util.find_spec("lpips")
    assert package is not None  # a requirement of this package
    assert package.origin is not None
    return Path(package.origin).parent / "weights" / "v0.1" / f"{net}.pth"


def loaded_heads(net: Net) -> nn.ModuleList:
    """A 1x1 convolution to one value for each output of the trunk, frozen."""
    with torch.device("meta"):
        heads = nn.ModuleList(nn.Conv2d(channels, 1, 1, bias=False) for channels in TRUNKS[net][2])
    found = load_state_dict(heads_file(net))
    # in the package dropout stands before each, which does nothing in evaluation
    state = {f"{i}.weight": found[f"lin{i}.model.1.weight"] for i in range(len(heads))}
    heads.load_state_dict(state, assign=True)
    return heads.eval().requires_grad_(False)


def alex(weights: Path, device: torch.device) -> LpipsDistance:
    """LPIPS on AlexNet: what the authors recommend for evaluation."""
    return LpipsDistance("alex", weights, device)


def vgg(weights: Path, device: torch.device) -> LpipsDistance:
    """LPIPS on VGG-16."""
    return LpipsDistance("vgg", weights, device)


def squeeze(weights: Path, device: torch.device) -> LpipsDistance:
    """LPIPS on SqueezeNet 1.1."""
    return LpipsDistance("squeeze", weights, device)
