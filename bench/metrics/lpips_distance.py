"""LPIPS: the `lpips` package's own code and heads, version 0.1, with reference features computed once.

Richard Zhang, Phillip Isola, Alexei Efros, Eli Shechtman, Oliver Wang: The Unreasonable Effectiveness of
Deep Features as a Perceptual Metric, CVPR 2018, arXiv:1801.03924. The trunks are torchvision's.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import lpips
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from bench.metrics.full_precision import full_precision
from bench.metrics.pair import require_pair, require_size
from models.vgg_weights import load_state_dict

Net = Literal["alex", "vgg", "squeeze"]
Features = tuple[Float[Tensor, "_ _ _ _"], ...]

# Pixels per side below which a layer of the network has no output.
MINIMUM: dict[Net, int] = {"alex": 31, "vgg": 16, "squeeze": 17}
SHIFT, SCALE = (
    (-0.030, -0.088, -0.188),
    (0.458, 0.448, 0.450),
)  # of R, G, B in [-1, 1], as the package has them
HEADS = Path(lpips.__file__).parent / "weights" / "v0.1"


class LpipsDistance:
    """Distance of RGB images in [0, 1]: 0 for identical ones. Computed in float32 on `device`."""

    def __init__(self, net: Net, trunk: Path, device: torch.device) -> None:
        """`trunk` is torchvision's state dict of AlexNet, VGG-16 or SqueezeNet 1.1."""
        self.name = f"lpips-{net}"
        self.minimum = MINIMUM[net]
        self.device = device
        self.model: Any = model(net, trunk).to(device)

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
        return tuple(lpips.normalize_tensor(f) for f in self.model.net(self.model.scaling_layer(signed)))

    @torch.no_grad()
    @full_precision()
    def against(self, sr: Float[Tensor, "n 3 h w"], reference: Features) -> Float[Tensor, " n"]:
        """Distance to the image whose :meth:`reference` is given; ValueError if that has another size."""
        distance = torch.zeros(sr.shape[0], dtype=torch.float32, device=self.device)
        for layer in self._layers(sr, reference):
            distance += lpips.spatial_average(layer).flatten()
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
        for head, features, target in zip(self.model.lins, self.reference(sr), reference, strict=True):
            require_pair(features, target, f"{self.name} (features)")
            yield head((features - target).square_())

    def __call__(self, sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        require_pair(sr, hr, self.name, self.minimum)
        return self.against(sr, self.reference(hr))


def model(net: Net, trunk: Path) -> nn.Module:
    """The package's model, frozen: heads from the package, trunk from the file, each array by name.

    It is built without memory first, so that no random trunk is made that the file then replaces.

    Raises:
        ValueError: the file is not a state dict, lacks an array, or has one of another shape.
    """
    # torchvision warns of arguments that the package passes
    with torch.device("meta"), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "The parameter 'pretrained'|Arguments other than a weight enum", UserWarning
        )
        # pnet_rand: otherwise torchvision downloads a whole network; both parts are loaded below, by name
        built = lpips.LPIPS(net=net, version="0.1", pretrained=False, pnet_rand=True, verbose=False)
    # The package makes them in torch's default dtype, whatever that is at the moment.
    built.scaling_layer.shift = torch.tensor(SHIFT, dtype=torch.float32)[None, :, None, None]
    built.scaling_layer.scale = torch.tensor(SCALE, dtype=torch.float32)[None, :, None, None]
    load_trunk(built.net, trunk)
    load_heads(built, HEADS / f"{net}.pth")
    return built.eval().requires_grad_(False)


def load_trunk(net: nn.Module, file: Path) -> None:
    """Fill `slice2.3.weight` with `features.3.weight` and so on; the classifier's arrays are not used."""
    found = load_state_dict(file)
    state = {}
    for name, array in net.state_dict().items():
        key = f"features.{name.partition('.')[2]}"
        shape = tuple(found[key].shape) if key in found else "missing"
        if shape != tuple(array.shape):
            raise ValueError(f"{file.name}: {key} is {shape}, must be {tuple(array.shape)}")
        state[name] = found[key]
    # assign: into arrays on `meta` nothing can be copied
    net.load_state_dict(state, assign=True)


def load_heads(built: Any, file: Path) -> None:
    """Fill `lin0`, `lin1`, ...; a head without weights, or weights without a head, raise RuntimeError."""
    state = nn.ModuleDict({f"lin{i}": head for i, head in enumerate(built.lins)})
    state.load_state_dict(load_state_dict(file), assign=True)


def alex(trunk: Path, device: torch.device) -> LpipsDistance:
    """LPIPS on AlexNet: what the authors recommend for evaluation."""
    return LpipsDistance("alex", trunk, device)


def vgg(trunk: Path, device: torch.device) -> LpipsDistance:
    """LPIPS on VGG-16."""
    return LpipsDistance("vgg", trunk, device)


def squeeze(trunk: Path, device: torch.device) -> LpipsDistance:
    """LPIPS on SqueezeNet 1.1."""
    return LpipsDistance("squeeze", trunk, device)
