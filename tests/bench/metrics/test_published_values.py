"""Values that the metrics' authors, or who calibrated against their code, print: each comes out, under a named convention.

TID2013 pairs: the calibration table of IQA-PyTorch (`ResultsCalibra`), run with the authors' MATLAB and Python code.
LPIPS' pictures: what `test_network.py` of richzhang/PerceptualSimilarity prints of them. DISTS: piq's tests, after the
authors' code. NIQE of photographs: the authors' release under Octave (mxzhuang/parallel-perceptual-index).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bench.data.datasets import dataset
from bench.data.images import load as load_image
from bench.data.images import to_tensor
from bench.metrics import load
from bench.metrics.ms_ssim import WEIGHTS, half
from bench.metrics.ssim import similarity
from bench.prepare import rgb_to_y, shave, to_luma

CPU = torch.device("cpu")
TID2013 = ("I03", "I04", "I06", "I08", "I19")
# MATLAB's rgb2gray: the first row of the inverse of its NTSC matrix.
RGB2GRAY = (0.298936021293775, 0.587043074451121, 0.114020904255103)
PHOTOGRAPHS = {"astronaut": 3.020724, "chelsea": 2.689313, "coffee": 4.079660, "rocket": 6.729799}


def picture(file: Path) -> Tensor:
    """RGB in [0, 1], `1 3 h w`."""
    with Image.open(file) as opened:
        return to_tensor(np.array(opened.convert("RGB")))


def pair(folder: Path, image: str) -> tuple[Tensor, Tensor]:
    """(distorted, reference) of TID2013."""
    return tuple(picture(folder / f"golden/iqa/tid2013/{side}/{image}.png") for side in ("dist", "ref"))


def grey(rgb: Tensor) -> Tensor:
    """What MATLAB's rgb2gray makes of 8-bit RGB: full-range luma rounded to 8 bits."""
    levels = torch.einsum("nchw,c->nhw", (rgb.double() * 255).round(), torch.tensor(RGB2GRAY).double())
    return torch.floor(levels + 0.5)[:, None] / 255


def three(plane: Tensor) -> Tensor:
    return plane.expand(-1, 3, -1, -1)


@pytest.fixture(scope="module")
def official(real_data: Path) -> dict[str, dict[str, float]]:
    """By metric and image."""
    with (real_data / "golden/iqa/official.csv").open(encoding="utf-8") as stream:
        return {row["metric"]: {i: float(row[i]) for i in TID2013} for row in csv.DictReader(stream)}


def measure(name: str, folder: Path, a: Tensor, b: Tensor) -> float:
    return load(name, lambda file: folder / file, CPU)(a, b).item()


@pytest.mark.parametrize("image", TID2013)
def test_lpips_alex_of_tid2013_is_the_published_one_to_all_digits(
    real_data: Path, official: dict[str, dict[str, float]], image: str
) -> None:
    printed = official["lpips-alex"][image]
    unit = 1e-5 if printed < 0.1 else 1e-4
    assert measure("lpips-alex", real_data, *pair(real_data, image)) == pytest.approx(printed, abs=unit / 2)


@pytest.mark.parametrize(
    ("name", "distorted", "printed"),
    [
        ("lpips-alex", "ex_p0", 0.7219),
        ("lpips-alex", "ex_p1", 0.1376),
        ("lpips-vgg", "ex_p0", 0.5686),
        ("lpips-vgg", "ex_p1", 0.4217),
    ],
)
def test_lpips_of_the_pictures_in_its_own_repository_is_what_its_script_prints(
    real_data: Path, name: str, distorted: str, printed: float
) -> None:
    a, b = (picture(real_data / f"golden/iqa/lpips/{stem}.png") for stem in (distorted, "ex_ref"))
    assert measure(name, real_data, a, b) == pytest.approx(printed, abs=5e-5)


@pytest.mark.parametrize("image", TID2013)
def test_dists_of_the_whole_image_is_the_published_one(
    real_data: Path, official: dict[str, dict[str, float]], image: str
) -> None:
    printed = official["dists"][image]
    assert measure("dists", real_data, *pair(real_data, image)) == pytest.approx(printed, abs=5.1e-5)


@pytest.mark.parametrize(
    ("distorted", "reference", "printed"),
    [("goldhill_jpeg.gif", "goldhill.gif", 0.19509), ("i01_01_5.bmp", "I01.BMP", 0.17321)],
)
def test_dists_256_is_what_piq_prints_after_the_authors_code(
    real_data: Path, distorted: str, reference: str, printed: float
) -> None:
    a, b = (picture(real_data / "golden/iqa/piq" / file) for file in (distorted, reference))
    assert measure("dists-256", real_data, a, b) == pytest.approx(printed, abs=1e-5)
    assert abs(measure("dists", real_data, a, b) - printed) > 0.05


@pytest.mark.parametrize("image", TID2013)
def test_the_official_psnr_is_that_of_the_rgb_channels(
    real_data: Path, official: dict[str, dict[str, float]], image: str
) -> None:
    a, b = pair(real_data, image)
    printed = official["psnr"][image]
    assert measure("psnr", real_data, a, b) == pytest.approx(printed, abs=0.005)
    assert measure("psnr", real_data, rgb_to_y(a), rgb_to_y(b)) > printed + 1.5


@pytest.mark.parametrize("image", TID2013)
def test_the_official_ssim_is_ours_on_8_bit_full_range_luma(
    real_data: Path, official: dict[str, dict[str, float]], image: str
) -> None:
    a, b = map(grey, pair(real_data, image))
    assert measure("ssim", real_data, a, b) == pytest.approx(official["ssim"][image], abs=5e-5)


@pytest.mark.parametrize("image", TID2013)
def test_the_official_ms_ssim_adds_up_the_terms_that_the_paper_and_ours_multiply(
    real_data: Path, official: dict[str, dict[str, float]], image: str
) -> None:
    planes = [grey(side)[0, 0] for side in pair(real_data, image)]
    terms = []
    for _ in WEIGHTS:
        terms.append(similarity(*planes))
        planes = [half(plane) for plane in planes]
    factors = [*(term.contrast.item() for term in terms[:-1]), terms[-1].ssim.item()]
    total = sum(w * f for w, f in zip(WEIGHTS, factors, strict=True)) / sum(WEIGHTS)
    product = np.prod([f**w for w, f in zip(WEIGHTS, factors, strict=True)])
    assert total == pytest.approx(official["ms_ssim"][image], abs=5e-5)
    ours = measure("ms-ssim", real_data, *map(grey, pair(real_data, image)))
    assert ours == pytest.approx(product, abs=1e-12)
    assert ours == pytest.approx(official["ms_ssim"][image], abs=5e-3)


@pytest.mark.parametrize("image", TID2013)
def test_the_official_gmsd_is_ours_on_8_bit_full_range_luma_with_the_deviation_of_a_sample(
    real_data: Path, official: dict[str, dict[str, float]], image: str
) -> None:
    a, b = pair(real_data, image)
    pixels = (a.shape[-2] // 2) * (a.shape[-1] // 2)
    population = measure("gmsd", real_data, three(grey(a)), three(grey(b)))
    printed = official["gmsd"][image]
    assert population * (pixels / (pixels - 1)) ** 0.5 == pytest.approx(printed, rel=1e-7)
    assert measure("gmsd", real_data, a.double(), b.double()) == pytest.approx(printed, abs=3e-4)


@pytest.mark.parametrize("image", TID2013)
def test_the_official_vif_is_of_wavelets_and_not_vif_p(
    real_data: Path, official: dict[str, dict[str, float]], image: str
) -> None:
    ours = measure("vif-p", real_data, *map(three, map(grey, pair(real_data, image))))
    assert abs(ours - official["vif"][image]) > 0.01


@pytest.mark.parametrize(("image", "printed"), PHOTOGRAPHS.items())
def test_niqe_of_a_photograph_is_within_a_thousandth_of_the_authors_code(
    real_data: Path, image: str, printed: float
) -> None:
    loaded = load_image(next(i for i in dataset("samples").images if i.stem == image))
    niqe = load("niqe", lambda file: real_data / file, CPU)
    found = niqe(shave(to_luma(to_tensor(loaded.pixels)), 4)).item()  # type: ignore[call-arg]
    assert found == pytest.approx(printed, rel=1e-3)


# Of I08 and I19, 2 and 30 % of the pixels equal their local mean but for MATLAB's rounding: see bench/metrics/niqe.py.
@pytest.mark.parametrize(
    ("image", "tolerance"), [("I03", 1e-3), ("I04", 1e-9), ("I06", 1e-3), ("I08", 8e-3), ("I19", 8e-3)]
)
def test_niqe_of_tid2013_is_the_authors_on_what_rgb2gray_makes(
    real_data: Path, official: dict[str, dict[str, float]], image: str, tolerance: float
) -> None:
    niqe = load("niqe", lambda file: real_data / file, CPU)
    found = niqe(grey(pair(real_data, image)[0])).item()  # type: ignore[call-arg]
    assert found == pytest.approx(official["niqe"][image], rel=tolerance)
    assert abs(found / official["niqe-matlab"][image] - 1) > 0.02
