"""The super-resolution network.

Justin Johnson, Alexandre Alahi, Li Fei-Fei: Perceptual Losses for Real-Time Style Transfer and
Super-Resolution, 2016, arXiv:1603.08155, supplementary Table 2: `SRNet(scale=4)` and `SRNet(scale=8)`.

Differs from the paper:
- x2 by the same rule, log2(scale) convolutions of stride 1/2; and units after a public reproduction of it:
  `SRNet(scale=2, unit="projected")`, a 1x1 convolution on the shortcut and ReLU after the sum;
- any size, not only patches of 288/scale;
- what the paper leaves open: the network sees 2*lr - 1, so that the padding's zeros are mid-grey, and
  convolutions have a bias though a normalisation follows, as in the release of the style networks.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.few_filters import RowwiseConv2d
from models.style_net import ConvNorm, choice
from models.weight_files import load_network

SCALES = (2, 4, 8)
ARCHITECTURE = "SRNet"


def conv_norm(inputs: int, outputs: int, size: int, *, relu: bool = True) -> ConvNorm:
    """Convolution of the same size, zero-padded, with batch normalisation."""
    return ConvNorm(nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.BatchNorm2d(outputs), relu=relu)


def up(channels: int) -> ConvNorm:
    """Twice the size: the convolution of stride 1/2."""
    conv = nn.ConvTranspose2d(channels, channels, 3, stride=2, padding=1, output_padding=1)
    return ConvNorm(conv, nn.BatchNorm2d(channels))


class PlainUnit(nn.Module):
    """Two 3x3 convolutions, plus their input; no ReLU after the sum (the paper)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv_norm(channels, channels, 3)
        self.second = conv_norm(channels, channels, 3, relu=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return x + self.second(self.first(x))


class ProjectedUnit(nn.Module):
    """Two 3x3 convolutions, plus a 1x1 convolution of their input; ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv_norm(channels, channels, 3)
        self.second = conv_norm(channels, channels, 3, relu=False)
        self.shortcut = conv_norm(channels, channels, 1, relu=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return F.relu(self.shortcut(x) + self.second(self.first(x)))


UNITS: dict[str, type[nn.Module]] = {"plain": PlainUnit, "projected": ProjectedUnit}


class SRNet(nn.Module):
    """lr to sr, RGB in [0, 1]; `n 3 h w` of any size, dtype and device kept.

    The weights may have another dtype: the layers run in theirs, the steps to and from the image in the
    image's.

    Args:
        scale: 2, 4 or 8.
        width: filters of every convolution but the last.
        blocks: residual units.
        unit: `plain` (the paper) or `projected`.

    Raises:
        ValueError: another scale, an unknown unit, no width or a negative number of blocks; in use, an image
            that has not three channels.
    """

    channels: int = 3
    batch: bool = True

    def __init__(self, *, scale: int = 4, width: int = 64, blocks: int = 4, unit: str = "plain") -> None:
        super().__init__()
        if scale not in SCALES:
            raise ValueError(f"scale is {scale}, must be one of: {', '.join(map(str, SCALES))}")
        if width < 1 or blocks < 0:
            raise ValueError(f"width is {width} and blocks {blocks}, must be at least 1 and 0")
        make = choice("unit", unit, UNITS)
        self.scale = scale
        self.config: dict[str, int | str] = {"scale": scale, "width": width, "blocks": blocks, "unit": unit}
        self.first = conv_norm(3, width, 9)
        self.residual = nn.Sequential(*(make(width) for _ in range(blocks)))
        self.up = nn.Sequential(*(up(width) for _ in range(SCALES.index(scale) + 1)))
        # No normalisation after it, but tanh. On a CPU its sums have an order of their own.
        self.last = RowwiseConv2d(width, 3, 9, padding=4)

    def forward(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 3 sh sw"]:
        if lr.shape[1] != 3:
            raise ValueError(f"lr has {lr.shape[1]} channels, must be 3 (RGB)")
        x = (2 * lr - 1).to(self.last.weight.dtype)
        y = self.last(self.up(self.residual(self.first(x))))
        # In the image's dtype from here: near 1 bfloat16 is coarser than a level of 255.
        return (torch.tanh(y.to(lr.dtype)) + 1) / 2


def load_sr_net(*, scale: int, weights: Path) -> SRNet:
    """The network of a safetensors file that `bench.train` wrote, on the CPU, frozen, for inference.

    Raises:
        ValueError: not such a file, another architecture or scale, or arrays that do not fit.
    """
    network = load_network(weights, ARCHITECTURE, SRNet, scale=scale)
    # The layout that stored scores were made in; another one adds in another order.
    return network.to(memory_format=torch.channels_last)


def at_scale(arrays: dict[str, Tensor], scale: int) -> dict[str, Tensor]:
    """Weights of an SRNet made those of one for another scale, to go on training from.

    Of the stages that double the size the first ones are kept, and the last one repeated where there are too few.
    """
    # What is no SRNet is given back as it is: load_state_dict then names what does not fit.
    stages = {int(name.split(".")[1]) for name in arrays if name.startswith("up.")}
    if not stages or scale not in SCALES:
        return arrays
    rest = {name: tensor for name, tensor in arrays.items() if not name.startswith("up.")}
    for stage in range(SCALES.index(scale) + 1):
        source, target = f"up.{min(stage, max(stages))}.", f"up.{stage}."
        rest |= {
            target + name.removeprefix(source): tensor
            for name, tensor in arrays.items()
            if name.startswith(source)
        }
    return rest
