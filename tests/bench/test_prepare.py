"""The conventions: luma by hand and against scikit-image, rounding, cropping, the grey rule, the refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from torch import Tensor

from bench.prepare import modcrop, prepare, prepare_one, quantize, rgb_to_grey, rgb_to_y, shave, size
from bench.protocols import johnson2016, rgb, srcnn2014


def image(n: int = 1, c: int = 3, h: int = 24, w: int = 28, seed: int = 0) -> Tensor:
    return torch.rand((n, c, h, w), generator=torch.Generator().manual_seed(seed))


def bytes_image(**shape: int) -> Tensor:
    return quantize(image(**shape))


@pytest.mark.parametrize(
    ("colour", "luma"),
    [
        ((0, 0, 0), 16),
        ((1, 1, 1), 235),
        ((1, 0, 0), 81.481),
        ((0, 1, 0), 144.553),
        ((0, 0, 1), 40.966),
    ],
)
def test_luma_of_black_white_and_the_primaries_by_hand(colour: tuple[int, ...], luma: float) -> None:
    pixel = torch.tensor(colour, dtype=torch.float64)[None, :, None, None]
    assert rgb_to_y(pixel).item() * 255 == pytest.approx(luma, abs=1e-9)


def test_luma_agrees_with_scikit_image_and_is_not_rounded() -> None:
    colours = bytes_image().double()
    expected = rgb2ycbcr(colours[0].permute(1, 2, 0).numpy())[..., 0]
    np.testing.assert_allclose(rgb_to_y(colours)[0, 0].numpy() * 255, expected, rtol=0, atol=1e-9)
    assert (expected % 1).max() > 0.5


def test_full_range_luma_gives_a_grey_image_back() -> None:
    grey = image(c=1).double()
    torch.testing.assert_close(rgb_to_grey(grey.expand(-1, 3, -1, -1)), grey, rtol=0, atol=1e-12)


def test_quantize_clips_and_rounds_half_up() -> None:
    levels = torch.tensor([-0.2, 0.0, 0.49, 0.5, 1.5, 2.49, 254.5, 300.0]).double().view(1, 1, 1, -1)
    expected = torch.tensor([0, 0, 0, 1, 2, 2, 255, 255]).double().view(1, 1, 1, -1)
    torch.testing.assert_close(quantize(levels / 255) * 255, expected, rtol=0, atol=1e-12)


def test_quantize_keeps_what_is_8_bit_already() -> None:
    levels = torch.arange(256).double().view(1, 1, 16, 16) / 255
    assert torch.equal(quantize(levels), levels)
    assert torch.equal(quantize(levels.float()), levels.float())


def test_modcrop_cuts_at_the_bottom_and_the_right() -> None:
    hr = image(h=11, w=10)
    assert torch.equal(modcrop(hr, 4), hr[..., :8, :8])
    assert torch.equal(modcrop(hr, 1), hr)


def test_shave_cuts_each_side() -> None:
    hr = image(h=9, w=8)
    assert torch.equal(shave(hr, 3), hr[..., 3:6, 3:5])
    assert torch.equal(shave(hr, 0), hr)


def test_a_size_is_said_width_first() -> None:
    assert size(image(h=3, w=5)) == "5x3"


def test_johnson2016_measures_luma_of_the_rounded_and_shaved_rgb() -> None:
    sr, hr = image(seed=1), bytes_image(seed=2)
    found, reference = prepare(sr, hr, johnson2016(4))
    torch.testing.assert_close(found.channel, rgb_to_y(quantize(sr.double()))[..., 4:-4, 4:-4])
    torch.testing.assert_close(reference.channel, rgb_to_y(hr.double())[..., 4:-4, 4:-4])
    assert found.channel.dtype == torch.float64
    assert found.rgb is not None
    assert found.rgb.dtype == torch.float32
    torch.testing.assert_close(found.rgb, quantize(sr)[..., 4:-4, 4:-4])


def test_the_memory_layout_that_a_network_leaves_does_not_reach_the_metrics() -> None:
    whole = image(h=40, w=40)
    odd = (whole.contiguous(memory_format=torch.channels_last), whole.mT.contiguous().mT)
    for grey, protocol in ((False, johnson2016(4)), (False, rgb(4)), (True, johnson2016(4))):
        expected = prepare_one(whole, protocol, grey=grey)
        for sr in odd:
            found = prepare_one(sr, protocol, grey=grey)
            assert torch.equal(found.channel, expected.channel)
            assert found.channel.stride() == expected.channel.stride()
            assert found.rgb is not None
            assert expected.rgb is not None
            assert found.rgb.stride() == expected.rgb.stride()


def test_rgb_measures_the_three_channels() -> None:
    found, _ = prepare(image(seed=1), bytes_image(seed=2), rgb(3))
    assert found.channel.shape == (1, 3, 18, 22)
    assert found.rgb is not None
    torch.testing.assert_close(found.channel.float(), found.rgb)


def test_srcnn2014_measures_luma_as_it_is_and_shows_networks_nothing() -> None:
    sr, hr = image(c=1, seed=1), bytes_image(c=1, seed=2)
    found, reference = prepare(sr, hr, srcnn2014(3))
    assert found.rgb is None
    assert reference.rgb is None
    torch.testing.assert_close(reference.channel, hr.double()[..., 3:-3, 3:-3])
    torch.testing.assert_close(found.channel, quantize(sr.double())[..., 3:-3, 3:-3])


def test_a_grey_image_is_its_own_luma_whatever_the_model_made_of_it() -> None:
    hr = quantize(image(c=1).double())
    as_grey, reference = prepare(hr, hr, johnson2016(4))
    as_colour, _ = prepare(hr.expand(-1, 3, -1, -1), hr, johnson2016(4))
    torch.testing.assert_close(reference.channel, shave(hr, 4), rtol=0, atol=0)
    torch.testing.assert_close(as_grey.channel, reference.channel, rtol=0, atol=0)
    torch.testing.assert_close(as_colour.channel, reference.channel, rtol=0, atol=1e-12)
    for prepared in (as_grey, as_colour, reference):
        assert prepared.rgb is not None
        torch.testing.assert_close(prepared.rgb, shave(hr, 4).expand(-1, 3, -1, -1).float())


def test_a_coloured_cast_on_a_grey_image_is_measured() -> None:
    hr = bytes_image(c=1).clamp(0.1, 0.9)
    cast = hr + torch.tensor([0.1, 0.0, 0.0])[:, None, None]
    found, reference = prepare(cast, hr, johnson2016(4))
    assert (found.channel - reference.channel).mean().item() == pytest.approx(0.0299, abs=2e-3)


@pytest.mark.parametrize("make", [johnson2016, rgb])
def test_what_is_shaved_and_what_overshoots_does_not_matter(make: type) -> None:
    sr, hr = bytes_image(seed=1), bytes_image(seed=2)
    expected, _ = prepare(sr, hr, make(2))
    other = sr.clone()
    other[..., :2, :] = 0
    other[..., -2:] = 1
    other[sr == 1] += 0.3
    other[sr == 0] -= 0.3
    found, _ = prepare(other, hr, make(2))
    assert torch.equal(found.channel, expected.channel)


def test_preparing_one_side_alone_and_a_batch_give_the_same() -> None:
    sr, hr = image(n=2, seed=1), bytes_image(n=2, seed=2)
    found, reference = prepare(sr, hr, johnson2016(4))
    for i in range(2):
        alone = prepare_one(sr[i : i + 1], johnson2016(4), grey=False)
        torch.testing.assert_close(alone.channel[0], found.channel[i], rtol=0, atol=1e-12)
        _, other = prepare(sr[i : i + 1], hr[i : i + 1], johnson2016(4))
        torch.testing.assert_close(other.channel[0], reference.channel[i], rtol=0, atol=1e-12)


def test_arguments_are_not_changed() -> None:
    sr, hr = image(seed=1) * 1.4 - 0.2, bytes_image(seed=2)
    before = sr.clone(), hr.clone()
    prepare(sr, hr, johnson2016(4))
    assert torch.equal(sr, before[0])
    assert torch.equal(hr, before[1])


def test_a_size_that_an_image_is_too_small_to_be_shaved_from_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image must be more than 8 per side, the border crop \(got 20x8\)"):
        prepare(image(h=8, w=20), image(h=8, w=20), johnson2016(4))


def test_another_size_of_sr_is_refused_with_both_sizes() -> None:
    with pytest.raises(ValueError, match="sr is 28x20, must be the size of hr, 28x24"):
        prepare(image(h=20), image(h=24), johnson2016(4))


@pytest.mark.parametrize(("sr", "hr", "required"), [(1, 3, "3"), (2, 1, "1 or 3"), (4, 3, "3")])
def test_channels_that_do_not_fit_are_refused(sr: int, hr: int, required: str) -> None:
    with pytest.raises(ValueError, match=f"image has {sr} channels, must be {required}$"):
        prepare(image(c=sr), image(c=hr), johnson2016(4))
