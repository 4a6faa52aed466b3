"""How fast PSNR and SSIM are beside scikit-image, and LPIPS beside its package, in one run: `nox -s benchmarks`."""

from __future__ import annotations

from pathlib import Path

import lpips
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from safetensors.torch import save_file
from skimage.metrics import structural_similarity

from bench.metrics.lpips_distance import LpipsDistance
from bench.metrics.lpips_distance import alex as lpips_alex
from bench.metrics.lpips_distance import vgg as lpips_vgg
from bench.metrics.psnr import psnr
from bench.metrics.ssim import ssim
from tests.bench.metrics.random_weights import trunk
from tests.benchmarks.ratio import require_times_faster

SIDE = 1024
pytestmark = pytest.mark.usefixtures("two_cores")
REQUIRED = 4.0
ROUNDS = 15
# 2.0 measured: the features of hr, half of the work, are kept from the first model on.
LPIPS_REQUIRED = 1.9
LPIPS = {"alex": (lpips_alex, 512, 9), "vgg": (lpips_vgg, 192, 5)}


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


@pytest.fixture(scope="module")
def trunks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random convolutions: they take as long as trained ones."""
    folder = tmp_path_factory.mktemp("trunks")
    for name in ("alexnet", "vgg16"):
        file = f"{name}-features.safetensors"
        save_file(
            {f"features.{key}": array for key, array in trunk(file).state_dict().items()}, folder / file
        )
    return folder


@pytest.mark.parametrize("net", LPIPS)
def test_lpips_of_the_second_and_further_models_is_nearly_twice_as_fast_as_the_package(
    benchmark: BenchmarkFixture, trunks: Path, net: str
) -> None:
    make, side, rounds = LPIPS[net]
    metric: LpipsDistance = make(
        trunks / f"{'alexnet' if net == 'alex' else 'vgg16'}-features.safetensors", torch.device("cpu")
    )
    generator = torch.Generator().manual_seed(0)
    sr, hr = (torch.rand((1, 3, side, side), generator=generator) for _ in range(2))
    reference = metric.reference(hr)

    def ours() -> object:
        return metric.against(sr, reference)

    package = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()
    for part in package.net.children():
        for number, layer in part.named_children():
            layer.load_state_dict(metric.trunk.features[int(number)].state_dict())

    @torch.no_grad()
    def theirs() -> object:
        return package(sr, hr, normalize=True)

    torch.testing.assert_close(ours(), theirs().flatten(), rtol=1e-4, atol=1e-6)  # type: ignore[attr-defined]
    require_times_faster(
        benchmark,
        theirs,
        ours,
        reference="the package called plainly",
        required=LPIPS_REQUIRED,
        rounds=rounds,
    )
