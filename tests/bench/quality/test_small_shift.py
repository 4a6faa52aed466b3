"""A shift of some pixels is seen in small images, and an image that is its own hr is said to be so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.data import images
from bench.data.datasets import samples_folder
from bench.lr import degrade
from bench.protocols import protocol
from bench.quality.lint import lint
from bench.registry.catalog import load_upscaler

RULE = protocol("johnson2016", 4)


def photograph(name: str, side: int, shift: int = 0) -> torch.Tensor:
    whole = images.read(samples_folder() / f"{name}.png")
    return images.to_tensor(whole[40 + shift : 40 + shift + side, 50 + shift : 50 + shift + side])


def enlarged(hr: torch.Tensor) -> torch.Tensor:
    bicubic = load_upscaler("bicubic", 4, lambda _: pytest.fail("needs no file"), torch.device("cpu"))
    return bicubic(degrade(hr, RULE))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
@pytest.mark.parametrize("side", [120, 192, 256])
@pytest.mark.parametrize("shift", [1, 2, 3])
def test_a_shift_of_pixels_is_seen_at_small_sizes(name: str, side: int, shift: int) -> None:
    found = lint(enlarged(photograph(name, side, shift)), photograph(name, side), 4, source="model")
    assert [finding.kind for finding in found] == ["shift"]


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
@pytest.mark.parametrize("side", [120, 192, 256])
def test_what_lies_where_it_should_is_not_called_shifted(name: str, side: int) -> None:
    hr = photograph(name, side)
    assert lint(enlarged(hr), hr, 4, source="model") == ()


def test_an_sr_that_is_hr_to_the_last_bit_is_said_to_be_so() -> None:
    hr = photograph("coffee", 64)
    for sr in (hr.clone(), hr + 0.001):
        (finding,) = lint(sr, hr, 4, source="model")
        assert (finding.kind, finding.severity) == ("identical", "warn")
        assert finding.text.startswith("sr is hr to the last bit; make sure that it is no copy of hr")
    other = hr.clone()
    other[0, 0, 5, 5] += 1 / 255
    assert not lint(other.clamp(0, 1), hr, 4, source="model") or float(hr[0, 0, 5, 5]) == 1
    flat = torch.zeros(1, 3, 64, 64)
    (finding,) = lint(flat, flat, 4, source="file")
    assert "an image of one colour" in finding.text
    grey = images.to_tensor(np.full((64, 64, 1), 7, np.uint8))
    assert lint(grey.expand(1, 3, 64, 64), grey, 4, source="file")[0].kind == "identical"
