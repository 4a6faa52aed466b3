"""VIFp against the authors' procedure written in SciPy, against piq and against torchmetrics."""

from __future__ import annotations

import numpy as np
import piq
import pytest
import torch
from scipy import signal
from torchmetrics.functional.image import visual_information_fidelity

from bench.metrics.vif import vif_p
from tests.bench.metrics.conftest import pair

LUMA = (0.299, 0.587, 0.114)


def by_the_authors(sr: np.ndarray, hr: np.ndarray) -> float:
    """Information that sr keeps over information in hr, at four scales; both planes in 0..255, noise variance 2."""
    kept = whole = 0.0
    for scale in range(4):
        side = 2 ** (4 - scale) + 1
        window = np.outer(*[signal.windows.gaussian(side, side / 5)] * 2)
        window /= window.sum()

        def mean(image: np.ndarray, window: np.ndarray = window) -> np.ndarray:
            return signal.convolve2d(image, window, mode="valid")

        if scale:
            sr, hr = mean(sr)[::2, ::2], mean(hr)[::2, ::2]
        of_hr, of_sr = mean(hr * hr) - mean(hr) ** 2, mean(sr * sr) - mean(sr) ** 2
        covariance = mean(sr * hr) - mean(sr) * mean(hr)
        gain = np.maximum(covariance / of_hr, 0)
        noise = of_sr - gain * covariance
        kept += np.log10(1 + gain**2 * of_hr / (noise + 2)).sum()
        whole += np.log10(1 + of_hr / 2).sum()
    return float(kept / whole)


@pytest.mark.parametrize("size", [(41, 41), (64, 71), (90, 63)])
def test_the_authors_procedure_agrees_to_1e_8(size: tuple[int, int]) -> None:
    sr, hr = pair(1, 3, *size)
    planes = (255 * np.tensordot(LUMA, image[0].numpy(), 1) for image in (sr, hr))
    assert vif_p(sr, hr).item() == pytest.approx(by_the_authors(*planes), abs=1e-8)


def test_torchmetrics_agrees_to_1e_6_on_luma() -> None:
    sr, hr = pair(2, 3, 64, 71)
    weights = torch.tensor(LUMA).double()
    planes = (255 * torch.einsum("nchw,c->nhw", image, weights)[:, None] for image in (sr, hr))
    assert vif_p(sr, hr).mean().item() == pytest.approx(visual_information_fidelity(*planes).item(), abs=1e-6)


def test_hr_is_the_reference_and_more_contrast_than_hr_has_is_above_one() -> None:
    sr, hr = pair(1, 3, 64, 71)
    assert abs(vif_p(sr, hr).item() - vif_p(hr, sr).item()) > 0.01
    hr = 0.25 + hr / 2
    assert vif_p((hr - 0.5) * 1.3 + 0.5, hr).item() > 1


def test_a_flat_image_keeps_nothing() -> None:
    _, hr = pair(1, 3, 64, 71)
    assert vif_p(torch.full_like(hr, 0.5), hr).item() == pytest.approx(0, abs=1e-6)


def test_piq_agrees_to_1e_7_also_where_most_of_the_image_is_flat() -> None:
    sr, hr = pair(2, 3, 64, 71)
    flat = torch.full((2, 3, 90, 90), 0.97, dtype=torch.float64)
    pairs = [
        (sr, hr),
        tuple(torch.cat([flat[..., :26, :71], image], dim=-2) for image in (sr, hr)),
        (flat, flat),
    ]
    for a, b in pairs:
        torch.testing.assert_close(vif_p(a, b), piq.vif_p(a, b, reduction="none"), rtol=0, atol=1e-7)
