"""The layers of a frozen loss network, forward and back by hand, over buffers that stay from one call to the next.

A layer's `backward` belongs to the `forward` before it. Both may overwrite what they are given, and return a buffer
that the next call overwrites: such layers serve one caller, who lets none of it out.
"""

from __future__ import annotations

import typing as tp

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from baselines import winograd
from models.vgg import LossNetwork

aten = torch.ops.aten
PAIR = (2, 2)


@tp.runtime_checkable
class Layer(tp.Protocol):
    """One step of a network: images (n c h w) to images, and the gradient back."""

    def forward(self, x: Tensor) -> Tensor:
        """The output."""

    def backward(self, gradient: Tensor) -> Tensor:
        """The gradient by the input, from the gradient by the output."""


class Buffer:
    """A tensor that is kept for as long as its shape, dtype and device are asked for."""

    def __init__(self) -> None:
        self.tensor = torch.empty(0)

    def of(self, shape: tuple[int, ...], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """A tensor of this shape, with any values; a new one has the layout of `like`."""
        dtype = dtype or like.dtype
        if self.tensor.shape != shape or self.tensor.dtype != dtype or self.tensor.device != like.device:
            self.tensor = torch.empty(shape, dtype=dtype, device=like.device, memory_format=layout(like))
        return self.tensor


class Convolution:
    """3x3 with zero padding 1, by torch."""

    def __init__(self, module: nn.Conv2d, dtype: torch.dtype, memory_format: torch.memory_format) -> None:
        self.module = module
        self.weight = module.weight.detach().to(dtype, memory_format=memory_format)
        self.bias = bias_of(module).to(dtype)
        self.shape = torch.Size()

    def forward(self, x: Tensor) -> Tensor:
        self.shape = x.shape
        return F.conv2d(x, self.weight, self.bias, padding=1)

    def backward(self, gradient: Tensor) -> Tensor:
        return conv2d_input(self.shape, self.weight, gradient, padding=1)  # type: ignore[no-untyped-call]


class WinogradConvolution:
    """The same by :mod:`baselines.winograd`, in float32."""

    def __init__(self, module: nn.Conv2d) -> None:
        weight = module.weight.detach()
        self.kernel, self.turned = winograd.transformed(weight), winograd.transformed(winograd.turned(weight))
        self.bias, self.no_bias = bias_of(module), weight.new_zeros(module.in_channels)
        self.output, self.input_gradient = Buffer(), Buffer()

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        return winograd.convolved(x, self.kernel, self.bias, self.output.of((n, len(self.bias), h, w), x))

    def backward(self, gradient: Tensor) -> Tensor:
        n, _, h, w = gradient.shape
        out = self.input_gradient.of((n, len(self.no_bias), h, w), gradient)
        return winograd.convolved(gradient, self.turned, self.no_bias, out)


class ReLU:
    """In place, unless what is before it is needed as well."""

    def __init__(self, overwrite: bool) -> None:
        self.overwrite = overwrite
        self.output = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.output = F.relu(x, inplace=self.overwrite)
        return self.output

    def backward(self, gradient: Tensor) -> Tensor:
        # The output is positive where the input was, so that the input may have been overwritten.
        return aten.threshold_backward.grad_input(gradient, self.output, 0, grad_input=gradient)


class MaxPool:
    """2x2, stride 2."""

    def __init__(self) -> None:
        self.output, self.indices, self.input_gradient = Buffer(), Buffer(), Buffer()
        self.input = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        shape = (n, c, h // 2, w // 2)
        self.input = x
        out, indices = self.output.of(shape, x), self.indices.of(shape, x, torch.int64)
        # The operator behind F.max_pool2d, which itself takes no buffers.
        aten.max_pool2d_with_indices.out(x, PAIR, PAIR, out=out, indices=indices)
        return out

    def backward(self, gradient: Tensor) -> Tensor:
        out = self.input_gradient.of(self.input.shape, self.input)
        # Kernel, stride, padding, dilation, ceil_mode.
        arguments = (PAIR, PAIR, (0, 0), (1, 1), False, self.indices.tensor)
        return aten.max_pool2d_with_indices_backward.grad_input(
            gradient, self.input, *arguments, grad_input=out
        )


class AveragePool:
    """2x2, stride 2."""

    def __init__(self) -> None:
        self.input = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.input = x
        return F.avg_pool2d(x, 2)

    def backward(self, gradient: Tensor) -> Tensor:
        # Kernel, stride, padding, ceil_mode, count_include_pad, divisor_override.
        return aten.avg_pool2d_backward(gradient, self.input, PAIR, PAIR, (0, 0), False, True, None)


def frozen_layer(
    network: LossNetwork,
    name: str,
    dtype: torch.dtype,
    memory_format: torch.memory_format,
    *,
    overwrite: bool,
) -> Layer:
    """The layer of this name; a convolution by Winograd's algorithm where that is faster.

    Args:
        overwrite: whether a ReLU may work in place.
    """
    if name.startswith("relu"):
        return ReLU(overwrite)
    if name.startswith("pool"):
        return MaxPool() if network.pool is F.max_pool2d else AveragePool()
    module = tp.cast("nn.Conv2d", network.convolutions[name])
    if module.weight.device.type == "cpu" and dtype == torch.float32 and winograd.gains(module):
        return WinogradConvolution(module)
    return Convolution(module, dtype, memory_format)


def bias_of(module: nn.Conv2d) -> Tensor:
    """Zeros where the layer has none."""
    return module.weight.new_zeros(module.out_channels) if module.bias is None else module.bias.detach()


def layout(x: Tensor) -> torch.memory_format:
    """The memory format that `x` lies in."""
    # Images of one channel or one pixel lie in both layouts; contiguous will do for them.
    by_channel = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if by_channel else torch.contiguous_format
