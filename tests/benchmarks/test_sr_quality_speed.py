"""`bench.sr_quality` as a whole: the answer to --help, and the three sets from an empty results file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture
from skimage.metrics import structural_similarity
from torch import nn

from bench.data import cache, datasets
from tests.benchmarks.ratio import record, require_enabled, seconds
from tests.benchmarks.test_imresize_speed import gather

HELP_SECONDS = 0.5
BEYOND_TORCH_SECONDS = 0.2
THREE_SETS_SECONDS = 60
SETS = ("set5", "set14", "bsd100")
SAMPLE = 5
ROUNDS = 7


def python(*arguments: str, folder: Path | None = None) -> None:
    """Modules are compiled once and kept, as those of an installed package are."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *arguments], cwd=folder, env=kept, check=True, capture_output=True)


def program(*arguments: str, folder: Path) -> None:
    python("-m", "bench.sr_quality", *arguments, folder=folder)


def bare_interpreter() -> None:
    python("-c", "import argparse")


def limit(benchmark: BenchmarkFixture, seconds: float) -> None:
    """Speed is asserted in the benchmark session alone, where there are statistics."""
    if benchmark.stats:
        assert benchmark.stats.stats.min < seconds


def test_help(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    benchmark(program, "--help", folder=tmp_path)
    limit(benchmark, HELP_SECONDS)
    if benchmark.enabled:
        pairs = [
            (seconds(bare_interpreter), seconds(lambda: program("--help", folder=tmp_path)))
            for _ in range(ROUNDS)
        ]
        ratio = min(bare for bare, _ in pairs) / min(ours for _, ours in pairs)
        record(benchmark, reference="Python's start with argparse", ratio=ratio, required=None)


def test_the_first_score_comes_soon_after_torch(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """All that one photograph takes but torch's import: processor time, which others on the machine change less."""
    require_enabled(benchmark)
    options = (
        "samples",
        "--limit",
        "1",
        "--models",
        "bicubic",
        "--metrics",
        "psnr",
        "ssim",
        "--no-images",
        "--force",
    )

    def processor_seconds(work: Callable[[], object]) -> float:
        before = os.times()
        work()
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    def torch_alone() -> None:
        # As a program ends: without the deallocation of its objects.
        python("-c", "import torch, os; os._exit(0)")

    ours: list[float] = []
    benchmark.pedantic(
        lambda: ours.append(processor_seconds(lambda: program(*options, folder=tmp_path))), rounds=ROUNDS
    )
    bare = min(processor_seconds(torch_alone) for _ in range(ROUNDS))
    beyond = min(ours) - bare
    benchmark.extra_info["seconds beyond torch"] = beyond
    assert beyond < BEYOND_TORCH_SECONDS
    record(benchmark, reference="the import of torch", ratio=bare / min(ours), required=None)


class PlainSRCNN(nn.Sequential):
    """The layers of SRCNN 9-5-5 as torch has them, of random weights."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(1, 64, 9, padding=4), nn.ReLU(), nn.Conv2d(64, 32, 5, padding=2), nn.ReLU()),
            nn.Conv2d(32, 1, 5, padding=2),
        )


def the_plain_way(file: Path, network: nn.Module) -> None:
    """An image by bicubic and by SRCNN with NumPy, plain layers and scikit-image; the pictures are encoded as PNG."""
    with Image.open(file) as opened:
        rgb = np.asarray(opened.convert("RGB"), dtype=np.float32) / 255
    height, width = (side // 4 * 4 for side in rgb.shape[:2])
    hr = np.ascontiguousarray(rgb[:height, :width].transpose(2, 0, 1))[None]
    lr = gather(hr, Fraction(1, 4))
    bicubic = gather(lr, Fraction(4)).astype(np.float32)
    with torch.inference_mode():
        luma = network(torch.from_numpy(bicubic.mean(1, keepdims=True))).numpy()
    for image in (bicubic, np.repeat(luma, 3, axis=1)):
        levels = (image[0].clip(0, 1) * 255).round().astype(np.uint8)
        Image.fromarray(levels.transpose(1, 2, 0)).save(io.BytesIO(), "PNG")
        a, b = levels.mean(0) / 255, hr[0].mean(0)
        structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
        )


def files_of(name: str) -> list[Path]:
    return [cache.find(image.file, verify=False) for image in datasets.dataset(name).images]


def pixels(files: list[Path]) -> int:
    count = 0
    for file in files:
        with Image.open(file) as opened:
            count += opened.width * opened.height
    return count


@pytest.mark.usefixtures("real_data")
def test_set5_set14_bsd100_with_bicubic_and_srcnn(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    require_enabled(benchmark)
    models = ["--models", "bicubic", "srcnn-955", "--metrics", "psnr", "ssim"]
    benchmark.pedantic(program, (*SETS, *models), {"folder": tmp_path}, rounds=1)
    network, every = PlainSRCNN().eval(), [file for name in SETS for file in files_of(name)]
    sample = files_of("bsd100")[:SAMPLE]
    plain = min(
        sum(seconds(lambda file=file: the_plain_way(file, network)) for file in sample) for _ in range(3)
    )
    ratio = plain * pixels(every) / pixels(sample) / benchmark.stats.stats.min
    record(benchmark, reference="NumPy, plain layers, scikit-image", ratio=ratio, required=None)
    limit(benchmark, THREE_SETS_SECONDS)
