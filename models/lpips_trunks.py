"""The convolutions that LPIPS stands on, with torchvision's numbering of layers, and their outputs that it looks at.

Built here and not by torchvision, whose import takes as long as torch's own and 170 MB: AlexNet (Alex Krizhevsky,
arXiv:1404.5997), VGG-16 (Karen Simonyan, Andrew Zisserman, arXiv:1409.1556) and SqueezeNet 1.1 (Forrest Iandola et al.,
arXiv:1602.07360).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Net = Literal["alex", "vgg", "squeeze"]


class Trunk(nn.Module):
    """Images normalised as the trunk was trained to the outputs of some of its layers.

    Args:
        features: all layers, by torchvision's numbers.
        taps: the numbers of the layers whose outputs are given back; those behind the last one are not kept.
    """

    def __init__(self, features: Iterator[nn.Module], taps: tuple[int, ...]) -> None:
        super().__init__()
        self.taps = taps
        self.features = nn.Sequential(*features)[: taps[-1] + 1]

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, "n _ _ _"], ...]:
        outputs = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.taps:
                outputs.append(x)
        return tuple(outputs)


class Fire(nn.Module):
    """SqueezeNet's block: few 1x1 filters, then as many of 1x1 as of 3x3, side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


def conv(inputs: int, outputs: int, size: int, *, stride: int = 1, padding: int = 0) -> Iterator[nn.Module]:
    """A convolution and ReLU: two layers."""
    yield nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding)
    # In place, which no output is changed by: each is taken behind its ReLU, and what follows writes elsewhere.
    yield nn.ReLU(inplace=True)


def alex() -> Iterator[nn.Module]:
    """AlexNet, in the version of one tower."""
    yield from conv(3, 64, 11, stride=4, padding=2)
    yield nn.MaxPool2d(3, 2)
    yield from conv(64, 192, 5, padding=2)
    yield nn.MaxPool2d(3, 2)
    for inputs, outputs in ((192, 384), (384, 256), (256, 256)):
        yield from conv(inputs, outputs, 3, padding=1)


def vgg() -> Iterator[nn.Module]:
    """VGG-16."""
    inputs = 3
    for block, (convolutions, outputs) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))):
        if block:
            yield nn.MaxPool2d(2, 2)
        for _ in range(convolutions):
            yield from conv(inputs, outputs, 3, padding=1)
            inputs = outputs


def squeeze() -> Iterator[nn.Module]:
    """SqueezeNet 1.1."""
    yield from conv(3, 64, 3, stride=2)
    inputs = 64
    for squeezed, expanded, pooled in (
        *((16, 64, True), (16, 64, False), (32, 128, True), (32, 128, False)),
        *((48, 192, True), (48, 192, False), (64, 256, False), (64, 256, False)),
    ):
        if pooled:
            yield nn.MaxPool2d(3, 2, ceil_mode=True)
        yield Fire(inputs, squeezed, expanded)
        inputs = 2 * expanded


TRUNKS: dict[Net, tuple[Callable[[], Iterator[nn.Module]], tuple[int, ...], tuple[int, ...]]] = {
    "alex": (alex, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256)),
    "vgg": (vgg, (3, 8, 15, 22, 29), (64, 128, 256, 512, 512)),
    "squeeze": (squeeze, (1, 4, 7, 9, 10, 11, 12), (64, 128, 256, 384, 384, 512, 512)),
}
"""Layers, the numbers of those whose outputs LPIPS looks at, and the channels of these."""


def trunk(net: Net) -> Trunk:
    """A trunk without memory for its weights: every array is to be assigned."""
    features, taps, _ = TRUNKS[net]
    with torch.device("meta"):
        return Trunk(features(), taps)
