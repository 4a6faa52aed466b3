"""PSNR by hand and against scikit-image."""

from __future__ import annotations

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from bench.metrics.pair import require_pair
from bench.metrics.psnr import psnr
from tests.bench.metrics.conftest import pair


def test_an_error_of_a_tenth_is_twenty_decibels_and_a_hundredth_forty() -> None:
    hr = torch.full((2, 1, 3, 4), 0.5, dtype=torch.float64)
    sr = hr + torch.tensor([0.1, 0.01]).double()[:, None, None, None]
    torch.testing.assert_close(psnr(sr, hr), torch.tensor([20.0, 40.0]).double(), rtol=0, atol=1e-6)


def test_identical_images_are_infinite_and_almost_identical_ones_are_not_capped() -> None:
    hr = torch.full((1, 1, 4, 4), 0.5, dtype=torch.float64)
    assert psnr(hr, hr).item() == torch.inf
    assert psnr(hr + 1e-9, hr).item() == pytest.approx(180, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 31, 40), (2, 3, 17, 12)])
def test_scikit_image_agrees_to_1e_9(shape: tuple[int, ...]) -> None:
    sr, hr = pair(*shape)
    for value, a, b in zip(psnr(sr, hr), sr.numpy(), hr.numpy(), strict=True):
        assert value.item() == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1), abs=1e-9)


def test_float32_images_are_measured_in_float64() -> None:
    sr, hr = (image.float() for image in pair(1, 1, 64, 64))
    assert torch.equal(psnr(sr, hr), psnr(sr.double(), hr.double()))


def test_a_pair_that_broadcasts_is_refused() -> None:
    one, two = torch.zeros(1, 1, 4, 4), torch.zeros(2, 1, 4, 4)
    with pytest.raises(ValueError, match=r"sr has shape \(1, 1, 4, 4\), must be that of hr, \(2, 1, 4, 4\)"):
        require_pair(one, two, "psnr")
