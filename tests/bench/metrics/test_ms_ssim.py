"""MS-SSIM by hand, against piq and against Wang's procedure written in SciPy."""

from __future__ import annotations

import numpy as np
import piq
import pytest
import torch
from scipy import ndimage, signal

from bench.metrics.ms_ssim import MINIMUM, WEIGHTS, half, ms_ssim
from bench.metrics.ssim import C1, C2
from tests.bench.metrics.conftest import pair


def by_scipy(x: np.ndarray, y: np.ndarray) -> float:
    """Two-dimensional convolution in the valid region; the 2x2 mean by a filter that mirrors, every second pixel."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(image: np.ndarray) -> np.ndarray:
        return signal.convolve2d(image, window, mode="valid")

    result = 1.0
    for i, weight in enumerate(WEIGHTS):
        a, b = mean(x), mean(y)
        contrast = (2 * (mean(x * y) - a * b) + C2) / (mean(x * x) - a * a + mean(y * y) - b * b + C2)
        luminance = (2 * a * b + C1) / (a * a + b * b + C1)
        result *= (contrast * luminance if i == len(WEIGHTS) - 1 else contrast).mean() ** weight
        x, y = (
            ndimage.correlate(z, np.full((2, 2), 0.25), origin=-1, mode="reflect")[::2, ::2] for z in (x, y)
        )
    return result


@pytest.mark.parametrize("size", [(161, 161), (176, 208), (163, 170), (200, 185)])
def test_scipy_agrees_to_1e_9_at_even_and_odd_sizes(size: tuple[int, int]) -> None:
    sr, hr = pair(1, 1, *size)
    assert ms_ssim(sr, hr).item() == pytest.approx(by_scipy(sr[0, 0].numpy(), hr[0, 0].numpy()), abs=1e-9)


def test_piq_agrees_to_1e_9_on_three_channels() -> None:
    sr, hr = pair(2, 3, 176, 208)
    other = piq.multi_scale_ssim(sr, hr, data_range=1.0, reduction="none")
    torch.testing.assert_close(ms_ssim(sr, hr), other, rtol=0, atol=1e-9)


def test_two_flat_images_differ_in_luminance_at_the_last_scale_alone() -> None:
    a, b = 0.25, 0.75
    flat = torch.ones(1, 1, 170, 170, dtype=torch.float64)
    luminance = (2 * a * b + C1) / (a**2 + b**2 + C1)
    assert ms_ssim(a * flat, b * flat).item() == pytest.approx(luminance ** WEIGHTS[-1], abs=1e-12)


def test_the_weights_are_the_papers_and_sum_to_one() -> None:
    assert sum(WEIGHTS) == pytest.approx(1, abs=1e-4)


def test_half_by_hand_with_an_odd_side_mirrored() -> None:
    plane = torch.tensor([[1.0, 3.0, 5.0], [5.0, 7.0, 9.0], [0.0, 2.0, 4.0]])
    torch.testing.assert_close(half(plane), torch.tensor([[4.0, 7.0], [1.0, 4.0]]))


def test_an_image_against_its_negative_counts_as_nothing_and_is_not_nan() -> None:
    _, hr = pair(1, 1, 161, 170)
    hr = hr - hr.mean() + 0.5
    assert ms_ssim(1 - hr, hr).item() == 0


def test_the_least_size_is_161_and_less_is_refused_with_both_sizes() -> None:
    assert MINIMUM == 161
    sr, hr = pair(1, 1, 161, 160)
    with pytest.raises(ValueError, match=r"ms-ssim: image must be at least 161x161 \(got 160x161\)"):
        ms_ssim(sr, hr)
