"""The conventions, each proved against the library that has it, and the spread of one pair."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import piq
import pytest
import skimage.color
import skimage.metrics
import torch
import torch.nn.functional as F
import torchmetrics.functional.image as tm
from torchmetrics.image import PeakSignalNoiseRatio

from baselines.bicubic import imresize
from bench.data.datasets import dataset
from bench.data.images import load, to_array, to_tensor
from bench.errors import UserError
from bench.explaining.config import published
from bench.explaining.conventions import (
    CHANNELS,
    RECIPES,
    SHAVES,
    Psnr,
    Recipe,
    Ssim,
    distinct,
    psnr_conventions,
    ssim_conventions,
)
from bench.explaining.library_presets import LIBRARIES, LIBRARY_PRESETS, LibraryPreset, likes, printed_by
from bench.explaining.scores import ImageScores, Value, match, measure, planes, values, view
from bench.explaining.ssim import box_then_every, ssim_of_planes
from bench.prepare import prepare, to_luma
from bench.protocols import protocol

SCALE = 4
ALL = [*psnr_conventions(1), *ssim_conventions()]
SMALL = (70, 91)


@pytest.fixture(scope="module")
def astronaut() -> tuple[np.ndarray, np.ndarray]:
    """(sr, hr): MATLAB's bicubic down, rounded to 8 bits once, and up again."""
    hr = load(dataset("samples").images[0]).pixels
    lr = to_tensor(to_array(imresize(to_tensor(hr), Fraction(1, SCALE))))
    return to_array(imresize(lr, SCALE)), hr


@pytest.fixture(scope="module")
def liked(astronaut: tuple[np.ndarray, np.ndarray]) -> ImageScores:
    """The astronaut as every library of the table measures it."""
    return measure(
        "astronaut", *astronaut, SCALE, [c for like in LIBRARY_PRESETS for c in (like.psnr, like.ssim) if c]
    )


def pair(shape: tuple[int, int] = SMALL, seed: int = 0, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hr = rng.integers(0, 256, (*shape, channels), dtype=np.uint8)
    return np.clip(hr + rng.normal(0, 25, hr.shape), 0, 255).astype(np.uint8), hr


def value(convention: Psnr | Ssim, *pairs: tuple[np.ndarray, np.ndarray]) -> float:
    images = [measure("x", *each, SCALE, [convention]) for each in pairs or (pair(),)]
    return values(images, [convention])[0].value


def default(name: str) -> LibraryPreset:
    return next(like for like in LIBRARY_PRESETS if like.name == name)


def psnr_of(name: str, *pairs: tuple[np.ndarray, np.ndarray]) -> float:
    convention = default(name).psnr
    assert convention is not None
    return value(convention, *pairs)


def ssim_of(name: str, *pairs: tuple[np.ndarray, np.ndarray]) -> float:
    convention = default(name).ssim
    assert convention is not None
    return value(convention, *pairs)


# PEERS.md: what the libraries themselves printed for this pair
PEERS = [
    ("basicsr: crop_border=0", "25.39", "0.8169"),
    ("basicsr", "25.34", "0.8144"),
    ("basicsr: test_y_channel, crop_border=0", "26.89", "0.8454"),
    ("basicsr: test_y_channel", "26.84", "0.8429"),
    ("pyiqa", "25.39", "0.8285"),
    ("pyiqa: psnry, ssimc", "25.57", "0.8170"),
    ("pyiqa: color_space='ycbcr'", "26.89", "0.8445"),
    ("pyiqa: downsample=True", None, "0.9201"),
    ("torchmetrics", "25.39", "0.8193"),
    ("piq", "25.39", "0.9181"),
    ("piq: convert_to_greyscale, downsample=False", "25.57", "0.8169"),
    ("skimage", "25.39", "0.8314"),
    ("skimage: as Wang et al.", None, "0.8169"),
    ("pytorch-msssim", None, "0.8169"),
    ("opencv: COLOR_RGB2YCrCb", "25.52", None),
]


@pytest.mark.parametrize(("name", "psnr", "ssim"), PEERS)
def test_one_pair_gives_what_the_libraries_print(
    liked: ImageScores, name: str, psnr: str | None, ssim: str | None
) -> None:
    like = default(name)
    for convention, digits, said in ((like.psnr, 2, psnr), (like.ssim, 4, ssim)):
        if said is not None:
            assert convention is not None
            assert f"{values([liked], [convention])[0].value:.{digits}f}" == said


def test_the_spread_of_those_libraries_is_that_of_the_survey(liked: ImageScores) -> None:
    chosen = [default(name) for name, *_ in PEERS]
    psnr = [v.value for v in values([liked], [like.psnr for like in chosen if like.psnr])]
    ssim = [v.value for v in values([liked], [like.ssim for like in chosen if like.ssim])]
    assert (round(min(psnr), 2), round(max(psnr), 2)) == (25.34, 26.89)
    assert (round(min(ssim), 3), round(max(ssim), 3)) == (0.814, 0.920)


def test_skimage_is_what_skimage_gives() -> None:
    sr, hr = pair()
    metric = skimage.metrics.structural_similarity
    assert psnr_of("skimage") == pytest.approx(skimage.metrics.peak_signal_noise_ratio(hr, sr), abs=1e-9)
    assert ssim_of("skimage") == pytest.approx(metric(hr, sr, channel_axis=2), abs=1e-9)
    gaussian = metric(hr, sr, channel_axis=2, gaussian_weights=True)
    assert ssim_of("skimage: gaussian_weights") == pytest.approx(gaussian, abs=1e-9)
    wang = metric(hr, sr, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert ssim_of("skimage: as Wang et al.") == pytest.approx(wang, abs=1e-9)
    a, b = (skimage.color.rgb2gray(image) for image in (sr, hr))
    assert ssim_of("skimage: rgb2gray") == pytest.approx(metric(b, a, data_range=1), abs=1e-9)
    expected = skimage.metrics.peak_signal_noise_ratio(b, a, data_range=1)
    assert psnr_of("skimage: rgb2gray") == pytest.approx(expected, abs=1e-9)


def test_torchmetrics_is_what_torchmetrics_gives() -> None:
    sr, hr = (to_tensor(image).double() for image in pair())
    assert psnr_of("torchmetrics") == pytest.approx(float(tm.peak_signal_noise_ratio(sr, hr, 1.0)), abs=1e-6)
    expected = tm.structural_similarity_index_measure(sr, hr, data_range=1.0)
    assert ssim_of("torchmetrics") == pytest.approx(float(expected), abs=1e-9)


def test_torchmetrics_pools_the_errors_of_a_data_set_unless_told() -> None:
    pairs = [pair((40, 40), 1), (pair((40, 40), 2)[1], pair((40, 40), 3)[1])]
    pooled, each = (
        PeakSignalNoiseRatio(1.0),
        PeakSignalNoiseRatio(1.0, dim=(1, 2, 3), reduction="elementwise_mean"),
    )
    for sr, hr in pairs:
        for metric in (pooled, each):
            metric.update(to_tensor(sr), to_tensor(hr))
    assert psnr_of("torchmetrics", *pairs) == pytest.approx(float(pooled.compute()), abs=1e-4)
    assert psnr_of("torchmetrics: dim=(1, 2, 3)", *pairs) == pytest.approx(float(each.compute()), abs=1e-4)
    assert abs(float(pooled.compute()) - float(each.compute())) > 1


@pytest.mark.parametrize("shape", [SMALL, (400, 431)])
def test_piq_is_what_piq_gives(shape: tuple[int, int]) -> None:
    whole = pair(shape)
    sr, hr = (to_tensor(image).double() for image in whole)
    assert psnr_of("piq", whole) == pytest.approx(float(piq.psnr(sr, hr)), abs=1e-6)
    assert ssim_of("piq", whole) == pytest.approx(float(piq.ssim(sr, hr)), abs=1e-6)
    if shape != SMALL:
        return
    name = "piq: convert_to_greyscale, downsample=False"
    assert psnr_of(name, whole) == pytest.approx(float(piq.psnr(sr, hr, convert_to_greyscale=True)), abs=1e-6)
    assert ssim_of(name, whole) == pytest.approx(float(piq.ssim(sr, hr, downsample=False)), abs=1e-6)


def test_identical_images_are_80_db_with_an_epsilon_and_infinite_without() -> None:
    _, hr = pair()
    assert psnr_of("pyiqa", (hr, hr)) == pytest.approx(80)
    assert math.isinf(psnr_of("basicsr", (hr, hr)))
    assert ssim_of("skimage", (hr, hr)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", ["johnson2016", "rgb"])
def test_bench_is_what_the_suite_itself_scores(name: str) -> None:
    from bench.metrics.psnr import psnr
    from bench.metrics.ssim import ssim

    sr, hr = (to_tensor(image) for image in pair())
    a, b = prepare(sr, hr, protocol(name, SCALE))
    like = "bench" if name == "johnson2016" else "bench: rgb"
    assert psnr_of(like) == pytest.approx(float(psnr(a.channel, b.channel)), abs=1e-5)
    assert ssim_of(like) == pytest.approx(float(ssim(a.channel, b.channel)), abs=1e-6)


def test_edsr_weighs_the_difference_and_shaves_by_the_kind_of_set() -> None:
    sr, hr = (image.astype(float) / 255 for image in pair())
    luma = ((sr - hr) @ np.array([65.738, 129.057, 25.064]) / 256)[4:-4, 4:-4]
    assert psnr_of("edsr") == pytest.approx(-10 * np.log10((luma**2).mean()), abs=1e-9)
    assert psnr_of("edsr: DIV2K") == pytest.approx(
        -10 * np.log10(((sr - hr)[10:-10, 10:-10] ** 2).mean()), abs=1e-9
    )


def test_matlab_rounds_the_luma_as_its_rgb2ycbcr_does() -> None:
    whole = to_tensor(pair((128, 128))[1])
    rounded = view(to_array(whole), CHANNELS["y-8bit"])
    assert np.allclose(rounded[0], to_luma(whole)[0, 0].numpy(), atol=1e-6)


def test_matlabs_ssim_repeats_the_border() -> None:
    sr, hr = (np.pad(image, ((5, 5), (5, 5), (0, 0)), mode="edge") for image in pair())
    padded = Ssim(channel="y-8bit", shave="0")
    assert ssim_of("matlab: psnr, ssim") == pytest.approx(value(padded, (sr, hr)), abs=1e-12)


def test_zero_padding_is_that_of_a_padded_convolution() -> None:
    sr, hr = pair(channels=1)
    x, y = (to_tensor(image).double() for image in (sr, hr))
    taps = torch.exp(-((torch.arange(11.0).double() - 5) ** 2) / (2 * 1.5**2))
    kernel = torch.outer(taps, taps)[None, None] / taps.sum() ** 2
    mx, my, xx, yy, xy = (F.conv2d(v, kernel, padding=5) for v in (x, y, x * x, y * y, x * y))
    top = (2 * mx * my + 1e-4) * (2 * (xy - mx * my) + 9e-4)
    expected = top / ((mx**2 + my**2 + 1e-4) * (xx - mx**2 + yy - my**2 + 9e-4))
    assert value(Ssim(channel="rgb", shave="0", recipe=Recipe(border="zero")), (sr, hr)) == pytest.approx(
        float(expected.mean()), abs=1e-9
    )


@pytest.mark.parametrize("shave", ["scale", "scale+6"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.text)
def test_shaving_first_gives_the_same(shave: str, recipe: Recipe) -> None:
    sr, hr = pair((60, 64))
    cut = SHAVES[shave].of(SCALE)
    inside = (slice(cut, -cut), slice(cut, -cut))
    whole = value(Ssim(channel="y", shave=shave, recipe=recipe), (sr, hr))
    assert whole == pytest.approx(
        value(Ssim(channel="y", shave="0", recipe=recipe), (sr[inside], hr[inside])), abs=1e-12
    )


def test_an_even_box_reaches_to_the_right_as_imfilters_does() -> None:
    ramp = np.tile(np.arange(512.0) ** 2, (512, 1))
    assert np.allclose(box_then_every(ramp)[0, :3], [0.5, (4 + 9) / 2, (16 + 25) / 2])
    assert box_then_every(np.ones((640, 700))).shape == (214, 234)  # MATLAB rounds 2.5 to 3


def test_ranges_taken_wrongly_are_six_decibels_off() -> None:
    right, twice, half = (
        value(Psnr(channel="rgb", shave="0", peak=peak)) for peak in ("255", "twice", "half")
    )
    assert twice - right == pytest.approx(20 * math.log10(2))
    assert right - half == pytest.approx(20 * math.log10(2))
    sr, hr = pair()
    dim = (hr // 2, hr // 2 + 1)
    spread = (int(dim[1].max()) - int(dim[1].min())) / 255
    found = value(Psnr(channel="rgb", shave="0", peak="hr-range"), dim)
    assert found == pytest.approx(value(Psnr(channel="rgb", shave="0"), dim) + 20 * math.log10(spread))
    assert value(Ssim(channel="rgb", shave="0", recipe=Recipe(peak="1")), (sr, hr)) < ssim_of(
        "pytorch-msssim"
    )


def test_a_grey_image_is_measured_as_it_is() -> None:
    sr, hr = pair(channels=1)
    measured = [channel.name for channel in CHANNELS.values() if not channel.grey_as_rgb]
    numbers = {value(Psnr(channel=channel, shave="0"), (sr, hr)) for channel in measured}
    assert len(numbers) == 1
    coloured = (np.repeat(sr, 3, axis=2), hr)
    assert value(Psnr(channel="y", shave="0"), coloured) == pytest.approx(numbers.pop(), abs=1e-9)


@pytest.mark.parametrize("library", ["basicsr: test_y_channel", "kair: PSNR_Y, SSIM_Y"])
def test_a_grey_image_that_is_read_as_rgb_has_the_luma_of_its_three_equal_channels(library: str) -> None:
    sr, hr = pair(channels=1)
    coloured = tuple(np.repeat(image, 3, axis=2) for image in (sr, hr))
    convention = default(library).psnr
    assert convention is not None
    plain = Psnr(channel="y", shave="scale")
    as_rgb = value(convention, (sr, hr))
    assert as_rgb == pytest.approx(value(plain, coloured), abs=1e-12)
    as_it_is = value(plain, (sr, hr))
    # 219 levels from black to white and not 255
    assert as_rgb - as_it_is == pytest.approx(20 * math.log10(255 / 219), abs=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_imdns_test_program_by_its_own_steps(channels: int) -> None:
    """Crop, Y of R, G and B rounded to 8 bits, and what scikit-image makes of two uint8 images."""
    given = pair(channels=channels)
    lumas = []
    for image in given:
        rgb = np.repeat(image, 3, axis=2) if channels == 1 else image
        cropped = rgb[SCALE:-SCALE, SCALE:-SCALE].astype(np.float64)
        luma = cropped @ np.array([65.481, 128.553, 24.966]) / 255 + 16
        lumas.append(luma.round().clip(0, 255).astype(np.uint8))
    rule = default("imdn")
    assert rule.psnr is not None
    assert rule.ssim is not None
    psnr = skimage.metrics.peak_signal_noise_ratio(*lumas)
    assert value(rule.psnr, given) == pytest.approx(psnr, abs=1e-9)
    ssim = skimage.metrics.structural_similarity(
        *lumas, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert value(rule.ssim, given) == pytest.approx(ssim, abs=1e-9)


def test_one_grey_image_of_a_set_moves_the_mean_by_its_part() -> None:
    pairs = [pair(seed=1), pair(seed=2), pair(channels=1)]
    plain, as_rgb = (value(Psnr(channel=name, shave="scale"), *pairs) for name in ("y", "y-grey-rgb"))
    assert as_rgb - plain == pytest.approx(20 * math.log10(255 / 219) / 3, abs=1e-9)


def test_what_differs_in_grey_images_alone_is_listed_where_there_is_one() -> None:
    conventions = [*psnr_conventions(1), *ssim_conventions()]
    colour, grey = (
        values([measure("x", *pair(channels=n), SCALE, conventions)], distinct(conventions, grey=n == 1))
        for n in (3, 1)
    )
    own = {channel.name for channel in CHANNELS.values() if channel.on_colour}
    assert own == {"y-grey-rgb", "y-8bit-grey-rgb"}
    assert not own & {each.convention.channel for each in colour}
    assert own <= {each.convention.channel for each in grey}
    y, same = (Psnr(channel=name, shave="scale") for name in ("y", "y-grey-rgb"))
    assert {"bench", "basicsr: test_y_channel"} <= {like.name for like in printed_by(y, 1)}
    assert printed_by(y, 1) == printed_by(same, 1)
    assert [like.name for like in printed_by(y, 1, grey=True)] == ["bench"]
    assert {like.library for like in printed_by(same, 1, grey=True)} == {"basicsr", "kair"}


def test_the_pair_is_not_changed() -> None:
    sr, hr = pair()
    before = sr.copy(), hr.copy()
    measure("x", sr, hr, SCALE, ALL[::7])
    assert np.array_equal(sr, before[0])
    assert np.array_equal(hr, before[1])


def test_what_an_image_is_too_small_for_is_left_out() -> None:
    tiny = measure("x", *pair((18, 30)), SCALE, ALL)
    found = {v.convention for v in values([tiny], ALL)}
    assert Psnr(channel="y", shave="scale") in found
    assert Psnr(channel="y", shave="scale+6") not in found
    assert Ssim(channel="y", shave="0") in found
    assert Ssim(channel="y", shave="scale") not in found


def test_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sr is 91x70, must be the size of hr, 30x18"):
        measure("x", pair()[0], pair((18, 30))[1], SCALE, ALL)


def test_every_like_is_one_of_the_conventions() -> None:
    known = {*psnr_conventions(2), *ssim_conventions()}
    for like in LIBRARY_PRESETS:
        assert like.psnr or like.ssim
        for convention in (like.psnr, like.ssim):
            plain = replace(convention, epsilon=False) if isinstance(convention, Psnr) else convention
            assert plain is None or plain in known


def test_each_library_has_one_default_and_options_with_names() -> None:
    for library in LIBRARIES:
        own = likes(library)
        assert [like.option for like in own].count("") == 1
        assert not own[0].option
        assert len({like.option for like in own}) == len(own)


def test_an_unknown_library_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"no rule is known for 'nope'; there are: basicsr, pyiqa"):
        likes("nope")


def test_pooling_is_told_apart_only_where_there_are_several_images() -> None:
    convention = Psnr(channel="rgb", shave="0")
    assert "torchmetrics" in {like.name for like in printed_by(convention, 1)}
    assert "torchmetrics" not in {like.name for like in printed_by(convention, 2)}
    assert "torchmetrics" in {like.name for like in printed_by(replace(convention, mean="pooled"), 2)}


def made(*numbers: float) -> list[Value]:
    return [Value(convention=Psnr(channel="y", shave="0"), value=n, values=(n,)) for n in numbers]


def test_a_match_is_within_half_of_the_last_digit() -> None:
    found = match(published("32.46", None), made(32.4551, 32.46, 32.4649, 32.4651, 32.4549))
    assert found.exact
    assert {v.value for v in found.values} == {32.4551, 32.46, 32.4649}
    assert {v.value for v in match(published("32", None), made(31.6, 32.6)).values} == {31.6}


def test_without_a_match_the_nearest_are_named() -> None:
    found = match(published("32.46", None), made(10, 30, 31, 33))
    assert not found.exact
    assert [v.value for v in found.values] == [33, 31, 30]
    assert match(published("32.46", 2), made(31)).exact


def test_ssim_is_what_is_at_most_1() -> None:
    assert published("0.8968", None).metric == "ssim"
    assert published("1", None).metric == "ssim"
    assert published("28.43", None).metric == "psnr"


@pytest.mark.parametrize("text", ["", "x", "nan", "-3", "1e3", "3,2", "inf", "3.4dB"])
def test_what_is_no_printed_number_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="must be a number as it was printed"):
        published(text, None)


def test_grey_and_colour_give_planes_of_one_shape() -> None:
    sr, hr = pair()
    a, b = planes(sr, hr[..., :1], CHANNELS["y"])
    assert a.shape == b.shape == (1, *SMALL)


def test_recipes_share_moments_and_still_differ() -> None:
    x, y = (image[..., 0] / 255 for image in pair((401, 395)))
    found = ssim_of_planes(x, y, [0], RECIPES)
    assert len(found) == len(RECIPES)
    clipped = sum(recipe.contrast == "clipped" for recipe in RECIPES)  # here there is nothing to clip
    assert len({round(v, 12) for v in found.values()}) == len(RECIPES) - clipped
