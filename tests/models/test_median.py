"""The median filter against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from models.median import median_filter


def test_median_equals_scipy_away_from_the_border() -> None:
    image = torch.rand((2, 3, 17, 12), generator=torch.Generator().manual_seed(0))
    expected = ndimage.median_filter(image.numpy(), size=(1, 1, 3, 3))[..., 1:-1, 1:-1]
    np.testing.assert_array_equal(median_filter(image).numpy(), expected)


def test_median_equals_scipy_where_values_are_equal() -> None:
    image = torch.randint(0, 4, (1, 1, 40, 40), generator=torch.Generator().manual_seed(1)).double()
    expected = ndimage.median_filter(image.numpy(), size=(1, 1, 3, 3))[..., 1:-1, 1:-1]
    np.testing.assert_array_equal(median_filter(image).numpy(), expected)


def test_median_by_hand() -> None:
    assert median_filter(torch.tensor([[[[9.0, 1, 8], [2, 7, 3], [6, 4, 5]]]])).tolist() == [[[[5.0]]]]


def test_too_small_an_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image must be at least 3 pixels per side \(got 2x5\)"):
        median_filter(torch.zeros(1, 3, 5, 2))
