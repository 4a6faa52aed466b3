"""How fast PSNR and SSIM are beside scikit-image, in one run: `nox -s benchmarks`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from skimage.metrics import structural_similarity

from bench.metrics.psnr import psnr
from bench.metrics.ssim import ssim
from tests.benchmarks.ratio import require_times_faster

SIDE = 1024
CORES = 2
REQUIRED = 4.0
ROUNDS = 15


@pytest.fixture(autouse=True)
def two_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield
    torch.set_num_threads(before)


def test_psnr_and_ssim_are_at_least_four_times_as_fast_as_scikit_images_ssim(
    benchmark: BenchmarkFixture,
) -> None:
    hr = torch.rand((1, 1, SIDE, SIDE), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sr = (0.9 * hr + 0.05).contiguous()
    a, b = sr[0, 0].numpy(), hr[0, 0].numpy()

    def ours() -> object:
        return psnr(sr, hr), ssim(sr, hr)

    def theirs() -> object:
        return structural_similarity(
            *(b, a), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
        )

    require_times_faster(
        benchmark, theirs, ours, reference="scikit-image's SSIM alone", required=REQUIRED, rounds=ROUNDS
    )
