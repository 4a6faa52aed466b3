"""Structural similarity.

Zhou Wang, Alan Bovik, Hamid Sheikh, Eero Simoncelli: Image Quality Assessment: From Error Visibility to
Structural Similarity, IEEE Transactions on Image Processing 13(4), 2004, equation 13, at full size.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from bench.metrics.pair import one_thread, require_pair

WINDOW = 11
SIGMA = 1.5
LOST = WINDOW - 1
C1 = 0.01**2
C2 = 0.03**2
BLOCK = 16  # columns of one small matrix product: of 8, 16, 24, 32, 64 the fastest on a CPU
STRIP = {"cpu": 32}  # rows at a time: 32 keep every buffer in a CPU's cache; a GPU rather has fewer kernels
WIDE_STRIP = 256
LEAST_STRIPS = 2  # for each thread: below, handing them over takes longer than it saves

Plane = Float[Tensor, "h w"]


class Similarity(NamedTuple):
    """Means over one plane's valid region: of SSIM, and of its contrast-structure factor alone."""

    ssim: Float[Tensor, ""]
    contrast: Float[Tensor, ""]


@functools.lru_cache(maxsize=16)
def band(outputs: int, device: torch.device) -> Float[Tensor, "outputs inputs"]:
    """The Gaussian window as a banded matrix with `LOST` more inputs than outputs; rows sum to 1; float64."""
    distance = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.exp(-(distance**2) / (2 * SIGMA**2))
    rows = [F.pad(weights, (i, outputs - 1 - i)) for i in range(outputs)]
    return (torch.stack(rows) / weights.sum()).to(device)


class Strip:
    """SSIM of a pair of planes, `rows + LOST` rows of them at a time: `rows` windows one below the other.

    Each direction of the Gaussian filter is one batched product with a small banded matrix. The windows of
    the second overlap in memory and are not copied; beyond `width` they see zeros. Buffers are reused.
    """

    def __init__(self, rows: int, width: int, device: torch.device) -> None:
        self.width = width
        self.columns = width - LOST
        blocks = -(-self.columns // BLOCK)
        padded = blocks * BLOCK + LOST
        # x + y, x - y, and the squares of both; what lies beyond `width` stays zero
        self.inputs = torch.zeros(4, rows + LOST, padded, dtype=torch.float64, device=device)
        self.vertical = self.inputs.new_empty(4, rows, padded)
        self.means = self.inputs.new_empty(blocks, 4 * rows, BLOCK)
        # views of one buffer: (of values, of squares) x (sum, difference) x blocks x rows x BLOCK
        self.moments = self.means.view(blocks, 2, 2, rows, BLOCK).movedim(0, 2)
        self.factors = self.means.new_empty(2, blocks, rows, BLOCK)
        # a block's windows reach LOST columns into the next block
        self.windows = self.vertical.as_strided((blocks, 4 * rows, BLOCK + LOST), (BLOCK, padded, 1))
        self.down = band(rows, device).expand(4, -1, -1)
        self.across = band(BLOCK, device).T.contiguous().expand(blocks, -1, -1)

    def totals(self, x: Plane, y: Plane, skip: int) -> Float[Tensor, " 2"]:
        """Sums of the maps of SSIM and of its contrast-structure factor, without their first `skip` rows."""
        maps = self.maps(x, y, skip)
        # what the last block has beyond the image is no part of the mean
        beyond = maps[:, -1, :, BLOCK - (-self.columns % BLOCK) :]
        return maps.sum((1, 2, 3)) - beyond.sum((1, 2))

    def maps(self, x: Plane, y: Plane, skip: int) -> Float[Tensor, "2 blocks rows block"]:
        """SSIM and its contrast-structure factor, without their first `skip` rows; the next call writes over them.

        From the sum and the difference of the planes: with S, D the squares of their means and s, d their
        variances, luminance is (S - D + 2 C1) / (S + D + 2 C1), contrast-structure likewise with s, d and C2.
        """
        torch.add(x, y, out=self.inputs[0, :, : self.width])
        torch.sub(x, y, out=self.inputs[1, :, : self.width])
        torch.mul(self.inputs[:2], self.inputs[:2], out=self.inputs[2:])
        torch.bmm(self.down, self.inputs, out=self.vertical)
        torch.bmm(self.windows, self.across, out=self.means)
        first, second = self.moments
        # from means and means of squares to squared means and variances, in place
        second.sub_(first.square_())
        # to the sum's part alone: it then stands in both S - D and S + D
        first[0].add_(2 * C1)
        second[0].add_(2 * C2)
        of_sum, of_difference = self.moments.unbind(1)
        # the numerator is taken before `add_` overwrites what it is made of
        torch.sub(of_sum, of_difference, out=self.factors).div_(of_sum.add_(of_difference))
        self.factors[0].mul_(self.factors[1])
        return self.factors[:, :, skip:]


def strips(height: int, device: torch.device) -> Iterator[tuple[slice, int]]:
    """The rows of an image that one strip after another looks at, and how many of its windows one before it had."""
    windows = height - LOST
    rows = strip_rows(height, device)
    for start in range(0, windows, rows):
        top = min(start, windows - rows)
        yield slice(top, top + rows + LOST), start - top


def strip_rows(height: int, device: torch.device) -> int:
    """Windows of a strip, one below the other."""
    return min(height - LOST, STRIP.get(device.type, WIDE_STRIP))


def similarity(x: Plane, y: Plane, workers: int = 1) -> Similarity:
    """SSIM of two planes in [0, 1], float64, no side below `WINDOW`.

    Args:
        workers: threads that take strips, on a CPU. The value does not depend on their number, to the last bit.
    """
    height, width = x.shape
    pieces = tuple(strips(height, x.device))
    if x.device.type != "cpu" or len(pieces) < LEAST_STRIPS * workers:
        workers = 1
    share = -(-len(pieces) // workers)
    parts = [pieces[at : at + share] for at in range(0, len(pieces), share)]
    work = partial(_totals, x, y)
    found = map(work, parts) if len(parts) == 1 else _pool(workers).map(work, parts)
    totals = torch.zeros(2, dtype=torch.float64, device=x.device)
    # added one by one from the top, whoever computed them: another order is another last bit
    for each in chain.from_iterable(found):
        totals += each
    return Similarity(*(totals / ((height - LOST) * (width - LOST))))


@torch.no_grad()  # which belongs to a thread
def _totals(x: Plane, y: Plane, pieces: Sequence[tuple[slice, int]]) -> list[Float[Tensor, " 2"]]:
    strip = Strip(strip_rows(x.shape[0], x.device), x.shape[1], x.device)
    return [strip.totals(x[within], y[within], skip=skip) for within, skip in pieces]


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Kept for the process: starting threads takes as long as a small image."""
    return ThreadPoolExecutor(workers, "ssim", initializer=torch.set_num_threads, initargs=(1,))


def local_similarity(x: Plane, y: Plane) -> Float[Tensor, "_ _"]:
    """SSIM of every window of two planes, as :func:`similarity` takes them; `LOST` rows and columns fewer."""
    height = x.shape[0]
    strip = Strip(strip_rows(height, x.device), x.shape[1], x.device)
    rows = []
    for within, skip in strips(height, x.device):
        blocks = strip.maps(x[within], y[within], skip)[0]
        rows.append(blocks.movedim(0, 1).flatten(1)[:, : strip.columns].clone())
    return torch.cat(rows)


@torch.no_grad()
def ssim(sr: Float[Tensor, "n c h w"], hr: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """Mean SSIM of images in [0, 1]: at most 1, which identical images have; may be negative.

    Gaussian window 11x11 of sigma 1.5, K = (0.01, 0.03), L = 1; the mean is over the region where the
    window fits, then over channels. Computed in float64.

    Raises:
        ValueError: the shapes differ, or a side is below 11 pixels.
    """
    require_pair(sr, hr, "ssim", least=WINDOW)
    with one_thread() as workers:
        planes = zip(sr.double().flatten(0, 1), hr.double().flatten(0, 1), strict=True)
        return torch.stack([similarity(x, y, workers).ssim for x, y in planes]).view(sr.shape[:2]).mean(1)


@one_thread()
@torch.no_grad()
def local_ssim(sr: Float[Tensor, "n c h w"], hr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c _ _"]:
    """What :func:`ssim` is the mean of: SSIM of every window, `LOST` rows and columns fewer than the images; float64.

    Raises:
        ValueError: the shapes differ, or a side is below 11 pixels.
    """
    require_pair(sr, hr, "ssim", least=WINDOW)
    planes = zip(sr.double().flatten(0, 1), hr.double().flatten(0, 1), strict=True)
    found = torch.stack([local_similarity(x, y) for x, y in planes])
    return found.view(*sr.shape[:2], *found.shape[1:])
