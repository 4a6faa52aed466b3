"""Histogram matching: scikit-image's values, any colour space, and the wrapper around an upscaler."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import color
from skimage.exposure import match_histograms
from torch import Tensor

from baselines.bicubic import Bicubic
from baselines.histogram import (
    Matched,
    histogram_match,
    lab_to_lch,
    lab_to_rgb,
    lch_to_lab,
    match_rows,
    rgb_to_lab,
)


def image(n: int = 1, size: tuple[int, int] = (13, 17), seed: int = 0, levels: int | None = None) -> Tensor:
    """Random float64 RGB; with `levels`, values that come up again and again, as in 8-bit images."""
    x = torch.rand((n, 3, *size), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x if levels is None else (x * levels).floor() / levels


def array(x: Tensor) -> np.ndarray:
    return x[0].permute(1, 2, 0).numpy()


def expected(x: Tensor, reference: Tensor) -> np.ndarray:
    """By interpolation between unique values, as the definition has it."""
    planes = []
    for source, target in zip(x[0].numpy(), reference[0].numpy(), strict=True):
        _, place, counts = np.unique(source, return_inverse=True, return_counts=True)
        values, times = np.unique(target, return_counts=True)
        quantiles = np.cumsum(counts) / source.size
        planes.append(
            np.interp(quantiles, np.cumsum(times) / target.size, values)[place.reshape(source.shape)]
        )
    return np.stack(planes, -1)


@pytest.mark.parametrize("levels", [None, 256, 7])
@pytest.mark.parametrize("size", [(6, 5), (13, 17), (40, 30)])
def test_it_equals_scikit_image(size: tuple[int, int], levels: int | None) -> None:
    x, reference = image(levels=levels), image(size=size, seed=1, levels=levels) ** 2
    theirs = match_histograms(array(x), array(reference), channel_axis=-1)
    ours = array(histogram_match(x, reference))
    np.testing.assert_allclose(ours, theirs, atol=1e-12, rtol=0)
    np.testing.assert_allclose(ours, expected(x, reference), atol=1e-12, rtol=0)


def test_float32_equals_scikit_image_to_float32() -> None:
    x, reference = image(levels=256).float(), image(size=(6, 5), seed=1).float()
    theirs = match_histograms(array(x), array(reference), channel_axis=-1)
    ours = histogram_match(x, reference)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(array(ours), theirs, atol=1e-7, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_matched_and_kept(dtype: torch.dtype) -> None:
    x, reference = image(levels=16).to(dtype), image(seed=1, levels=16).to(dtype)
    matched = histogram_match(x, reference)
    assert matched.dtype == dtype
    torch.testing.assert_close(
        matched.double(), histogram_match(x.double(), reference.double()), atol=4e-3, rtol=0
    )


def test_by_hand() -> None:
    x = torch.tensor([[[0.0, 0.0, 0.5, 1.0]]])
    reference = torch.tensor([[[0.2, 0.6]]])
    torch.testing.assert_close(match_rows(x, reference), torch.tensor([[[0.2, 0.2, 0.4, 0.6]]]))


def test_an_image_matched_to_itself_stays_and_order_is_kept() -> None:
    x, reference = image(), image(seed=3) ** 3
    torch.testing.assert_close(histogram_match(x, x), x)
    matched = histogram_match(x, reference)
    assert torch.equal(matched.flatten(2).argsort(-1), x.flatten(2).argsort(-1))


def test_a_constant_image_and_a_constant_reference_are_matched() -> None:
    flat = torch.full((1, 3, 4, 4), 0.5)
    assert torch.equal(histogram_match(image().float(), flat), torch.full((1, 3, 13, 17), 0.5))
    reference = image().float()
    assert torch.equal(histogram_match(flat, reference)[0, :, 0, 0], reference.amax((0, 2, 3)))


def test_a_batch_of_two_equals_two_of_one_and_nothing_is_changed() -> None:
    x, reference = image(2), image(2, size=(5, 4), seed=1)
    kept = x.clone(), reference.clone()
    both = histogram_match(x, reference, space="lab")
    alone = [histogram_match(x[i : i + 1], reference[i : i + 1], space="lab") for i in (0, 1)]
    torch.testing.assert_close(both, torch.cat(alone))
    assert torch.equal(x, kept[0])
    assert torch.equal(reference, kept[1])


def test_colours_are_those_of_scikit_image() -> None:
    x = image(size=(40, 40))
    lab = color.rgb2lab(array(x))
    np.testing.assert_allclose(array(rgb_to_lab(x)), lab, atol=1e-9)
    np.testing.assert_allclose(array(lab_to_lch(rgb_to_lab(x))), color.lab2lch(lab), atol=1e-9)
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(x)), x, atol=1e-9, rtol=0)
    torch.testing.assert_close(lch_to_lab(lab_to_lch(rgb_to_lab(x))), rgb_to_lab(x), atol=1e-9, rtol=0)


def test_lab_is_matched_as_scikit_image_would() -> None:
    x, reference = 0.3 + 0.4 * image(), 0.3 + 0.4 * image(size=(9, 9), seed=2)
    lab = match_histograms(color.rgb2lab(array(x)), color.rgb2lab(array(reference)), channel_axis=-1)
    ours = histogram_match(x, reference, space="lab")
    torch.testing.assert_close(rgb_to_lab(ours).clamp(-120, 120), rgb_to_lab(_rgb(lab)), atol=1e-6, rtol=0)


def _rgb(lab: np.ndarray) -> Tensor:
    return lab_to_rgb(torch.from_numpy(lab).permute(2, 0, 1)[None])


def test_bands_that_are_not_chosen_stay() -> None:
    x, reference = 0.4 + 0.2 * image(), 0.4 + 0.2 * image(seed=1) ** 2
    before = lab_to_lch(rgb_to_lab(x))
    after = lab_to_lch(rgb_to_lab(histogram_match(x, reference, space="lch", bands="l")))
    target = lab_to_lch(rgb_to_lab(reference))
    torch.testing.assert_close(after[:, 1:], before[:, 1:], atol=1e-6, rtol=0)
    torch.testing.assert_close(
        after[:, :1], match_rows(before[0, :1], target[0, :1])[None], atol=1e-6, rtol=0
    )
    green = histogram_match(x, reference, bands="g")
    assert torch.equal(green[:, [0, 2]], x[:, [0, 2]])


@pytest.mark.parametrize("middle", [0.0, 3.0])
def test_hues_are_matched_on_a_circle(middle: float) -> None:
    def coloured(low: float, high: float) -> Tensor:
        """Of one lightness and chroma, hues evenly in [low, high] around the middle."""
        hue = torch.linspace(low, high, 48, dtype=torch.float64).view(1, 6, 8) + middle
        lch = torch.stack([torch.full_like(hue, 60), torch.full_like(hue, 25), hue], dim=1)
        return lab_to_rgb(lch_to_lab(lch))

    def hues(rgb: Tensor) -> Tensor:
        """Around the middle, within [-pi, pi)."""
        hue = lab_to_lch(rgb_to_lab(rgb))[0, 2].flatten() - middle
        return torch.remainder(hue + torch.pi, 2 * torch.pi) - torch.pi

    x, reference = coloured(-0.1, 0.3), coloured(-0.3, 0.1)
    for proportion in (0.5, 1.0):
        made = hues(histogram_match(x, reference, space="lch", bands="h", proportion=proportion))
        expected = torch.lerp(hues(x), hues(reference), proportion)
        torch.testing.assert_close(made, expected, atol=1e-6, rtol=0)


def test_the_proportion_blends() -> None:
    x, reference = image(), image(seed=1) ** 2
    full = histogram_match(x, reference)
    torch.testing.assert_close(histogram_match(x, reference, proportion=0.25), x + (full - x) / 4)
    assert torch.equal(histogram_match(x, reference, proportion=0.0), x)


def test_the_wrapper_turns_an_upscaler_into_its_matched_version() -> None:
    lr = image(size=(8, 9)).float()
    matched = Matched(upscaler=Bicubic(scale=2))
    assert (matched.scale, matched.channels) == (2, None)
    sr = matched(lr)
    assert sr.shape == (1, 3, 16, 18)
    torch.testing.assert_close(sr, histogram_match(Bicubic(scale=2)(lr), lr))
    assert Matched(upscaler=Bicubic(scale=2), space="lab").channels == 3
    assert matched.to(torch.device("cpu")) is matched  # bicubic has nothing to move


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": "hsv"}, "space is 'hsv', must be one of: rgb, lab, lch"),
        ({"bands": "rx"}, "bands is 'rx', must be different letters of 'rgb'"),
        ({"bands": ""}, "bands is ''"),
        ({"proportion": 1.5}, r"proportion must be a number in \[0, 1\]"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        histogram_match(image(), image(), **options)


def test_images_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match="must be as many images and channels"):
        histogram_match(image(2), image(1))
    with pytest.raises(ValueError, match="1 channels, must be 3 for space 'lab'"):
        histogram_match(image()[:, :1], image()[:, :1], space="lab")
