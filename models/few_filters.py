"""Convolutions with fewer filters than a CPU's vectors have lanes: two ways to the same sums, and why there are two.

A CPU computes 8 or 16 filters at a time and throws away what is not asked for: 13 of 16 (AVX-512) for the last layer of a
network that makes RGB, 15 of 16 for luma. Both ways differ from the plain convolution, and from each other, in the order of
the sums and so in the last bits.

- :class:`RowwiseConv2d`, row by row of the kernel, is a layer of a network: the super-resolution networks were trained with
  it, and its bits are those of every score stored of them. It is differentiable in the weights, and the faster one in
  float32 as images come (9x9, 32 to 3 filters at 512x512, one thread: 259 ms, spread 277, plain 681).
- :class:`BlockedConv2d`, blocks of output pixels, replaces layers in the variant `spread`, which is timed and applied but
  never scored. In the variant that `bench.apply` takes unasked, bfloat16 in channels_last, it is twice as fast (127 ms,
  rows 288, plain 381); in float32 in channels_last the two are about equal (194 and 227).
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

LANES = 16  # float32 values in an AVX-512 register
MOST_FILTERS = 4  # of 5 filters a block of 2x2 output pixels needs 20 lanes


class RowwiseConv2d(nn.Conv2d):
    """`nn.Conv2d` of stride 1 with a large kernel and few filters, computed row by row of the kernel on a CPU.

    Every row of every filter is a filter of its own, as high as one pixel, and the rows' results are added where they
    belong. On other devices, and where it has a stride, dilation, groups or padding of another kind (:func:`is_plain`),
    it is the plain convolution.
    """

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f h2 w2"]:
        if x.device.type != "cpu" or isinstance(self.padding, str) or not is_plain(self):
            return super().forward(x)
        return by_rows(x, self.weight, self.bias, padding=(self.padding[0], self.padding[1]))


def by_rows(
    x: Float[Tensor, "n c h w"],
    weight: Float[Tensor, "f c k l"],
    bias: Float[Tensor, " f"] | None,
    *,
    padding: tuple[int, int],
) -> Float[Tensor, "n f h2 w2"]:
    """`conv2d(x, weight, bias, padding=padding)`; rows are added in float32 at least."""
    filters, channels, kernel, _ = weight.shape
    # Channels of `parts`: all filters for the kernel's first row, then for the second, ...
    rows = weight.permute(2, 0, 1, 3).reshape(kernel * filters, channels, 1, -1)
    parts = F.conv2d(x, rows, padding=(0, padding[1]))
    # Rows of zeros above and below `x` would give zeros, as the bias is not in `parts`: pad these instead.
    high = torch.unflatten(F.pad(parts, (0, 0, padding[0], padding[0])), 1, (kernel, filters))
    height = high.shape[3] - kernel + 1
    total = high[:, 0, :, :height].to(torch.promote_types(parts.dtype, torch.float32))
    # First row first: the order of this sum is in the last bits of the scores of the shipped networks.
    for row in range(1, kernel):
        total = total + high[:, row, :, row : row + height]
    if bias is not None:
        total = total + bias[:, None, None]
    return total.to(parts.dtype)


class BlockedConv2d(nn.Module):
    """What `conv` computes, `factor` x `factor` output pixels at a time; values differ by rounding at most.

    A convolution of more filters and a stride: each step makes a block of output pixels, whose filters are the old ones
    shifted, and a pixel shuffle puts them into place. Frozen.
    """

    def __init__(self, conv: nn.Conv2d, factor: int) -> None:
        super().__init__()
        assert not isinstance(conv.padding, str)
        border = (conv.padding[0], conv.padding[1])
        self.factor = factor
        self.kernel_size = conv.kernel_size
        # Rows and columns that the output has more than the input (fewer where negative), at stride 1.
        self.grows = (2 * border[0] - conv.kernel_size[0] + 1, 2 * border[1] - conv.kernel_size[1] + 1)
        filters, channels, rows, columns = conv.weight.shape
        shape = (filters, factor, factor, channels, rows + factor - 1, columns + factor - 1)
        weight = conv.weight.new_zeros(shape)
        for i in range(factor):
            for j in range(factor):
                weight[:, i, j, :, i : i + rows, j : j + columns] = conv.weight
        bias = None if conv.bias is None else conv.bias.repeat_interleave(factor**2)
        # On `meta`: no weights are drawn, they are replaced below.
        self.conv = nn.Conv2d(
            channels, filters * factor**2, shape[4:], stride=factor, padding=border, device="meta"
        )
        # Flattened in the order filter, row, column, in which pixel_shuffle takes its channels.
        self.conv.weight = nn.Parameter(weight.flatten(0, 2), requires_grad=False)
        self.conv.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    @property
    def weight(self) -> Tensor:
        """Networks read the dtype of their last layer here, spread or not."""
        return self.conv.weight

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        h, w = (size + more for size, more in zip(x.shape[-2:], self.grows, strict=True))
        # Zeros at the bottom and right fill the last block; what they make is cut off again.
        beyond = (-h % self.factor, -w % self.factor)
        if any(beyond):
            x = F.pad(x, (0, beyond[1], 0, beyond[0]))
        return F.pixel_shuffle(self.conv(x), self.factor)[..., :h, :w]


def is_plain(conv: nn.Conv2d) -> bool:
    """Whether it has stride, dilation and groups of 1 and pads with a number of zeros."""
    kind = (conv.stride, conv.dilation, conv.groups, conv.padding_mode)
    return kind == ((1, 1), (1, 1), 1, "zeros") and not isinstance(conv.padding, str)


def factor_for(conv: nn.Conv2d) -> int | None:
    """Side of the block that fills the lanes best; None where a convolution is not plain, or wide enough."""
    if not is_plain(conv) or max(conv.kernel_size) == 1:
        return None
    return int((LANES / conv.out_channels) ** 0.5) if conv.out_channels <= MOST_FILTERS else None


def with_blocked_convolutions(network: Network) -> Network:
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
                setattr(parent, name, BlockedConv2d(child, factor))
                found = True
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no convolution of at most {MOST_FILTERS} filters, must be one to spread"
        )
    return changed
