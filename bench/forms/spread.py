"""A convolution of few filters as one of more filters and a stride: the same sums, vector lanes that are full.

A CPU computes 16 filters at a time (AVX-512) and throws away what is not asked for: 13 of 16 for the last layer of
a network that makes RGB, 15 of 16 for luma. Spread, each step makes a block of factor x factor output pixels, whose
filters are the old ones shifted; a pixel shuffle puts them into place.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

LANES = 16
MOST_FILTERS = 4


class SpreadConv2d(nn.Module):
    """What `conv` computes, `factor` x `factor` output pixels at a time; values differ by rounding at most."""

    def __init__(self, conv: nn.Conv2d, factor: int) -> None:
        super().__init__()
        assert not isinstance(conv.padding, str)
        border = (conv.padding[0], conv.padding[1])
        self.factor = factor
        self.kernel_size = conv.kernel_size
        self.grows = (2 * border[0] - conv.kernel_size[0] + 1, 2 * border[1] - conv.kernel_size[1] + 1)
        filters, channels, rows, columns = conv.weight.shape
        shape = (filters, factor, factor, channels, rows + factor - 1, columns + factor - 1)
        weight = conv.weight.new_zeros(shape)
        for i in range(factor):
            for j in range(factor):
                weight[:, i, j, :, i : i + rows, j : j + columns] = conv.weight
        bias = None if conv.bias is None else conv.bias.repeat_interleave(factor**2)
        self.conv = nn.Conv2d(
            channels, filters * factor**2, shape[4:], stride=factor, padding=border, device="meta"
        )
        self.conv.weight = nn.Parameter(weight.flatten(0, 2), requires_grad=False)
        self.conv.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    @property
    def weight(self) -> Tensor:
        return self.conv.weight

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        h, w = (size + more for size, more in zip(x.shape[-2:], self.grows, strict=True))
        beyond = (-h % self.factor, -w % self.factor)
        if any(beyond):
            x = F.pad(x, (0, beyond[1], 0, beyond[0]))
        return F.pixel_shuffle(self.conv(x), self.factor)[..., :h, :w]


def factor_for(conv: nn.Conv2d) -> int | None:
    """Side of the block that fills the lanes best; None where a convolution is not of the kind, or wide enough."""
    kind = (conv.stride, conv.dilation, conv.groups, conv.padding_mode)
    if kind != ((1, 1), (1, 1), 1, "zeros") or isinstance(conv.padding, str) or max(conv.kernel_size) == 1:
        return None
    return int((LANES / conv.out_channels) ** 0.5) if conv.out_channels <= MOST_FILTERS else None


def spread(network: Network) -> Network:
    """A copy of `network` with its convolutions of at most four filters spread.

    Raises:
        ValueError: there is none.
    """
    changed = copy.deepcopy(network)
    found = False
    for parent in list(changed.modules()):
        for name, child in list(parent.named_children()):
            factor = factor_for(child) if isinstance(child, nn.Conv2d) else None
            if factor is not None:
                assert isinstance(child, nn.Conv2d)
                setattr(parent, name, SpreadConv2d(child, factor))
                found = True
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no convolution of at most {MOST_FILTERS} filters, required one to spread"
        )
    return changed
