"""NIQE equals the paper's formulas written out block by block, and says what it cannot measure."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from scipy.ndimage import correlate
from scipy.special import gamma
from torch import Tensor

from baselines.bicubic import imresize
from bench.metrics import METRICS, load
from bench.metrics.niqe import BLOCK, Niqe, fit
from bench.prepare import Prepared, prepare_one, quantize, to_luma
from bench.protocols import protocol
from tests.bench.metrics.conftest import pair
from tests.bench.metrics.random_weights import pristine

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def niqe(weights: Path) -> Niqe:
    metric = load("niqe", lambda file: weights / file, CPU)
    assert isinstance(metric, Niqe)
    return metric


def luma(height: int, width: int, *, seed: int = 0) -> Tensor:
    return quantize(pair(1, 1, height, width, seed=seed)[0])


def moments(values: np.ndarray) -> tuple[float, float, float]:
    """alpha, beta left, beta right by a search over all alphas."""
    left = np.sqrt(np.mean(values[values < 0] ** 2))
    right = np.sqrt(np.mean(values[values > 0] ** 2))
    alphas = np.arange(0.2, 10.0005, 0.001)
    ratios = gamma(2 / alphas) ** 2 / (gamma(1 / alphas) * gamma(3 / alphas))
    g = left / right
    wanted = np.mean(np.abs(values)) ** 2 / np.mean(values**2) * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2
    alpha = alphas[np.argmin((ratios - wanted) ** 2)]
    spread = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
    return alpha, left * spread, right * spread


def by_hand(levels: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    distance = np.arange(-3, 4)
    window = np.exp(-(distance[:, None] ** 2 + distance**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    height, width = (side - side % 96 for side in levels.shape)
    plane, rows = levels[:height, :width], []
    for side in (96, 48):
        local = correlate(plane, window, mode="nearest")
        deviation = np.sqrt(np.abs(correlate(plane**2, window, mode="nearest") - local**2))
        normal = (plane - local) / (deviation + 1)
        of_scale = []
        for top in range(0, plane.shape[0], side):
            for start in range(0, plane.shape[1], side):
                block = normal[top : top + side, start : start + side]
                alpha, left, right = moments(block)
                row = [alpha, (left + right) / 2]
                for shift in ((0, 1), (1, 0), (1, 1), (-1, 1)):
                    alpha, left, right = moments(block * np.roll(block, shift, (0, 1)))
                    row += [alpha, (right - left) * gamma(2 / alpha) / gamma(1 / alpha), left, right]
                of_scale.append(row)
        rows.append(of_scale)
        plane = imresize(torch.tensor(plane)[None, None], 0.5)[0, 0].numpy()
    found = np.hstack(rows)
    difference = mean - found.mean(0)
    pooled = (covariance + np.cov(found.T)) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


@pytest.mark.parametrize("size", [(96, 192), (200, 311)])
def test_the_formulas_written_out_block_by_block_agree_to_1e_8(niqe: Niqe, size: tuple[int, int]) -> None:
    image = luma(*size)
    model = pristine()
    expected = by_hand(image[0, 0].numpy() * 255, model["mu_prisparam"][0], model["cov_prisparam"])
    assert niqe(image).item() == pytest.approx(expected, rel=1e-8)


def test_what_does_not_fill_a_block_is_cut_off_at_the_right_and_below(niqe: Niqe) -> None:
    image = luma(230, 300)
    assert torch.equal(niqe(image), niqe(image[..., :192, :288].contiguous()))


def test_a_pixel_more_at_the_top_moves_all_blocks(niqe: Niqe) -> None:
    image = luma(230, 300)
    assert niqe(image[..., 1:, :]).item() != niqe(image).item()


def test_a_fit_finds_the_parameters_of_values_drawn_from_them() -> None:
    generator = np.random.default_rng(0)
    alpha, left, right = (column[0] for column in fit(generator.normal(scale=2.0, size=(1, 300, 300))))
    assert alpha == pytest.approx(2, abs=0.05)
    assert left == pytest.approx(2 * 2**0.5, rel=0.02)
    assert right == pytest.approx(2 * 2**0.5, rel=0.02)


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [
        (95, 400, r"niqe: image must be at least 96x96 (got 400x95)"),
        (96, 96, r"niqe: image must be at least 2 blocks of 96x96: 192x96 (got 96x96)"),
        (191, 191, r"niqe: image must be at least 2 blocks of 96x96: 192x96 (got 191x191)"),
    ],
)
def test_an_image_smaller_than_two_blocks_is_refused_with_its_size(
    niqe: Niqe, height: int, width: int, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        niqe(luma(height, width))


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_image_is_refused_with_the_number_of_its_blocks_that_are_not(niqe: Niqe, level: float) -> None:
    with pytest.raises(ValueError, match=r"niqe: 0 of 4 blocks of 96x96 are not flat, must be at least 2"):
        niqe(torch.full((1, 1, 192, 192), round(level * 255) / 255))


def test_a_flat_block_is_left_out(niqe: Niqe) -> None:
    image = luma(96, 5 * BLOCK)
    image[..., 3 * BLOCK :] = 0
    found = niqe(image).item()
    assert np.isfinite(found)
    # of the fourth block, a border of three pixels has what is left of it in its window; the fifth is wholly flat
    assert found == niqe(image[..., : 4 * BLOCK].contiguous()).item()


def test_values_outside_the_range_are_refused(niqe: Niqe) -> None:
    with pytest.raises(ValueError, match=r"niqe: image has values from .* to 3.*, must be \[0, 1\]"):
        niqe(
            3 * luma(192, 192) + 0.0
            if luma(192, 192).max() == 1
            else 3 * luma(192, 192) / luma(192, 192).max()
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mu_prisparam": None}, r"mu_prisparam is missing, must be finite \(1, 36\)"),
        ({"cov_prisparam": np.eye(35)}, r"cov_prisparam is \(35, 35\), must be finite \(36, 36\)"),
        (
            {"mu_prisparam": np.full((1, 36), np.nan)},
            r"mu_prisparam is not finite, must be finite \(1, 36\)",
        ),
    ],
)
def test_a_file_that_is_not_the_model_is_refused_with_the_array(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    arrays = {name: array for name, array in (pristine() | change).items() if array is not None}
    savemat(tmp_path / "model.mat", arrays)
    with pytest.raises(ValueError, match=rf"model\.mat: {message}"):
        Niqe(tmp_path / "model.mat", CPU)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"MATLAB 5.0 MAT-file" + b"\0" * 200])
def test_a_file_that_is_no_matlab_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.mat"):
        Niqe(tmp_path / "model.mat", CPU)


def sides(name: str, image: Tensor) -> Prepared:
    return prepare_one(image, protocol(name, 4), grey=image.shape[1] == 1)


def test_what_it_sees_is_the_8_bit_luma_of_the_8_bit_rgb_under_each_protocol() -> None:
    image = pair(1, 3, 40, 44)[0]
    expected = to_luma(quantize(image))[..., 4:-4, 4:-4]
    for name in ("johnson2016", "rgb"):
        assert torch.equal(sides(name, image.float()).luma, expected)
    assert METRICS["niqe"].view == "luma"


def test_a_grey_image_and_luma_under_a_luma_first_protocol_are_seen_as_they_are() -> None:
    image = pair(1, 1, 40, 44)[0]
    for name in ("johnson2016", "rgb", "srcnn2014"):
        assert torch.equal(sides(name, image).luma, quantize(image)[..., 4:-4, 4:-4])
