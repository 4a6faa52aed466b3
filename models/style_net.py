"""The style-transfer network.

Justin Johnson, Alexandre Alahi, Li Fei-Fei: Perceptual Losses for Real-Time Style Transfer and
Super-Resolution, 2016, arXiv:1603.08155, supplementary Table 1: `StyleNet()`. The authors' later release has
half the filters and instance normalisation (Dmitry Ulyanov, Andrea Vedaldi, Victor Lempitsky: Instance
Normalization: The Missing Ingredient for Fast Stylization, 2016, arXiv:1607.08022):
`StyleNet(norm="instance", width=16, tanh="released")`.

Differs from the paper:
- any size of more than 40 pixels per side, not only 256x256;
- what the paper leaves open is as in the release: the network sees BGR in 0..255 with the loss network's
  mean subtracted, and convolutions have a bias though a normalisation follows;
- instance normalisation starts with weights of 1; the release draws them from [0, 1].
"""

from __future__ import annotations

import typing as tp
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.weight_files import load_network

ARCHITECTURE = "StyleNet"
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
REFLECTION = (
    40  # five blocks lose 4 pixels per side at a quarter of the size: 80 at full size, shared by two sides
)
MINIMUM_SIZE = REFLECTION + 1
RELEASED_TANH = 150.0

T = TypeVar("T")


def instance_norm(channels: int) -> nn.Module:
    """Instance normalisation with weight and bias, as a group per channel.

    The values are those of InstanceNorm2d, which is slower on a CPU and does not keep channels_last there.
    """
    return InstanceNorm(channels, channels)


class InstanceNorm(nn.GroupNorm):
    """torch's, but for the way back on a CPU: in channels_last it took a third of a training step in torch 2.14."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        # An image of one channel or one pixel is contiguous in both layouts: no detour for it.
        planar = x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)
        if x.device.type != "cpu" or planar or not torch.is_grad_enabled():
            return super().forward(x)
        normalised: Tensor = NormByPlanes.apply(x, self.weight, self.bias, self.num_groups, self.eps)
        return normalised


class NormByPlanes(torch.autograd.Function):
    """Group normalisation of an image in channels_last: done, and differentiated, with each channel in one piece."""

    @staticmethod
    def forward(
        ctx: tp.Any,
        x: Float[Tensor, "n c h w"],
        weight: Float[Tensor, " c"],
        bias: Float[Tensor, " c"],
        groups: int,
        eps: float,
    ) -> Float[Tensor, "n c h w"]:
        planes = x.contiguous()
        n, c, h, w = planes.shape
        # `scale` is one over the standard deviation, as the operator returns it for the way back.
        y, mean, scale = torch.native_group_norm(planes, weight, bias, n, c, h * w, groups, eps)
        ctx.save_for_backward(planes, weight, mean, scale)
        ctx.groups = groups
        return y.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: tp.Any, gradient: Float[Tensor, "n c h w"]) -> tuple[Tensor | None, ...]:
        planes, weight, mean, scale = ctx.saved_tensors
        n, c, h, w = planes.shape
        of_x, of_weight, of_bias = torch.ops.aten.native_group_norm_backward(
            gradient.contiguous(), planes, mean, scale, weight, n, c, h * w, ctx.groups, [True] * 3
        )
        return of_x.contiguous(memory_format=torch.channels_last), of_weight, of_bias, None, None


NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm2d, "instance": instance_norm}


def to_caffe(rgb: Float[Tensor, "n 3 h w"], mean: Float[Tensor, "1 3 1 1"]) -> Float[Tensor, "n 3 h w"]:
    """RGB in [0, 1] to BGR in 0..255 with `mean` (BGR) subtracted."""
    return rgb.flip(1) * 255 - mean


def from_caffe(bgr: Float[Tensor, "n 3 h w"], mean: Float[Tensor, "1 3 1 1"]) -> Float[Tensor, "n 3 h w"]:
    """The inverse of :func:`to_caffe`."""
    return (bgr + mean).flip(1) / 255


def paper_image(y: Float[Tensor, "n 3 h w"], mean: Float[Tensor, "1 3 1 1"]) -> Float[Tensor, "n 3 h w"]:
    """The paper's scaled tanh: RGB in [0, 1] and never outside."""
    # The last layer gives B, G, R in both variants; `mean` is here because both are called alike.
    return (torch.tanh(y.flip(1)) + 1) / 2


def released_image(y: Float[Tensor, "n 3 h w"], mean: Float[Tensor, "1 3 1 1"]) -> Float[Tensor, "n 3 h w"]:
    """The release's scaled tanh, 150 either side of the mean: RGB within [-0.181, 1.074]."""
    return from_caffe(RELEASED_TANH * torch.tanh(y), mean)


IMAGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"paper": paper_image, "released": released_image}


class ConvNorm(nn.Module):
    """Convolution, normalisation and, unless `relu` is False, ReLU."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, norm: nn.Module, *, relu: bool = True) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm
        self.relu = relu

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        y = self.norm(self.conv(x))
        # In place while training, too: normalisation differentiates from its input, not from this output.
        return F.relu(y, inplace=True) if self.relu else y


class Residual(nn.Module):
    """Two unpadded 3x3 convolutions, plus their input cut by 2 pixels per side; no ReLU after the sum."""

    def __init__(self, channels: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.first = ConvNorm(nn.Conv2d(channels, channels, 3), norm(channels))
        self.second = ConvNorm(nn.Conv2d(channels, channels, 3), norm(channels), relu=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h-4 w-4"]:
        return x[..., 2:-2, 2:-2] + self.second(self.first(x))


def down(channels: int, norm: Callable[[int], nn.Module]) -> ConvNorm:
    """Half the size (rounded up), twice the channels."""
    return ConvNorm(nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), norm(2 * channels))


def up(channels: int, norm: Callable[[int], nn.Module]) -> ConvNorm:
    """Twice the size, half the channels: the convolution of stride 1/2."""
    conv = nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)
    return ConvNorm(conv, norm(channels // 2))


class StyleNet(nn.Module):
    """Content to stylized, for the one style that the weights were trained on.

    Takes RGB in [0, 1], `n 3 h w`, more than 40 pixels per side; returns the same size, dtype and device. The
    weights may have another dtype: the layers run in theirs, the steps to and from the image in the image's.

    Args:
        norm: `batch` (the paper) or `instance` (the release).
        width: filters of the first convolution: 32 (the paper) or 16 (the release).
        tanh: how the last layer becomes an image: `paper` (in [0, 1]) or `released` (overshoots it).

    Attributes:
        minimum: pixels per side that a content has at least.
        half_precision: the layers with weights are cast, everything else stays as exact as the image.

    Raises:
        ValueError: an unknown `norm` or `tanh`; in use, an image of 40 pixels or less per side.
    """

    minimum: tp.ClassVar[int] = MINIMUM_SIZE
    half_precision: tp.ClassVar[str] = "layers"
    mean: Tensor

    def __init__(self, *, norm: str = "batch", width: int = 32, tanh: str = "paper") -> None:
        super().__init__()
        self.config: dict[str, int | str] = {"norm": norm, "width": width, "tanh": tanh}
        make = choice("norm", norm, NORMS)
        self.to_image = choice("tanh", tanh, IMAGES)
        self.first = ConvNorm(nn.Conv2d(3, width, 9, padding=4), make(width))
        self.down1 = down(width, make)
        self.down2 = down(2 * width, make)
        self.residual = nn.Sequential(*(Residual(4 * width, make) for _ in range(5)))
        self.up1 = up(4 * width, make)
        self.up2 = up(2 * width, make)
        self.last = nn.Conv2d(width, 3, 9, padding=4)
        # Not in the state dict: a file holds the layers of the paper's table and nothing else.
        self.register_buffer("mean", torch.tensor(CAFFE_MEAN_BGR).view(1, 3, 1, 1), persistent=False)

    def forward(self, content: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """The stylized image: :meth:`raw`, cut back to the content's size at the bottom and on the right."""
        h, w = content.shape[-2:]
        return self.raw(content)[..., :h, :w]

    def raw(self, content: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h4 w4"]:
        """What the network itself gives: both sides rounded up to a multiple of 4."""
        h, w = content.shape[-2:]
        if min(h, w) < MINIMUM_SIZE:
            raise ValueError(f"content must be at least {MINIMUM_SIZE} pixels per side (got {w}x{h})")
        x = to_caffe(content, self.mean).to(self.last.weight.dtype)
        # Once, for all five blocks, none of which pads.
        x = F.pad(x, (REFLECTION,) * 4, mode="reflect")
        x = self.down2(self.down1(self.first(x)))
        x = self.up2(self.up1(self.residual(x)))
        return self.to_image(self.last(x).to(content.dtype), self.mean)


def load_style_net(weights: Path) -> StyleNet:
    """The network of a safetensors file that `bench.train style` wrote, on the CPU, frozen, for inference.

    Raises:
        ValueError: not such a file, another architecture, or arrays that do not fit.
    """
    return load_network(weights, ARCHITECTURE, StyleNet)


def choice(option: str, name: str, known: dict[str, T]) -> T:
    """`known[name]`, or a refusal that lists what there is."""
    if name not in known:
        raise ValueError(f"{option} is {name!r}, must be one of: {', '.join(known)}")
    return known[name]
