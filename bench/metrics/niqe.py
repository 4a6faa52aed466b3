"""Natural image quality evaluator: how far an image's statistics are from those of pristine photographs.

Anish Mittal, Rajiv Soundararajan, Alan Bovik: Making a "Completely Blind" Image Quality Analyzer, IEEE Signal
Processing Letters 20(3), 2013. The model is the authors' (NIQE Software Release, Laboratory for Image and Video
Engineering and Center for Perceptual Systems, The University of Texas at Austin); it and a new implementation of their
formulas are used as the release's notice permits for any purpose. MATLAB's built-in `niqe` has another model.

Differs from the paper, as the release does: of a test image all blocks count, not the sharpest ones.
Differs from the release: a flat block is skipped whole.

In a flat area rounding alone decides on which side of its local mean a pixel lies, and with it up to 5 % of the value
of an image that is flat by a third. Here each sum has a fixed order, in NumPy's plain multiplications and additions of
float64, so the value is the same on every machine; the release's depends on MATLAB's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.io import loadmat
from scipy.special import gamma
from torch import Tensor

from baselines.bicubic import imresize
from bench.metrics.pair import require_size, require_unit

BLOCK = 96
BLOCKS = 2  # at least: the covariance of fewer is undefined
FEATURES = 36  # 18 on each of two scales
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
# A Gaussian of 7 pixels and sigma 7/6, normalised: its middle, then 3, 2 and 1 pixels away. As numbers, for exp() is not
# the same on every machine to the last bit.
MIDDLE = 0.34263151546524945
WINDOW = (0.012560200468474614, 0.07882796468173002, 0.2372960771171706)
# 0.2 to 10 by 0.001, as `fit` says: a finer grid would give other values.
ALPHAS = np.arange(200, 10_001) / 1000
RATIOS = gamma(2 / ALPHAS) ** 2 / (gamma(1 / ALPHAS) * gamma(3 / ALPHAS))  # rises with alpha

Plane = Float[np.ndarray, "h w"]


class Niqe:
    """Distance of an image to pristine ones, lower is better; needs no reference. Computed in float64 on the CPU."""

    def __init__(self, model: Path, device: torch.device) -> None:
        """`model` is the release's file of the mean and the covariance of pristine photographs; no device is used.

        Raises:
            ValueError: the file is not that.
        """
        self.mean, self.covariance = _model(model)
        self.device = device

    @torch.no_grad()
    def __call__(self, sr: Float[Tensor, "n 1 h w"]) -> Float[Tensor, " n"]:
        """Values of 8-bit luma (MATLAB's rgb2ycbcr) in [0, 1]: about 3 for a good photograph, 6 and more for bad ones.

        Blocks of 96x96 pixels count, from the top left corner; what does not fill one is cut off.

        Raises:
            ValueError: fewer than two blocks fit, fewer than two are not flat, or a value is outside [0, 1].
        """
        require_size(sr, "niqe", BLOCK)
        require_unit(sr, "niqe")
        h, w = sr.shape[-2:]
        if (h // BLOCK) * (w // BLOCK) < BLOCKS:
            raise ValueError(
                f"niqe: image must be at least {BLOCKS} blocks of {BLOCK}x{BLOCK}: {BLOCKS * BLOCK}x{BLOCK} (got {w}x{h})"
            )
        # half up, as MATLAB's uint8() does; np.round goes to the even number
        levels = np.floor(sr[:, 0].double().cpu().numpy() * 255 + 0.5)
        return torch.tensor([self.distance(plane) for plane in levels], dtype=torch.float64)

    def distance(self, luma: Plane) -> float:
        """Equation 10, of luma in 0..255."""
        found = features(luma)
        # a flat block has no negative or no positive values to fit, and comes as NaN
        sound = found[np.isfinite(found).all(1)]
        if len(sound) < BLOCKS:
            raise ValueError(
                f"niqe: {len(sound)} of {len(found)} blocks of {BLOCK}x{BLOCK} are not flat, must be at least {BLOCKS}"
            )
        difference = self.mean - sound.mean(0)
        pooled = (self.covariance + np.cov(sound, rowvar=False)) / 2
        return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


def features(luma: Plane) -> Float[np.ndarray, "blocks 36"]:
    """18 numbers of each block on two scales; NaN or infinite ones where a block is flat."""
    h, w = luma.shape
    plane = np.ascontiguousarray(luma[: h - h % BLOCK, : w - w % BLOCK], dtype=np.float64)
    # of the luma itself, not of the normalised plane: each scale has local means of its own
    half = imresize(torch.from_numpy(plane)[None, None], 0.5)[0, 0].numpy()
    return np.hstack([_of_blocks(normalized(plane), BLOCK), _of_blocks(normalized(half), BLOCK // 2)])


def normalized(plane: Plane) -> Plane:
    """Equation 1: less the local mean, over the local deviation and 1; the border is repeated outside."""
    mean = _smooth(plane)
    # rounding can leave the variance of a flat area just below 0
    deviation = np.sqrt(np.abs(_smooth(plane * plane) - mean * mean))
    return (plane - mean) / (deviation + 1)


def _smooth(plane: Plane) -> Plane:
    reach = len(WINDOW)
    for axis in (1, 0):
        padded = np.pad(plane, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        length = plane.shape[axis]
        taps = [padded.take(range(start, start + length), axis) for start in range(2 * reach + 1)]
        plane = MIDDLE * taps[reach]
        for i, weight in enumerate(WINDOW):
            # one order of plain sums, farthest taps first: a convolution would choose its own
            plane = plane + (taps[i] + taps[-1 - i]) * weight
    return plane


def _of_blocks(plane: Plane, side: int) -> Float[np.ndarray, "blocks 18"]:
    """The fit to each block, then to the products of its neighbours, which wrap around within the block."""
    h, w = plane.shape
    blocks = plane.reshape(h // side, side, w // side, side).swapaxes(1, 2).reshape(-1, side, side)
    alpha, left, right = fit(blocks)
    # 2 numbers of the block and 4 for each of its 4 neighbours: 18
    columns = [alpha, (left + right) / 2]
    for shift in SHIFTS:
        alpha, left, right = fit(blocks * np.roll(blocks, shift, axis=(1, 2)))
        # the second is the mean of the fitted distribution
        columns += [alpha, (right - left) * gamma(2 / alpha) / gamma(1 / alpha), left, right]
    return np.stack(columns, axis=1)


def fit(blocks: Float[np.ndarray, "n h w"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An asymmetric generalized Gaussian (equation 4) to the values of each block: alpha, beta left and right.

    By moments, as Lasmar et al. 2009: alpha is the one of 0.2, 0.201, ..., 10 whose ratio is the nearest. NaN for a
    block without negative or without positive values.
    """
    values = blocks.reshape(len(blocks), -1)
    squares = values * values
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt((squares * (values < 0)).sum(1) / (values < 0).sum(1))
        right = np.sqrt((squares * (values > 0)).sum(1) / (values > 0).sum(1))
        sides = left / right
        ratio = np.abs(values).mean(1) ** 2 / squares.mean(1)
        ratio = ratio * (sides**3 + 1) * (sides + 1) / (sides**2 + 1) ** 2
    # RATIOS rises: the nearest is one of two neighbours, of equal ones the smaller alpha
    above = np.clip(np.searchsorted(RATIOS, ratio), 1, len(RATIOS) - 1)
    nearer_below = ratio - RATIOS[above - 1] <= RATIOS[above] - ratio
    alpha = np.where(np.isfinite(ratio), ALPHAS[above - nearer_below], np.nan)
    spread = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
    return alpha, left * spread, right * spread


def _model(file: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        found = loadmat(file)
    # that the file cannot be read is not a fault of its content
    except OSError:
        raise
    except Exception as error:  # SciPy's reader raises whatever it stumbles over
        raise ValueError(f"{file.name} must be a MATLAB file (got: {error})") from error
    arrays = []
    for name, shape in (("mu_prisparam", (1, FEATURES)), ("cov_prisparam", (FEATURES, FEATURES))):
        array = found.get(name)
        if array is None or array.shape != shape or not np.isfinite(array).all():
            what = "missing" if array is None else f"{array.shape}" if array.shape != shape else "not finite"
            raise ValueError(f"{file.name}: {name} is {what}, must be finite {shape}")
        arrays.append(array.astype(np.float64))
    return arrays[0][0], arrays[1]


def niqe(model: Path, device: torch.device) -> Niqe:
    """NIQE with the authors' model."""
    return Niqe(model, device)
