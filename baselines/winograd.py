"""3x3 convolution with a quarter of the multiplications, in float32, on a CPU.

Andrew Lavin, Scott Gray: Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308: F(4x4, 3x3).

Differs from the paper:
- both passes of a tile's transform are one product with a Kronecker matrix: 36x36 in, 16x36 out;
- the image is worked through in strips of tiles, small enough to stay in the cache between the three products.

Rounding errors are about five times those of the direct sum: 1e-5 where that has 2e-6 to 7e-6, at features of size 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

TILE = 4
PATCH = TILE + 2
STRIP_TILES = 128  # of all images of the batch together

# The paper's B^T, G and A^T for F(4x4, 3x3).
INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))

WIDE = 128 * 256
"""Input times output channels from which the transforms cost less than they save."""


def gains(convolution: nn.Conv2d) -> bool:
    """Whether it is of the one kind that there is a transform for, and wide enough."""
    kind = (convolution.kernel_size, convolution.stride, convolution.padding, convolution.dilation)
    plain = kind == ((3, 3), (1, 1), (1, 1), (1, 1)) and convolution.groups == 1
    wide = convolution.in_channels * convolution.out_channels >= WIDE
    return plain and wide and convolution.padding_mode == "zeros"


def transformed(weight: Float[Tensor, "d c 3 3"]) -> Float[Tensor, "36 c d"]:
    """A kernel as :func:`convolved` takes it: G g G^T for each pair of channels, computed in float64."""
    g = torch.tensor(KERNEL, dtype=torch.float64, device=weight.device)
    products = torch.einsum("ai,bj,dcij->abcd", g, g, weight.double())
    return products.flatten(0, 1).to(weight.dtype).contiguous()


def turned(weight: Float[Tensor, "d c 3 3"]) -> Float[Tensor, "c d 3 3"]:
    """The kernel whose convolution is the gradient by the input of this one's."""
    return weight.flip(2, 3).transpose(0, 1)


def convolved(
    x: Float[Tensor, "n c h w"],
    kernel: Float[Tensor, "36 c d"],
    bias: Float[Tensor, " d"],
    out: Float[Tensor, "n d h w"],
) -> Float[Tensor, "n d h w"]:
    """Writes the 3x3 convolution of `x`, zero padded by 1, into `out`; fastest with both in `channels_last`."""
    n, _, h, w = x.shape
    down, across = -(-h // TILE), -(-w // TILE)
    # Of n h w c, last dimension first: a pixel of padding all around, then up to a whole number of tiles.
    margins = (0, 0, 1, 1 + TILE * across - w, 1, 1 + TILE * down - h)
    padded = F.pad(x.permute(0, 2, 3, 1), margins)
    whole = out if out.shape[2:] == (TILE * down, TILE * across) else tile_sized(out, down, across)
    step = max(1, STRIP_TILES // (n * across))
    for top in range(0, down, step):
        rows = slice(TILE * top, TILE * min(top + step, down))
        # + 2: a tile's patch reaches two rows beyond it.
        convolve_tiles(
            padded[:, rows.start : rows.stop + 2], kernel, bias, whole.permute(0, 2, 3, 1)[:, rows]
        )
    if whole is not out:
        out.copy_(whole[:, :, :h, :w])
    return out


def tile_sized(out: Tensor, down: int, across: int) -> Float[Tensor, "n d _ _"]:
    """Room for whole tiles of an output that ends within some."""
    shape = (*out.shape[:2], TILE * down, TILE * across)
    return torch.empty(shape, dtype=out.dtype, device=out.device, memory_format=torch.channels_last)


def convolve_tiles(
    padded: Float[Tensor, "n _ _ c"],
    kernel: Float[Tensor, "36 c d"],
    bias: Float[Tensor, " d"],
    out: Float[Tensor, "n h w d"],
) -> None:
    """Writes a strip of whole tiles."""
    n, h, w, d = out.shape
    into, back = (torch.kron(m, m) for m in map(out.new_tensor, (INPUT, OUTPUT)))
    # 6 6 n down across c: neighbouring patches share two rows or columns.
    patches = padded.unfold(1, PATCH, TILE).unfold(2, PATCH, TILE).permute(4, 5, 0, 1, 2, 3)
    spectrum = (into @ patches.reshape(PATCH**2, -1)).view(PATCH**2, -1, kernel.shape[1])
    # One product for each of the 36 places of a patch: (tiles, c) by (c, d).
    tiles = back @ torch.bmm(spectrum, kernel).flatten(1)
    grid = out.view(n, h // TILE, TILE, w // TILE, TILE, d).permute(2, 4, 0, 1, 3, 5)
    torch.add(tiles.view(grid.shape), bias, out=grid)
