"""By rows or not, it is the same convolution, forward and backward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.few_filters import RowwiseConv2d, by_rows

SHAPES = [
    ((1, 64, 12, 15), (3, 64, 9, 9), (4, 4)),
    ((2, 5, 9, 7), (2, 5, 3, 5), (1, 2)),
    ((1, 1, 4, 4), (1, 1, 1, 1), (0, 0)),
]


@pytest.mark.parametrize(("image", "kernel", "padding"), SHAPES)
def test_it_is_the_convolution_and_its_gradients(
    image: tuple[int, ...], kernel: tuple[int, ...], padding: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    inputs = [
        torch.rand(shape, dtype=torch.float64, requires_grad=True) for shape in (image, kernel, kernel[:1])
    ]
    ours, theirs = by_rows(*inputs, padding=padding), F.conv2d(*inputs, padding=padding)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    seed = torch.rand_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, seed), torch.autograd.grad(theirs, inputs, seed), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_the_layer_has_the_weights_and_the_values_of_a_convolution() -> None:
    torch.manual_seed(0)
    layer, plain = RowwiseConv2d(16, 3, 9, padding=4), nn.Conv2d(16, 3, 9, padding=4)
    plain.load_state_dict(layer.state_dict())
    x = torch.rand(2, 16, 20, 24)
    torch.testing.assert_close(layer(x), plain(x), rtol=0, atol=1e-5)
    assert layer.to(memory_format=torch.channels_last)(x).shape == (2, 3, 20, 24)


def test_rows_in_half_precision_are_added_in_single() -> None:
    torch.manual_seed(0)
    x, weight = torch.rand(1, 64, 16, 16), torch.rand(3, 64, 9, 9) / 64
    exact = F.conv2d(x, weight, padding=4)
    half = by_rows(x.bfloat16(), weight.bfloat16(), None, padding=(4, 4))
    assert half.dtype == torch.bfloat16
    assert float((half.float() / exact - 1).abs().max()) < 2**-7


@pytest.mark.parametrize(
    "options", [{"padding": 4, "padding_mode": "reflect"}, {"padding": "same"}, {"padding": "valid"}]
)
def test_the_layer_pads_as_it_was_told(options: dict[str, int | str]) -> None:
    torch.manual_seed(0)
    layer, plain = RowwiseConv2d(16, 3, 9, **options), nn.Conv2d(16, 3, 9, **options)  # type: ignore[arg-type]
    plain.load_state_dict(layer.state_dict())
    x = torch.rand(1, 16, 20, 24)
    torch.testing.assert_close(layer(x), plain(x), rtol=0, atol=1e-5)
