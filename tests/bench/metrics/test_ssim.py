"""SSIM by hand, against scikit-image and against the definition, one window at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from bench.metrics import ssim as module
from bench.metrics.ms_ssim import ms_ssim
from bench.metrics.ssim import C1, C2, ssim
from tests.bench.metrics.conftest import pair


def by_skimage(sr: np.ndarray, hr: np.ndarray) -> float:
    _, full = structural_similarity(
        *(hr, sr),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        full=True,
    )
    return full[5:-5, 5:-5].mean()


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
            values.append(luminance * (2 * covariance + C2) / (var_a + var_b + C2))
    return float(np.mean(values))


@pytest.mark.parametrize(
    ("height", "width"), [(11, 11), (12, 26), (26, 27), (42, 43), (43, 42), (74, 75), (107, 58), (130, 131)]
)
def test_scikit_image_agrees_to_1e_9_at_every_strip_and_block_boundary(height: int, width: int) -> None:
    sr, hr = pair(1, 1, height, width)
    assert ssim(sr, hr).item() == pytest.approx(by_skimage(sr[0, 0].numpy(), hr[0, 0].numpy()), abs=1e-9)


def test_the_definition_agrees_to_1e_9() -> None:
    sr, hr = pair(1, 1, 19, 23)
    assert ssim(sr, hr).item() == pytest.approx(by_definition(sr[0, 0].numpy(), hr[0, 0].numpy()), abs=1e-9)


def test_channels_are_measured_alone_then_averaged() -> None:
    sr, hr = pair(2, 3, 33, 30)
    for value, a, b in zip(ssim(sr, hr), sr.numpy(), hr.numpy(), strict=True):
        assert value.item() == pytest.approx(
            np.mean([by_skimage(*c) for c in zip(a, b, strict=True)]), abs=1e-9
        )


def test_two_flat_images_by_hand() -> None:
    a, b = 0.25, 0.75
    flat = torch.ones(1, 1, 20, 20, dtype=torch.float64)
    assert ssim(a * flat, b * flat).item() == pytest.approx((2 * a * b + C1) / (a**2 + b**2 + C1), abs=1e-12)


def test_an_image_and_its_negative_have_a_negative_value() -> None:
    _, hr = pair(1, 1, 40, 40)
    hr = hr - hr.mean() + 0.5
    assert -1 < ssim(1 - hr, hr).item() < 0


def test_the_order_and_the_orientation_of_the_pair_do_not_matter() -> None:
    sr, hr = pair(1, 1, 50, 61)
    expected = ssim(sr, hr)
    for a, b in ((hr, sr), (sr.flip(-1), hr.flip(-1)), (sr.mT, hr.mT)):
        torch.testing.assert_close(ssim(a, b), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 7, 16, 256])
def test_the_height_of_a_strip_does_not_matter(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sr, hr = pair(1, 1, 75, 49)
    expected = ssim(sr, hr)
    monkeypatch.setitem(module.STRIP, "cpu", rows)
    torch.testing.assert_close(ssim(sr, hr), expected, rtol=0, atol=1e-12)


def test_an_image_below_the_window_is_refused_with_both_sizes() -> None:
    sr, hr = pair(1, 1, 10, 30)
    with pytest.raises(ValueError, match=r"ssim: image must be at least 11x11 \(got 30x10\)"):
        ssim(sr, hr)


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
@pytest.mark.parametrize("shape", [(1, 1, 400, 170), (2, 3, 331, 201)])
def test_the_number_of_threads_changes_no_bit(
    metric: Callable[..., torch.Tensor], shape: tuple[int, ...]
) -> None:
    sr, hr = pair(*shape)
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(metric(sr, hr))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
