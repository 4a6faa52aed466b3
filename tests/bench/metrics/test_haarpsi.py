"""HaarPSI against the paper's formula written in SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from bench.metrics.haarpsi import haarpsi
from tests.bench.metrics.conftest import pair

YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
C, ALPHA = 30, 4.2


def same(plane: np.ndarray, window: np.ndarray) -> np.ndarray:
    """MATLAB's conv2(..., 'same'), which SciPy has one pixel off for windows of even size."""
    start, full = window.shape[0] // 2, signal.convolve2d(plane, window)
    return full[start : start + plane.shape[0], start : start + plane.shape[1]]


def haar(plane: np.ndarray, scale: int) -> np.ndarray:
    """Magnitudes of the horizontal and the vertical coefficients."""
    window = np.full((2**scale, 2**scale), 2.0**-scale)
    window[: 2**scale // 2] *= -1
    return np.abs([same(plane, window), same(plane, window.T)])


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (2 * a * b + C) / (a**2 + b**2 + C)


def by_the_paper(sr: np.ndarray, hr: np.ndarray) -> float:
    mean = np.full((2, 2), 0.25)
    x, y = ([same(plane, mean)[::2, ::2] for plane in np.tensordot(YIQ, 255 * i, 1)] for i in (sr, hr))
    fine = [similarity(haar(x[0], scale), haar(y[0], scale)) for scale in (1, 2)]
    weights = np.maximum(haar(x[0], 3), haar(y[0], 3))
    chroma = [similarity(*(np.abs(same(z[i], mean)) for z in (x, y))) for i in (1, 2)]
    local = np.stack([*np.mean(fine, 0), np.mean(chroma, 0)])
    weights = np.stack([*weights, weights.mean(0)])
    pooled = (weights / (1 + np.exp(-ALPHA * local))).sum() / weights.sum()
    return float((np.log(pooled / (1 - pooled)) / ALPHA) ** 2)


@pytest.mark.parametrize("size", [(40, 48), (41, 48), (33, 35), (16, 16)])
def test_the_papers_formula_agrees_to_1e_9_at_even_and_odd_sizes(size: tuple[int, int]) -> None:
    sr, hr = pair(1, 3, *size)
    assert haarpsi(sr, hr).item() == pytest.approx(by_the_paper(sr[0].numpy(), hr[0].numpy()), abs=1e-9)


def test_the_order_of_the_pair_does_not_matter() -> None:
    sr, hr = pair(1, 3, 40, 48)
    torch.testing.assert_close(haarpsi(sr, hr), haarpsi(hr, sr), rtol=0, atol=1e-12)


def test_a_grey_image_as_three_channels_has_wholly_similar_chroma() -> None:
    sr, hr = pair(1, 1, 40, 48)
    import piq

    plane = piq.haarpsi(sr, hr).item()
    assert plane < haarpsi(sr.expand(-1, 3, -1, -1), hr.expand(-1, 3, -1, -1)).item() < 1


def test_a_value_outside_the_range_is_refused_with_the_values() -> None:
    sr, hr = pair(1, 3, 40, 48)
    with pytest.raises(ValueError, match=r"haarpsi: image has values from -.*, must be \[0, 1\]"):
        haarpsi(sr, hr - 1)
