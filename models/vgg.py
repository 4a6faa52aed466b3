"""The loss network: VGG-16 or VGG-19, features by layer name, pre-processing inside.

Karen Simonyan, Andrew Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014,
arXiv:1409.1556. As the loss network: Johnson, Alahi, Fei-Fei, 2016, arXiv:1603.08155, section 3.2.

Differs from the paper:
- `vgg16` takes torchvision's weights, the paper took the Caffe ones: features have another scale (input over
  ImageNet's standard deviation instead of 0..255). `vgg16-caffe` is the paper's, where one has those weights.
- Pooling can average, as Gatys, Ecker and Bethge (2015, arXiv:1508.06576) propose.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.vgg_weights import Architecture, Arrays, Convention, find_architecture, random_arrays

Pooling = Literal["max", "average"]
POOLINGS: dict[Pooling, Callable[[Tensor, int], Tensor]] = {"max": F.max_pool2d, "average": F.avg_pool2d}


class LossNetwork(nn.Module):
    """RGB in [0, 1] to features by layer name; computes nothing beyond the last layer asked for.

    Frozen: its parameters take no gradient, the image does. Works under autocast, or
    with image and network of one dtype; `channels_last` is kept. The scale and the channel order that the
    weights were trained on are folded into the first convolution: the image is only centred, and so stays
    within [-1, 1], where half precision is at its best.

    Attributes:
        weights: where they come from: a file's name, or `random, seed 0`.
        trained: False for random weights, which are good for timing alone.
        path: the layers that are computed, in order.
        minimum: pixels per side that an image needs, so that one is left after the last pooling.
        mean: R, G, B, `3 1 1`, subtracted from the image.
        convolutions: by layer name; the first one takes the centred image.
    """

    def __init__(
        self,
        architecture: Architecture,
        layers: Sequence[str],
        arrays: Arrays,
        *,
        weights: str,
        trained: bool,
        pooling: Pooling = "max",
    ) -> None:
        super().__init__()
        self.name = architecture.name
        self.layers = required_layers(architecture, layers)
        self.weights = weights
        self.trained = trained
        self.pool = POOLINGS[pooling]
        self.path = architecture.layers[: 1 + max(map(architecture.layers.index, self.layers))]
        self.minimum = minimum_side(self.path)
        self.mean = nn.Buffer(
            torch.tensor(architecture.convention.mean, dtype=torch.float32)[:, None, None], persistent=False
        )
        self.convolutions = nn.ModuleDict(
            {
                layer: convolution(arrays, layer, architecture.convention)
                for layer in self.path
                if layer.startswith("conv")
            }
        )
        self.requires_grad_(False).eval()

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> dict[str, Float[Tensor, "n _ _ _"]]:
        """The layers asked for, in the network's order.

        Raises:
            ValueError: the image is so small that pooling leaves nothing.
        """
        self.check(image)
        features = {}
        x = image - self.mean
        for layer in self.path:
            x = self.step(layer, x)
            if layer in self.layers:
                features[layer] = x
        return features

    def check(self, image: Float[Tensor, "n 3 h w"]) -> None:
        """Raises ValueError where the image is so small that pooling leaves nothing."""
        h, w = image.shape[-2:]
        if min(h, w) < self.minimum:
            raise ValueError(
                f"image must be at least {self.minimum}x{self.minimum} for {self.path[-1]} (got {w}x{h})"
            )

    def up_to(self, layers: Sequence[str]) -> LossNetwork:
        """The same network, its weights shared, for some of its layers: it computes nothing beyond the last of them.

        Raises:
            ValueError: no layer, or one that this network was not asked for.
        """
        if not layers or not self.layers.issuperset(layers):
            raise ValueError(f"layers are {list(layers)}, must be some of: {', '.join(sorted(self.layers))}")
        # Shallow: convolutions and mean are this network's own.
        other = copy.copy(self)
        other.layers = frozenset(layers)
        other.path = self.path[: 1 + max(map(self.path.index, other.layers))]
        other.minimum = minimum_side(other.path)
        return other

    def step(self, layer: str, x: Tensor) -> Tensor:
        """One layer; ReLU overwrites its input unless that is asked for as well."""
        if layer.startswith("conv"):
            return self.convolutions[layer](x)
        if layer.startswith("pool"):
            return self.pool(x, 2)
        # Safe for the image's gradient: a convolution needs its input and weights for it, not its output.
        return F.relu(x, inplace=layer.replace("relu", "conv") not in self.layers)


def minimum_side(path: Sequence[str]) -> int:
    """In pixels: one is left after the last pooling."""
    return int(2 ** sum(layer.startswith("pool") for layer in path))


def convolution(arrays: Arrays, layer: str, convention: Convention) -> nn.Conv2d:
    """3x3, zero padding 1; the first one takes centred RGB, whatever its weights were trained on."""
    weight, bias = arrays[f"{layer}.weight"], arrays[f"{layer}.bias"]
    if layer == "conv1_1":
        # scale * (image - mean) is linear in the centred image: the scale goes into the weights, the bias stays.
        rgb = weight.flip(1) if convention.bgr else weight
        weight = rgb * torch.tensor(convention.scale, dtype=rgb.dtype)[:, None, None]
    # On `meta`: nothing is drawn or copied, `assign` takes the arrays themselves.
    module = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, device="meta")
    module.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    return module


def required_layers(architecture: Architecture, layers: Sequence[str]) -> frozenset[str]:
    """The layers as a set, each of which the network has; at least one."""
    for layer in layers:
        if layer not in architecture.layers:
            reached = ", ".join(architecture.layers)
            raise ValueError(f"layer is {layer!r}, must be one that {architecture.name} reaches: {reached}")
    if not layers:
        raise ValueError("no layer asked for, needs at least one")
    return frozenset(layers)


def loss_network(name: str, layers: Sequence[str], weights: Path, *, pooling: Pooling = "max") -> LossNetwork:
    """The network `name` with the weights of a file, on the CPU, cut behind the last of `layers`.

    Raises:
        ValueError: unknown network, a layer that the file does not reach, or not a file of that kind.
    """
    chosen = find_architecture(name)
    required_layers(chosen, layers)
    arrays = chosen.read(weights, chosen)
    return LossNetwork(chosen, layers, arrays, weights=weights.name, trained=True, pooling=pooling)


def random_loss_network(
    name: str, layers: Sequence[str], *, seed: int = 0, pooling: Pooling = "max"
) -> LossNetwork:
    """As :func:`loss_network` with random weights: it takes as long, but its features mean nothing."""
    chosen = find_architecture(name)
    arrays = random_arrays(chosen, seed)
    return LossNetwork(chosen, layers, arrays, weights=f"random, seed {seed}", trained=False, pooling=pooling)
