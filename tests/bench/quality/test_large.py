"""Large images in strips and tiles: the same pixels and values as the ordinary path, in bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from baselines.bicubic import Bicubic
from bench.data import images
from bench.lr import degrade
from bench.metrics.psnr import psnr
from bench.metrics.ssim import ssim
from bench.prepare import modcrop, prepare, to_luma
from bench.protocols import johnson2016, rgb, srcnn2014
from bench.quality.strips import (
    as_bytes,
    as_tensor,
    cropped,
    degrade_large,
    luma,
    psnr_ssim,
    strips,
    upscale_large,
)
from bench.records import SRProtocol
from bench.tiling.tiles import Tiled

ROOT = Path(__file__).parents[3]
ASKED = "PERCEPTUAL_BENCH_100_MEGAPIXELS"
PROTOCOLS = [
    johnson2016(4),
    rgb(2),
    srcnn2014(3),
    replace(johnson2016(3), border="replicate", blur_sigma=1.6),
    replace(srcnn2014(2), blur_sigma=5.0),
]
IDS = ["johnson2016-x4", "rgb-x2", "srcnn2014-x3", "blurred-replicate-x3", "wide-blur-float-x2"]


def photograph(*, grey: bool = False) -> np.ndarray:
    return data.camera()[100:303, 150:351, None] if grey else data.astronaut()[:203, 100:301]


def ordinary(pixels: np.ndarray, protocol: SRProtocol) -> torch.Tensor:
    """hr on the ordinary path, as :class:`bench.quality.whole.Source` makes it."""
    whole = images.to_tensor(pixels)
    return modcrop(to_luma(whole) if protocol.colour == "y" else whole, protocol.scale)


def reference(pixels: np.ndarray, protocol: SRProtocol) -> np.ndarray:
    """The same as an array."""
    return cropped(luma(pixels) if protocol.colour == "y" else pixels, protocol.scale)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=IDS)
def test_lr_in_strips_is_lr_to_the_last_bit(protocol: SRProtocol, grey: bool) -> None:
    pixels = photograph(grey=grey)
    expected = degrade(ordinary(pixels, protocol), protocol)
    for strip_pixels in (1, 5000, 1 << 30):
        lr = degrade_large(reference(pixels, protocol), protocol, strip_pixels=strip_pixels)
        assert lr.dtype == (np.uint8 if protocol.arithmetic == "uint8" else np.float32)
        assert torch.equal(as_tensor(lr), expected)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=IDS)
def test_psnr_and_ssim_in_strips_are_those_of_the_whole_image(protocol: SRProtocol, grey: bool) -> None:
    pixels = photograph(grey=grey)
    hr = ordinary(pixels, protocol)
    sr = Bicubic(scale=protocol.scale)(degrade(hr, protocol))
    a, b = prepare(sr, hr, protocol)
    for strip_pixels in (1, 4000, 1 << 30):
        found = psnr_ssim(as_bytes(sr), reference(pixels, protocol), protocol, strip_pixels=strip_pixels)
        assert found.psnr == pytest.approx(float(psnr(a.channel, b.channel)), rel=0, abs=1e-10)
        assert found.ssim == pytest.approx(float(ssim(a.channel, b.channel)), rel=0, abs=1e-10)


def test_a_colour_sr_of_a_grey_hr_is_measured_as_on_the_ordinary_path() -> None:
    hr, sr = photograph(grey=True)[:200, :200], photograph()[:200, :200]
    a, b = prepare(images.to_tensor(sr), images.to_tensor(hr), johnson2016(4))
    found = psnr_ssim(sr, hr, johnson2016(4), strip_pixels=2000)
    assert found.psnr == pytest.approx(float(psnr(a.channel, b.channel)), rel=0, abs=1e-10)
    assert found.ssim == pytest.approx(float(ssim(a.channel, b.channel)), rel=0, abs=1e-10)


def test_identical_images_have_infinite_psnr_and_ssim_one() -> None:
    found = psnr_ssim(photograph(), photograph(), rgb(2), strip_pixels=3000)
    assert found.psnr == float("inf")
    assert found.ssim == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("protocol", PROTOCOLS[:3], ids=IDS[:3])
def test_the_whole_path_gives_the_pixels_and_values_of_the_ordinary_one(protocol: SRProtocol) -> None:
    pixels, upscaler = photograph(), Bicubic(scale=protocol.scale)
    hr = ordinary(pixels, protocol)
    sr = upscaler(degrade(hr, protocol))
    a, b = prepare(sr, hr, protocol)
    reference = cropped(luma(pixels) if protocol.colour == "y" else pixels, protocol.scale)
    tiles = Tiled(upscaler=upscaler, tile=17)
    tiled = upscale_large(degrade_large(reference, protocol), tiles)
    assert tiles.last is not None
    assert tiles.last.rows
    assert tiles.last.exact
    np.testing.assert_array_equal(tiled, as_bytes(sr))
    np.testing.assert_array_equal(tiled, images.to_array(sr))
    scores = psnr_ssim(tiled, reference, protocol)
    assert scores.psnr == pytest.approx(float(psnr(a.channel, b.channel)), rel=0, abs=1e-10)
    assert scores.ssim == pytest.approx(float(ssim(a.channel, b.channel)), rel=0, abs=1e-10)


def test_sr_can_be_written_into_a_memory_map(tmp_path: Path) -> None:
    lr = photograph()[:40, :50]
    out = np.memmap(tmp_path / "sr", dtype=np.uint8, mode="w+", shape=(80, 100, 3))
    upscale_large(lr, Tiled(upscaler=Bicubic(scale=2), tile=16), out=out)
    np.testing.assert_array_equal(out, as_bytes(Bicubic(scale=2)(as_tensor(lr))))


def test_a_grey_image_goes_as_rgb_to_a_model_that_takes_only_that() -> None:
    class Colour:
        scale, channels = 2, 3

        def __call__(self, lr: torch.Tensor) -> torch.Tensor:
            assert lr.shape[1] == 3
            return Bicubic(scale=2)(lr)

    lr = photograph(grey=True)[:40, :50]
    sr = upscale_large(lr, Tiled(upscaler=Colour(), tile=16))
    assert sr.shape == (80, 100, 3)
    assert (sr == sr[..., :1]).all()


def test_rounding_to_bytes_is_the_protocols() -> None:
    exact = torch.tensor([-0.1, 0, 0.5 / 255, 0.49 / 255, 1, 1.2]).view(1, 1, 1, -1)
    assert as_bytes(exact)[0, :, 0].tolist() == [0, 0, 1, 0, 255, 255]


class Broken:
    """Returns a constant."""

    scale, channels = 2, None

    def __init__(self, value: float, colours: int = 3) -> None:
        self.value, self.colours = value, colours

    def __call__(self, lr: torch.Tensor) -> torch.Tensor:
        return lr.new_full((1, self.colours, 2 * lr.shape[2], 2 * lr.shape[3]), self.value)


@pytest.mark.parametrize(
    ("upscaler", "message"),
    [
        (Broken(float("nan")), "values from nan to nan, must be"),
        (Broken(255.0), "values from 255 to 255, must be"),
        (Broken(0.5, colours=1), "returned 1 channels, must be 3"),
    ],
)
def test_what_is_no_image_is_refused(upscaler: Broken, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        upscale_large(photograph(), Tiled(upscaler=upscaler, tile=64, overlap=2))


def test_pairs_and_places_that_do_not_fit_are_refused() -> None:
    hr = photograph()
    with pytest.raises(ValueError, match="sr is 100x203, must be 201x203"):
        psnr_ssim(hr[:, :100], hr, johnson2016(4))
    with pytest.raises(ValueError, match=r"sr is float64 .* must be uint8"):
        psnr_ssim(hr / 255, hr, johnson2016(4))
    with pytest.raises(ValueError, match=r"image must be at least 19x19 \(got 18x203\)"):
        psnr_ssim(hr[:, :18], hr[:, :18], johnson2016(4))
    with pytest.raises(ValueError, match=r"out is uint8 \(2, 2, 3\), must be uint8 \(406, 402, 3\)"):
        upscale_large(hr, Tiled(upscaler=Bicubic(scale=2)), out=np.empty((2, 2, 3), np.uint8))


def test_strips_cover_every_row_once() -> None:
    assert list(strips(10, 4)) == [(0, 4), (4, 8), (8, 10)]
    assert list(strips(70, 1, 32)) == [(0, 32), (32, 64), (64, 70)]
    assert list(strips(5, 0)) == [(i, i + 1) for i in range(5)]


def measured(*arguments: str) -> list[dict[str, float]]:
    """What :mod:`tests.bench.quality.large_run` prints, without what the C library keeps of freed memory."""
    pytest.importorskip("resource")
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1048576", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.bench.quality.large_run", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak of a process's memory as Linux counts it")
def test_memory_grows_with_the_bytes_of_the_images_alone() -> None:
    small, large = measured("array", "bicubic", "2048x512", "2048x3072")
    arrays = large["array_bytes"] - small["array_bytes"]
    assert large["pixels"] >= 6_000_000
    # hr and sr in float32 and once in float64, as the ordinary path has them, would be 240 MiB more
    assert large["peak_bytes"] - small["peak_bytes"] <= arrays + (80 << 20)


@pytest.mark.skipif(not os.environ.get(ASKED), reason=f"takes minutes: set {ASKED}=bicubic, or sr-pixel")
@pytest.mark.timeout(3600)
def test_100_megapixels_are_read_upscaled_and_scored_within_4_gb() -> None:
    (found,) = measured("file", os.environ[ASKED], "10000x10000")
    print(found)
    assert found["pixels"] == 100_000_000
    assert found["peak_bytes"] < 4e9
    assert 20 < found["psnr"] < 40
