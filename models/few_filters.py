"""A convolution with fewer filters than a CPU's vectors have lanes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class FewFilters(nn.Conv2d):
    """`nn.Conv2d` of stride 1 with a large kernel and few filters, computed row by row of the kernel on a CPU.

    CPU kernels keep one filter in each of 8 or 16 lanes, so three filters leave most of a vector idle. Here every
    row of every filter is a filter of its own, as high as one pixel, and the rows' results are added where they
    belong: the same products and sums in another order. Elsewhere it is the plain convolution.
    """

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f h2 w2"]:
        if x.device.type != "cpu" or self.stride != (1, 1) or self.dilation != (1, 1) or self.groups != 1:
            return super().forward(x)
        assert isinstance(self.padding, tuple)
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
    rows = weight.permute(2, 0, 1, 3).reshape(kernel * filters, channels, 1, -1)
    parts = F.conv2d(x, rows, padding=(0, padding[1]))
    high = torch.unflatten(F.pad(parts, (0, 0, padding[0], padding[0])), 1, (kernel, filters))
    height = high.shape[3] - kernel + 1
    total = high[:, 0, :, :height].to(torch.promote_types(parts.dtype, torch.float32))
    for row in range(1, kernel):
        total = total + high[:, row, :, row : row + height]
    if bias is not None:
        total = total + bias[:, None, None]
    return total.to(parts.dtype)
