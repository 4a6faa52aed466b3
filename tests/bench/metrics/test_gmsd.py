"""GMSD against the paper's formula written in SciPy, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.metrics.gmsd import gmsd
from tests.bench.metrics.conftest import pair


def by_the_paper(sr: np.ndarray, hr: np.ndarray) -> float:
    """From (3, h, w) in [0, 1]: luma in 0..255, means of 2x2, Prewitt gradients, their similarity, its deviation."""
    gradients = []
    for image in (sr, hr):
        luma = 255 * np.tensordot([0.299, 0.587, 0.114], image, 1)
        luma = np.pad(luma, ((0, luma.shape[0] % 2), (0, luma.shape[1] % 2)))
        half = luma.reshape(luma.shape[0] // 2, 2, luma.shape[1] // 2, 2).mean((1, 3))
        across, down = (ndimage.prewitt(half, axis, mode="constant") / 3 for axis in (0, 1))
        gradients.append(np.hypot(across, down))
    x, y = gradients
    return float(((2 * x * y + 170) / (x**2 + y**2 + 170)).std())


@pytest.mark.parametrize("size", [(40, 48), (41, 48), (40, 47), (33, 35)])
def test_the_papers_formula_agrees_to_1e_9_at_even_and_odd_sizes(size: tuple[int, int]) -> None:
    sr, hr = pair(1, 3, *size)
    assert gmsd(sr, hr).item() == pytest.approx(by_the_paper(sr[0].numpy(), hr[0].numpy()), abs=1e-9)


def test_the_order_and_the_orientation_of_the_pair_do_not_matter() -> None:
    sr, hr = pair(1, 3, 40, 48)
    expected = gmsd(sr, hr)
    for a, b in ((hr, sr), (sr.flip(-1), hr.flip(-1)), (sr.mT, hr.mT)):
        torch.testing.assert_close(gmsd(a, b), expected, rtol=0, atol=1e-12)


def test_chroma_does_not_count() -> None:
    _, hr = pair(1, 3, 40, 48)
    hr = 0.25 + hr / 2
    sr = hr + torch.tensor([0.1 / 0.299, -0.1 / 0.587, 0.0]).double()[:, None, None]
    assert (sr - hr).abs().max() > 0.3
    assert gmsd(sr, hr).item() == pytest.approx(0, abs=1e-12)


def test_a_value_outside_the_range_is_refused_with_the_values() -> None:
    sr, hr = pair(1, 3, 40, 48)
    with pytest.raises(ValueError, match=r"gmsd: image has values from .*, must be \[0, 1\]"):
        gmsd(255 * sr, hr)
