"""The seam score: zero where nothing was done to the seams, clear where something was."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from baselines.bicubic import Bicubic
from bench.data.images import to_array
from bench.quality.strips import as_tensor
from bench.tiling.seams import FLOOR, SeamScore, seam_score, seam_score_of
from bench.tiling.tiles import Tiled

SCALE = 2
PHOTOGRAPHS = {"astronaut": data.astronaut()[:150, 100:290], "chelsea": data.chelsea()[50:200, 100:290]}


class LocalContrast:
    """Looks at the whole image: what it adds depends on the mean, as after instance normalisation."""

    scale, channels = SCALE, None

    def __call__(self, lr: Tensor) -> Tensor:
        return Bicubic(scale=SCALE)(lr) + 0.5 * (lr.mean((2, 3), keepdim=True) - 0.5)


def tiled_score(upscaler: object, pixels: np.ndarray, overlap: int | None) -> SeamScore:
    tiled = Tiled(upscaler=upscaler, tile=32, overlap=overlap)  # type: ignore[arg-type]
    sr = to_array(tiled(as_tensor(pixels)))
    assert tiled.last is not None
    return seam_score(sr, tiled.last.rows, tiled.last.columns, SCALE)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_exact_tiling_leaves_no_marks(name: str) -> None:
    found = tiled_score(Bicubic(scale=SCALE), PHOTOGRAPHS[name], None)
    assert abs(found.score) < 0.1
    assert not found.visible
    assert found.lines > 5


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_an_overlap_that_is_too_small_leaves_marks(name: str) -> None:
    found = tiled_score(Bicubic(scale=SCALE), PHOTOGRAPHS[name], 0)
    assert found.score > 0.15
    assert found.visible


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_network_that_looks_at_the_whole_image_leaves_marks(name: str) -> None:
    found = tiled_score(LocalContrast(), PHOTOGRAPHS[name], None)
    assert found.score > 0.15
    assert found.visible


def test_the_value_of_a_step_by_hand() -> None:
    image = np.zeros((40, 40, 1))
    image[:, 20:] = 0.1
    found = seam_score(image, (), (20,), 1)
    assert found.lines == 1
    assert found.score == pytest.approx((0.1 + FLOOR) / FLOOR - 1)


def test_a_slope_and_a_parabola_have_no_jumps() -> None:
    x = np.arange(40) / 40
    image = np.broadcast_to((x + x**2)[:, None, None] / 2, (40, 40, 3))
    found = seam_score(image, (16,), (20,), 1)
    assert found.score == pytest.approx(0, abs=1e-9)
    assert found.noise == pytest.approx(0, abs=1e-9)


def test_a_grid_that_the_network_prints_everywhere_is_no_seam() -> None:
    image = np.zeros((80, 80, 1))
    image[:, ::4] = 0.2
    assert seam_score(image, (), (10,), 4).score == pytest.approx(0, abs=1e-9)


def test_bytes_floats_and_tensors_score_alike() -> None:
    pixels = PHOTOGRAPHS["chelsea"]
    found = seam_score(pixels, (30,), (40,), 2)
    for other in (
        seam_score(pixels / 255, (30,), (40,), 2),
        seam_score_of(as_tensor(pixels), (30,), (40,), 2),
    ):
        assert other.score == pytest.approx(found.score, abs=1e-5)
        assert other.lines == 2


def test_without_seams_there_is_no_score() -> None:
    found = seam_score(PHOTOGRAPHS["chelsea"], (), (), 2)
    assert math.isnan(found.score)
    assert not found.visible
    assert found.lines == 0


def test_a_score_is_not_changed_by_turning_the_image() -> None:
    pixels = torch.rand((1, 3, 40, 44), generator=torch.Generator().manual_seed(0))
    assert seam_score_of(pixels, (10,), (), 2).score == pytest.approx(
        seam_score_of(pixels.mT, (), (10,), 2).score
    )
