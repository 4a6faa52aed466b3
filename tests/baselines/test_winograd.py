"""Winograd's convolution is torch's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.winograd import convolved, gains, transformed, turned


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


SIZES = [(16, 16), (4, 4), (1, 1), (17, 22), (3, 40)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_it_is_the_convolution_for_every_size(size: tuple[int, int], layout: torch.memory_format) -> None:
    x = random(2, 5, *size).contiguous(memory_format=layout)
    weight, bias = random(7, 5, 3, 3, seed=1), random(7, seed=2)
    before = x.clone()
    out = x.new_empty(2, 7, *size).contiguous(memory_format=torch.channels_last)
    found = convolved(x, transformed(weight), bias, out)
    torch.testing.assert_close(found, F.conv2d(x, weight, bias, padding=1), rtol=1e-10, atol=1e-10)
    assert found is out
    assert torch.equal(x, before)


def test_the_turned_kernel_gives_the_gradient_by_the_input() -> None:
    x, weight = random(1, 5, 9, 8).requires_grad_(), random(7, 5, 3, 3, seed=1)
    gradient = random(1, 7, 9, 8, seed=2)
    F.conv2d(x, weight, padding=1).backward(gradient)
    found = convolved(gradient, transformed(turned(weight)), weight.new_zeros(5), torch.empty_like(x))
    torch.testing.assert_close(found, x.grad, rtol=1e-10, atol=1e-10)


def test_its_rounding_error_in_float32_is_small_beside_the_features() -> None:
    x, weight = random(1, 256, 32, 32), random(256, 256, 3, 3, seed=1) / (9 * 256) ** 0.5
    exact = F.conv2d(x, weight, padding=1)
    out = torch.empty_like(x, dtype=torch.float32)
    found = convolved(x.float(), transformed(weight).float(), torch.zeros(256), out)
    assert exact.std().item() == pytest.approx(1, abs=0.05)
    assert (found - exact).abs().max() < 5e-5


@pytest.mark.parametrize(
    ("convolution", "expected"),
    [
        (nn.Conv2d(128, 256, 3, padding=1), True),
        (nn.Conv2d(512, 512, 3, padding=1, bias=False), True),
        (nn.Conv2d(128, 128, 3, padding=1), False),
        (nn.Conv2d(256, 256, 3), False),
        (nn.Conv2d(256, 256, 3, padding=1, stride=2), False),
        (nn.Conv2d(256, 256, 5, padding=1), False),
        (nn.Conv2d(256, 256, 3, padding=1, groups=2), False),
        (nn.Conv2d(256, 256, 3, padding=1, padding_mode="reflect"), False),
    ],
)
def test_only_wide_plain_convolutions_gain(convolution: nn.Conv2d, expected: bool) -> None:
    assert gains(convolution) is expected
