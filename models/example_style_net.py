"""The style network of PyTorch's examples, `fast_neural_style`: what most checkpoints for fast style transfer are.

Differs from the paper's network (:mod:`models.style_net`): every convolution pads its input by reflection, so that residual
blocks keep their whole input and nothing is padded beforehand; instance normalisation; nearest-neighbour enlarging before a
convolution in place of one of stride 1/2; no tanh, so that what comes out may leave the range and is clipped when it is
stored; RGB in 0..255 goes in and comes out, nothing is subtracted.

Its authors delete running statistics from old checkpoints before they load them: instance normalisation uses those of the
image, whatever a file holds. So does this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

ARCHITECTURE = "ExampleStyleNet"
MINIMUM_SIZE = 5  # the first layer's reflection reaches 4 pixels inside
WHITE = 255.0
# Two digits at most: a name in a file may not ask for a network of any depth.
BLOCK = re.compile(r"res(\d{1,2})\.conv1\.conv2d\.weight")
STATISTICS = re.compile(r"(?:^|\.)in\d+\.(?:running_mean|running_var|num_batches_tracked)$")


class ReflectedConv(nn.Module):
    """A convolution whose input is reflected by half of its kernel, enlarged before where `enlarge` is more than 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.padding = (kernel // 2,) * 4
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        if self.enlarge > 1:
            x = F.interpolate(x, scale_factor=self.enlarge, mode="nearest")
        return self.conv2d(F.pad(x, self.padding, mode="reflect"))


class Block(nn.Module):
    """Two convolutions and their input, no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ReflectedConv(channels, channels, 3)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = ReflectedConv(channels, channels, 3)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))


class ExampleStyleNet(nn.Module):
    """Content to stylized. The names of its layers are those of the checkpoints.

    Takes RGB in [0, 1], `n 3 h w`, at least 5 pixels per side; returns the same size (the network's own output, rounded up
    to a multiple of 4, is cut at the bottom and on the right), in [0, 1] but for overshoot.

    Args:
        width: filters of the first convolution.
        blocks: residual blocks.
    """

    def __init__(self, *, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.blocks = blocks
        self.conv1 = ReflectedConv(3, width, 9)
        self.in1 = nn.InstanceNorm2d(width, affine=True)
        self.conv2 = ReflectedConv(width, 2 * width, 3, stride=2)
        self.in2 = nn.InstanceNorm2d(2 * width, affine=True)
        self.conv3 = ReflectedConv(2 * width, 4 * width, 3, stride=2)
        self.in3 = nn.InstanceNorm2d(4 * width, affine=True)
        for n in range(1, blocks + 1):
            self.add_module(f"res{n}", Block(4 * width))
        self.deconv1 = ReflectedConv(4 * width, 2 * width, 3, enlarge=2)
        self.in4 = nn.InstanceNorm2d(2 * width, affine=True)
        self.deconv2 = ReflectedConv(2 * width, width, 3, enlarge=2)
        self.in5 = nn.InstanceNorm2d(width, affine=True)
        self.deconv3 = ReflectedConv(width, 3, 9)

    def forward(self, content: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        h, w = content.shape[-2:]
        if min(h, w) < MINIMUM_SIZE:
            raise ValueError(f"content must be at least {MINIMUM_SIZE} pixels per side (got {w}x{h})")
        x = (content * WHITE).to(self.deconv3.conv2d.weight.dtype)
        for n in range(1, 4):
            x = self._normalised(x, f"conv{n}", f"in{n}")
        for n in range(1, self.blocks + 1):
            x = self.get_submodule(f"res{n}")(x)
        for n in range(1, 3):
            x = self._normalised(x, f"deconv{n}", f"in{n + 3}")
        return self.deconv3(x).to(content.dtype)[..., :h, :w] / WHITE

    def _normalised(self, x: Tensor, convolution: str, norm: str) -> Tensor:
        made: Tensor = self.get_submodule(norm)(self.get_submodule(convolution)(x))
        return F.relu(made, inplace=True)


def is_example_style_net(arrays: Mapping[str, Tensor]) -> bool:
    """Whether arrays by name are those of this architecture, of any width."""
    return all(
        f"{layer}.conv2d.weight" in arrays
        for layer in ("conv1", "conv2", "conv3", "res1.conv1", "deconv1", "deconv2", "deconv3")
    )


def example_style_net(arrays: Mapping[str, Tensor]) -> ExampleStyleNet:
    """The network of a checkpoint's arrays, on the CPU, frozen, for inference; running statistics are skipped.

    Raises:
        ValueError: the arrays do not fit.
    """
    kept = {name: array for name, array in arrays.items() if not STATISTICS.search(name)}
    first = arrays["conv1.conv2d.weight"]
    # Of no other array's shape a number is taken: load_state_dict compares them all.
    if first.ndim != 4 or first.shape[0] < 1:
        raise ValueError(
            f"conv1.conv2d.weight has the shape {tuple(first.shape)}, must be (width, 3, 9, 9) for {ARCHITECTURE}"
        )
    width = first.shape[0]
    blocks = max((int(found[1]) for name in kept if (found := BLOCK.fullmatch(name))), default=0)
    try:
        # Nothing is allocated or drawn: `assign` puts the file's arrays in place of the parameters.
        with torch.device("meta"):
            network = ExampleStyleNet(width=width, blocks=blocks)
        # Files in half precision come out in float32.
        network.load_state_dict({name: array.float() for name, array in kept.items()}, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"the arrays do not fit {ARCHITECTURE} of width {width}: {reason}") from error
    return network.requires_grad_(False).eval()
