"""Each interpolation equals another library's, where the borders are not in play."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from baselines.interpolate import Interpolation
from baselines.kernels import KERNELS
from bench.interfaces import Upscaler


def random_image(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_box_is_torchs_nearest_neighbour_to_the_bit(scale: int) -> None:
    lr = random_image(2, 3, 17, 12)
    assert torch.equal(Interpolation(kernel="box", scale=scale)(lr), F.interpolate(lr, scale_factor=scale))


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_triangle_is_torchs_bilinear_to_1e_12(scale: int) -> None:
    lr = random_image(1, 3, 17, 12, dtype=torch.float64)
    expected = F.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)
    torch.testing.assert_close(
        Interpolation(kernel="triangle", scale=scale)(lr), expected, atol=1e-12, rtol=0
    )


@pytest.mark.parametrize(
    ("kernel", "resampling"),
    [("lanczos3", Image.Resampling.LANCZOS), ("bicubic", Image.Resampling.BICUBIC)],
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_away_from_borders_pillow_gives_the_same_to_1e_6(
    kernel: str, resampling: Image.Resampling, scale: int
) -> None:
    lr = random_image(1, 1, 20, 24)
    resized = Image.fromarray(lr[0, 0].numpy()).resize((24 * scale, 20 * scale), resampling)
    inner = (slice(3 * scale, -3 * scale),) * 2
    sr = Interpolation(kernel=kernel, scale=scale)(lr)[0, 0].numpy()
    np.testing.assert_allclose(sr[inner], np.asarray(resized)[inner], atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_contract_of_an_upscaler_holds(kernel: str) -> None:
    upscaler = Interpolation(kernel=kernel, scale=3)
    lr = random_image(2, 1, 9, 7)
    before = lr.clone()
    sr = upscaler(lr)
    assert isinstance(upscaler, Upscaler)
    assert (sr.shape, sr.dtype) == ((2, 1, 27, 21), torch.float32)
    assert torch.equal(lr, before)
    torch.testing.assert_close(sr, torch.cat([upscaler(lr[:1]), upscaler(lr[1:])]), atol=2e-7, rtol=0)
    torch.testing.assert_close(upscaler(lr.flip(-1)).flip(-1), sr, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        upscaler(torch.full_like(lr, 0.3)), torch.full_like(sr, 0.3), atol=1e-6, rtol=0
    )


def test_an_unknown_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel is 'nearest', must be one of: bicubic, box, triangle"):
        Interpolation(kernel="nearest", scale=4)


def test_a_scale_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="scale is 0, must be an integer of at least 1"):
        Interpolation(kernel="box", scale=0)
